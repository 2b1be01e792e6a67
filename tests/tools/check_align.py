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
                        ("1,2\n3,nan\n", ["line 2", "'nan'"]), ("1,2\n3,\n", ["line 2", "''"]), ("once\nupon a time\n", ["line 2", "'upon a time'"])):
        (root / "bad.csv").write_text(text)
        expect_error(1, ["bad.csv", *words], "align", "dtw", a, root / "bad.csv")
    expect_error(1, ["one dtype and width", "[3, 2]", "[400, 1]"], "align", "dtw", a, long[0])
    expect_error(1, ["a radius of at least 1", "got 0"], "align", "dtw", part, a, "--band", "0")
    expect_error(1, ["max_slope"], "align", "dtw", part, a, "--slope", "1")
    expect_error(1, ["max_path_mb"], "align", "dtw", *[write_csv(f"longer{k}.csv", [[0]] * 1500) for k in (1, 2)], "--max-path-mb", "1")
    expect_error(2, ["--band"], "align", "dtw", a, b, "--band", "-1")
    expect_error(2, ["--band"], "align", "dtw", a, b, "--band", "wide")
    expect_error(2, ["--slope"], "align", "dtw", a, b, "--slope", "0.5")
    expect_error(2, ["--band", "--slope"], "align", "dtw", a, b, "--slope", "2", "--band", "3")
    expect_error(2, ["--cost", "squared_euclidean"], "align", "dtw", a, b, "--cost", "cosine")
    expect_error(2, ["--ends", "open_begin"], "align", "dtw", a, b, "--ends", "loose")
    expect_error(2, ["second"], "align", "dtw", a)


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
    other = write_wav("other.wav", [random.gauss(0, 0.2) for _ in range(rate * 6)], rate)
    result = run("align", "delay", first, other)
    expect(result.returncode == 0 and "not to be trusted" in result.stdout, "what has nothing in common", result)

    expect_error(1, ["missing.wav"], "align", "delay", first, root / "missing.wav")
    (root / "text.wav").write_text("this is no sound")
    expect_error(1, ["text.wav"], "align", "delay", root / "text.wav", second)
    expect_error(1, [], "align", "delay", write_wav("silence.wav", [0] * rate, rate), second)
    expect_error(1, [], "align", "delay", write_wav("short.wav", [0.1, -0.1], rate), second)
    expect_error(2, ["--method", "phat"], "align", "delay", first, second, "--method", "guess")
    expect_error(2, ["--max-delay"], "align", "delay", first, second, "--max-delay", "-1")
    expect_error(2, ["second"], "align", "delay", first)


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
    expect_error(2, ["--targets"], *given)
    expect_error(2, ["--blank"], *given, "--targets", "1", "--blank", "-1")
    expect_error(2, ["--frame-ms"], *given, "--targets", "1", "--frame-ms", "0")
    expect_error(1, ["missing.safetensors"], "align", "ctc", "--log-probs", root / "missing.safetensors", "--targets", "1")
    expect_error(1, ["--tensor NAME", "a, b"], "align", "ctc", "--log-probs", two, "--targets", "1")
    expect_error(1, ["'c'", "a, b"], "align", "ctc", "--log-probs", two, "--tensor", "c", "--targets", "1")
    (root / "cut.safetensors").write_bytes(file.read_bytes()[:-3])
    expect_error(1, ["cut.safetensors"], "align", "ctc", "--log-probs", root / "cut.safetensors", "--targets", "1")
    bad = write_safetensors("nan.safetensors", {"x": [[0.0, float("nan")], [0.0, 0.0]]})
    expect_error(1, [], "align", "ctc", "--log-probs", bad, "--targets", "1")


def usage():
    for args in (["--help"], ["dtw", "--help"], ["delay", "--help"], ["ctc", "--help"]):
        expect(run("align", *args).returncode == 0, f"align {args}")
    expect_error(2, [], "align")
    expect_error(2, ["'align dwt'", "known: dtw, delay, ctc"], "align", "dwt", root / "a.csv", root / "b.csv")


dtw()
delay()
ctc()
usage()
print(f"{len(failures)} failures")
sys.exit(bool(failures))
