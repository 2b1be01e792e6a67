#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives `alloy align` as a person does: series, recordings and log-probabilities in, paths, delays and spans out, and wrong input on
purpose.

usage: check_align.py ALLOY"""
import json
import math
import random
import struct
import sys
import wave

from cli import expect, expect_error, failures, root, run


def write_csv(name, rows, head=None):
    lines = ([head] if head else []) + [",".join(map(repr, row)) for row in rows]
    (root / name).write_text("\n".join(lines) + "\n")
    return root / name


def write_wav(name, samples, rate=16000):
    with wave.open(str(root / name), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(b"".join(struct.pack("<h", int(max(-1, min(1, s)) * 32767)) for s in samples))
    return root / name


def write_tensor(name, dtype, shape, data):
    text = json.dumps({"x": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}).encode()
    (root / name).write_bytes(struct.pack("<Q", len(text)) + text + data)
    return root / name


def write_safetensors(name, tensors):
    header, body = {}, b""
    for key, rows in tensors.items():
        data = struct.pack(f"<{len(rows) * len(rows[0])}f", *[v for row in rows for v in row])
        header[key] = {"dtype": "F32", "shape": [len(rows), len(rows[0])], "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    (root / name).write_bytes(struct.pack("<Q", len(text)) + text + body)
    return root / name


def dtw():
    a = write_csv("a.csv", [[0.0], [1.0], [1.0], [1.0], [3.0]])
    b = write_csv("b.csv", [[0.0], [1.0], [3.0], [3.0]])
    result = run("align", "dtw", a, b, "--json")
    answer = json.loads(result.stdout)
    expect(answer == {"distance": 0, "steps": [5, 4], "path": [[0, 0], [1, 1], [2, 1], [3, 1], [4, 2], [4, 3]]}, "dtw by hand", result)
    result = run("align", "dtw", a, b)
    expect(result.returncode == 0 and "distance  0" in result.stdout and "second waits" in result.stdout and "first waits" in result.stdout, "dtw as a table", result)
    expect(result.stderr == "", "nothing on standard error", result)

    # costs 1 4 0 / 4 9 1 / 9 16 4: 10 in all, 6 by the absolute differences
    a, b = write_csv("c.csv", [[2, 0], [3, 0], [4, 0]], "x,y"), write_csv("d.csv", [[1, 0], [0, 0], [2, 0]])
    expect(abs(json.loads(run("align", "dtw", a, b, "--json").stdout)["distance"] - math.sqrt(10)) < 1e-12, "two numbers a step, with names")
    expect(json.loads(run("align", "dtw", a, b, "--cost", "euclidean", "--json").stdout)["distance"] == 6, "--cost")
    banded = json.loads(run("align", "dtw", a, b, "--band", "0", "--json").stdout)
    expect(abs(banded["distance"] - math.sqrt(1 + 9 + 4)) < 1e-12 and banded["path"] == [[0, 0], [1, 1], [2, 2]], "--band 0 is step by step")
    expect(json.loads(run("align", "dtw", a, b, "--slope", "1", "--json").stdout)["path"] == [[0, 0], [1, 1], [2, 2]], "--slope 1 too")
    part = write_csv("part.csv", [[1, 0], [0, 0]])
    expect(json.loads(run("align", "dtw", part, b, "--ends", "open", "--json").stdout)["path"] == [[0, 0], [1, 1]], "--ends open")
    one = write_csv("one.csv", [[2, 0]])
    result = run("align", "dtw", one, one)
    expect(result.returncode == 0 and "together" in result.stdout, "one step each", result)

    random.seed(1)
    long = [write_csv(f"long{k}.csv", [[random.gauss(0, 1)] for _ in range(400)]) for k in (1, 2)]
    result = run("align", "dtw", *long)
    expect("more; --json gives every pair" in result.stdout and len(result.stdout.splitlines()) < 50, "a long path is cut short", result)

    expect_error(1, ["missing.csv"], "align", "dtw", a, root / "missing.csv")
    expect_error(1, [str(root)], "align", "dtw", root, b)
    for text, words in (("", ["at least one row"]), ("x,y\n", ["at least one row"]), ("1,2\n3,four\n", ["line 2", "column 2", "'four'"]), ("1,2\n3\n", ["line 2", "expected 2 numbers"]),
                        ("1,2\n3,nan\n", ["line 2", "'nan'"]), ("1,2\n3,\n", ["line 2", "''"]), ("once\nupon a time\n", ["line 2", "'upon a time'"]),
                        ("1.5.2\n1\n", ["line 1", "'1.5.2'"]), ("0x10\n1\n", ["line 1", "'0x10'"]), ("x,2\n1,2\n", ["line 1", "'x'"])):
        (root / "bad.csv").write_text(text)
        expect_error(1, ["bad.csv", *words], "align", "dtw", a, root / "bad.csv")
    expect_error(1, [f"2 in {a}", f"1 in {long[0]}"], "align", "dtw", a, long[0])
    huge = write_csv("huge.csv", [[1e200, -1e200]])
    expect_error(1, ["huge.csv", "c.csv"], "align", "dtw", huge, a)  # a sum overflows
    expect_error(1, ["a radius of at least 1", "got 0"], "align", "dtw", part, a, "--band", "0")
    expect_error(1, ["max_slope"], "align", "dtw", part, a, "--slope", "1")
    expect_error(1, ["max_path_mb"], "align", "dtw", *[write_csv(f"longer{k}.csv", [[0]] * 1500) for k in (1, 2)], "--max-path-mb", "1")
    expect_error(2, ["--band"], "align", "dtw", a, b, "--band", "-1")
    for wrong in ("wide", "1.5", "1e308", "nan", "inf", "0x10", "", " 1", "99999999999999999999"):
        expect_error(2, ["--band: expected a whole number, >= 0", f"got '{wrong}'"], "align", "dtw", a, b, "--band", wrong)
    seven = [write_csv(f"seven{k}.csv", [[0]] * (7 + 9 * k)) for k in (0, 1)]
    expect_error(1, ["a radius of at least 9", "got 8"], "align", "dtw", *seven, "--band", "08")
    expect(run("align", "dtw", *seven, "--band", "010").returncode == 0, "010 is ten")
    for wrong in ("0.5", "nan", "inf", "1e308", "1e999", "steep", ""):
        expect_error(2, ["--slope: expected a number, 1 .. 1e+09", f"got '{wrong}'"], "align", "dtw", a, b, "--slope", wrong)
    expect_error(2, ["--slope: expected --ends closed", "got open"], "align", "dtw", a, b, "--slope", "2", "--ends", "open")
    expect_error(2, ["--max-path-mb", "1 .. 1000000", "'0'"], "align", "dtw", a, b, "--max-path-mb", "0")
    expect_error(2, ["first: expected a file, got an empty text"], "align", "dtw", "", b)
    expect_error(2, ["--band", "--slope"], "align", "dtw", a, b, "--slope", "2", "--band", "3")
    expect_error(2, ["--cost", "squared_euclidean"], "align", "dtw", a, b, "--cost", "cosine")
    expect_error(2, ["--ends", "open_begin"], "align", "dtw", a, b, "--ends", "loose")
    expect_error(2, ["second", "(see alloy align dtw --help)"], "align", "dtw", a)
    expect_error(2, ["extra", "(see alloy align dtw --help)"], "align", "dtw", a, b, "extra")


def delay():
    random.seed(2)
    rate, shift = 8000, 1234
    sound = [random.gauss(0, 0.2) for _ in range(rate * 6)]
    first = write_wav("first.wav", [s + random.gauss(0, 0.02) for s in sound], rate)
    second = write_wav("second.wav", [random.gauss(0, 0.02) for _ in range(shift)] + [s + random.gauss(0, 0.02) for s in sound], rate)
    result = run("align", "delay", first, second, "--json")
    answer = json.loads(result.stdout)
    expect(abs(answer["delay_seconds"] - shift / rate) < 1 / rate and answer["confidence"] > 0.5 and abs(answer["drift_ppm"]) < 10, "delay", result)
    expect({"delay_error_seconds", "drift_error_ppm", "correlation", "windows"} <= set(answer) and answer["windows"], "all of the estimate", result)
    back = json.loads(run("align", "delay", second, first, "--no-drift", "--json").stdout)
    expect(abs(back["delay_seconds"] + shift / rate) < 1 / rate and back["drift_ppm"] == 0, "the other way round")
    result = run("align", "delay", first, second, "--method", "correlation")
    expect(result.returncode == 0 and "later" in result.stdout and "confidence" in result.stdout and "ppm" in result.stdout, "delay in words", result)
    result = run("align", "delay", first, first)
    expect("+0.000000 s +- " in result.stdout and "(68 %)" in result.stdout and "start at the same time" in result.stdout and "later" not in result.stdout, "a recording and itself", result)
    result = run("align", "delay", first, first, "--method", "correlation")
    expect("drift        +0.00 ppm +- " in result.stdout, "a drift that reads as 0 has no minus", result)
    short = write_wav("one_window.wav", sound[:rate], rate)
    result = run("align", "delay", short, first)
    expect(result.stdout.count("+- unknown, from too few windows") == 2, "errors of one window", result)
    answer = json.loads(run("align", "delay", short, first, "--json").stdout)
    expect(answer["delay_error_seconds"] is None and answer["drift_error_ppm"] is None and len(answer["windows"]) == 1, "as JSON they are null")
    other = write_wav("other.wav", [random.gauss(0, 0.2) for _ in range(rate * 6)], rate)
    result = run("align", "delay", first, other)
    expect(result.returncode == 0 and "not to be trusted" in result.stdout, "what has nothing in common", result)

    expect_error(1, ["missing.wav"], "align", "delay", first, root / "missing.wav")
    (root / "text.wav").write_text("this is no sound")
    expect_error(1, ["text.wav"], "align", "delay", root / "text.wav", second)
    expect_error(1, ["varies in first", f"first: {root / 'silence.wav'}, second: {second}"], "align", "delay", write_wav("silence.wav", [0] * rate, rate), second)
    expect_error(1, ["varies in second", f"second: {root / 'constant.wav'}"], "align", "delay", first, write_wav("constant.wav", [0.3] * rate, rate))
    expect_error(1, ["16 samples in first, got 2", "short.wav"], "align", "delay", write_wav("short.wav", [0.1, -0.1], rate), second)
    expect_error(2, ["--method", "phat"], "align", "delay", first, second, "--method", "guess")
    for wrong in ("-1", "0", "nan", "inf", "-nan", "1e308", "1e-300", "ten", "", "1,5"):
        expect_error(2, ["--max-delay: expected a number, 0.001 .. 100000", f"got '{wrong}'"], "align", "delay", first, second, "--max-delay", wrong)
    for option in ("--max-drift", "--window"):
        expect_error(2, [f"{option}: expected a number, ", "'nan'"], "align", "delay", first, second, option, "nan")
    expect_error(2, ["second: expected a file, got an empty text"], "align", "delay", first, "")
    expect_error(2, ["second", "(see alloy align delay --help)"], "align", "delay", first)


def ctc():
    # a token is sure in the frames that `said` gives it; 0 is the blank
    said = [0, 1, 1, 0, 5, 0, 5, 2, 0]
    frames = [[math.log(0.9 if v == token else 0.02) for v in range(6)] for token in said]
    file = write_safetensors("ctc.safetensors", {"log_probs": frames})
    result = run("align", "ctc", "--log-probs", file, "--targets", "1 5 5 2", "--json")
    answer = json.loads(result.stdout)
    expect([(s["token"], s["start"], s["stop"]) for s in answer["spans"]] == [(1, 1, 3), (5, 4, 5), (5, 6, 7), (2, 7, 8)], "spans", result)
    expect(all(abs(s["score"] - math.log(0.9)) < 1e-6 for s in answer["spans"]) and abs(answer["log_score"] - 9 * math.log(0.9)) < 1e-5 and answer["frames"] == 9, "scores", result)
    expect(json.loads(run("align", "ctc", "--log-probs", file, "--targets", "1,5, 5,2", "--json").stdout) == answer, "commas do too")
    timed = json.loads(run("align", "ctc", "--log-probs", file, "--targets", "1 5 5 2", "--frame-ms", "20", "--json").stdout)
    expect(abs(timed["spans"][1]["start_seconds"] - 0.08) < 1e-9 and abs(timed["spans"][1]["stop_seconds"] - 0.1) < 1e-9, "seconds")
    result = run("align", "ctc", "--log-probs", file, "--targets", "1 5 5 2", "--frame-ms", "20")
    expect(result.returncode == 0 and "[4, 5)" in result.stdout and "0.080 .. 0.100" in result.stdout, "spans as a table", result)
    # another blank: frames that say 0 are now a token
    result = run("align", "ctc", "--log-probs", file, "--targets", "0 1 0 5 0 5 2 0", "--blank", "3", "--json")
    expect([s["token"] for s in json.loads(result.stdout)["spans"]] == [0, 1, 0, 5, 0, 5, 2, 0], "--blank", result)
    two = write_safetensors("two.safetensors", {"a": frames, "b": frames[:5]})
    expect(json.loads(run("align", "ctc", "--log-probs", two, "--tensor", "b", "--targets", "1 5", "--json").stdout)["frames"] == 5, "--tensor")

    given = ["align", "ctc", "--log-probs", file]
    expect_error(1, ["6"], *given, "--targets", "1 6")                # outside of the vocabulary
    expect_error(1, ["-1"], *given, "--targets=-1 2")
    expect_error(1, ["0"], *given, "--targets", "1 0")                # the blank
    expect_error(1, ["10", "9"], *given, "--targets", "1 1 1 1 1 2")  # six tokens and four blanks between equal ones
    expect_error(1, ["blank"], *given, "--targets", "1", "--blank", "6")
    expect_error(2, ["'two'", "1 5 5 2"], *given, "--targets", "1 two")
    expect_error(2, ["'99999999999999999999'"], *given, "--targets", "99999999999999999999")
    for wrong, why in (("", "an empty text"), ("  ", "no id in '  '"), ("1,,2", "no id beside a comma in '1,,2'"), (",1", "no id beside a comma"), ("1 , ", "no id beside a comma"),
                       (",", "no id beside a comma"), ("1;2", "'1;2'"), ("nan", "'nan'"), ("1.0", "'1.0'"), ("0x1", "'0x1'")):
        expect_error(2, [f'--targets: expected token ids such as "1 5 5 2", got {why}'], *given, "--targets", wrong)
    expect_error(2, ["--targets", "(see alloy align ctc --help)"], *given)
    expect_error(2, ["--blank: expected a whole number, >= 0, got '-1'"], *given, "--targets", "1", "--blank", "-1")
    for wrong in ("0", "nan", "inf", "1e308", "1e-300", ""):
        expect_error(2, ["--frame-ms: expected a number, 0.001 .. 100000", f"got '{wrong}'"], *given, "--targets", "1", "--frame-ms", wrong)
    expect_error(2, ["--tensor: expected a name, got an empty text"], *given, "--targets", "1", "--tensor", "")
    expect_error(2, ["--log-probs: expected a file, got an empty text"], "align", "ctc", "--log-probs", "", "--targets", "1")
    expect_error(1, ["missing.safetensors"], "align", "ctc", "--log-probs", root / "missing.safetensors", "--targets", "1")
    expect_error(1, ["--tensor NAME", "a, b"], "align", "ctc", "--log-probs", two, "--targets", "1")
    expect_error(1, ["'c'", "a, b"], "align", "ctc", "--log-probs", two, "--tensor", "c", "--targets", "1")
    (root / "cut.safetensors").write_bytes(file.read_bytes()[:-3])
    expect_error(1, ["cut.safetensors"], "align", "ctc", "--log-probs", root / "cut.safetensors", "--targets", "1")
    flat = write_tensor("flat.safetensors", "F32", [6], struct.pack("<6f", *[0.0] * 6))
    expect_error(1, ["flat.safetensors", "[T, V]", "[6]", "'x'"], "align", "ctc", "--log-probs", flat, "--targets", "1")
    whole = write_tensor("whole.safetensors", "I32", [2, 3], struct.pack("<6i", *range(6)))
    expect_error(1, ["whole.safetensors", "floating", "'x'"], "align", "ctc", "--log-probs", whole, "--targets", "1")
    bad = write_safetensors("nan.safetensors", {"x": [[0.0, float("nan")], [0.0, 0.0]]})
    expect_error(1, [], "align", "ctc", "--log-probs", bad, "--targets", "1")


def usage():
    for args in (["--help"], ["dtw", "--help"], ["delay", "--help"], ["ctc", "--help"], ["speech", "--help"]):
        result = run("align", *args)
        expect(result.returncode == 0 and result.stdout and result.stderr == "", f"align {args}", result)
    expect_error(2, ["(see alloy align --help)"], "align")
    expect_error(2, ["'align dwt'", "known: dtw, delay, ctc", "(see alloy align --help)"], "align", "dwt", root / "a.csv", root / "b.csv")
    expect_error(2, ["'--jsn'", "(see alloy align --help)"], "align", "--jsn")
    expect_error(2, ["(see alloy --help)"])


dtw()
delay()
ctc()
usage()
print(f"{len(failures)} failures")
sys.exit(bool(failures))
