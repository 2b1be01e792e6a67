#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives `alloy align speech` with a tiny recogniser of a language of tones, which the test program trains and leaves in a folder.

usage: check_align_speech.py ALLOY ALLOY_TESTS"""
import json
import math
import os
import re
import shutil
import subprocess
import sys
import wave

from cli import expect, expect_error, failures, root, run

made = subprocess.run([sys.argv[2], "a recogniser learns a language of tones and finds its words"], env=os.environ | {"ALLOY_SPEECH_FOLDER": str(root)},
                      capture_output=True, text=True, timeout=200)
assert made.returncode == 0, made.stdout
model, said, words = root / "model", root / "said.wav", ["down", "up", "up", "down", "down"]
START, EACH = 0.1, 0.27  # of test_speech_trainer.cpp: the first word begins here, and so long after it the next


def answers():
    text = "Down, up up. DOWN down!"
    result = run("align", "speech", "--model", model, "--audio", said, "--text", text, "--srt", root / "said.srt", "--json")
    expect(result.returncode == 0 and result.stderr == "", "align speech --json", result)
    answer = json.loads(result.stdout)
    expect([w["word"] for w in answer["words"]] == words and answer["fps"] == 25, "the words of the text", result)
    for place, word in enumerate(answer["words"]):
        expect(abs(word["start"] - START - EACH * place) < 0.08, f"start of word {place}", result)
        expect(word["start"] < word["stop"] <= answer["seconds"], f"word {place} has a length", result)
        inside = [i for i in range(200) if word["start"] - 1e-6 <= i / 25 < word["stop"] - 1e-6]
        expect(word["first_frame"] == inside[0] and word["frames"] == len(inside), f"frames of word {place}", result)
    cues = (root / "said.srt").read_text()
    expect(cues.startswith("1\n00:00:0") and " --> " in cues and all(word in cues for word in words), f"subtitles: {cues}")

    faster = json.loads(run("align", "speech", "--model", model, "--audio", said, "--text", text, "--fps", "100", "--json").stdout)
    expect(sum(w["frames"] for w in faster["words"]) > 3 * sum(w["frames"] for w in answer["words"]), "--fps 100 has more frames", result)
    table = run("align", "speech", "--model", model, "--audio", said, "--text", text)
    expect(table.returncode == 0 and table.stdout.count("down") == 3 and "first frame" in table.stdout, "as a table", table)
    inspected = run("inspect", model)
    expect(inspected.returncode == 0 and "alloy_speech" in inspected.stdout, "inspect a recogniser", inspected)


def wrong_input():
    def wrong(code, parts, **changed):
        given = {"--model": model, "--audio": said, "--text": "up down"} | {f"--{name}": value for name, value in changed.items()}
        expect_error(code, parts, "align", "speech", *[item for pair in given.items() for item in pair])

    wrong(1, ["got left, right; known: up, down"], text="up left right left")
    wrong(1, ["text with words"], text=" ,.")
    wrong(2, ["--text: expected words, got an empty text"], text="")
    wrong(1, ["at least", "s of audio for the 40 words", f"({said})"], text="up " * 40)
    wrong(1, [str(root / "nowhere")], audio=root / "nowhere.wav")
    wrong(1, [str(root / "nowhere")], model=root / "nowhere")
    for fps in ("0", "-1", "nan", "inf", "1e-300", "1e308", "", "fast"):
        wrong(2, ["--fps: expected a number, 0.001 .. 1e+06", f"got '{fps}'", "(see alloy align speech --help)"], fps=fps)
    (root / "text.wav").write_text("no sound at all")
    wrong(1, ["text.wav"], audio=root / "text.wav")
    with wave.open(str(root / "short.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\x10\x20" * 100)
    wrong(1, ["s of audio for the 2 words", "got 0.0125 s", str(root / "short.wav")], audio=root / "short.wav")
    other = root / "other"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "alloy_joint", "format_version": 1}')
    wrong(1, ["alloy_speech", "got alloy_joint"], model=other)
    (other / "config.json").write_text('{"model_type": "alloy_speech", "format_version": 1}')
    wrong(1, ["expected a member"], model=other)
    (other / "config.json").write_text((model / "config.json").read_text())
    wrong(1, ["model.safetensors"], model=other)
    (other / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:-100])
    wrong(1, ["model.safetensors"], model=other)
    wrong(1, ["nosuch"], srt=root / "nosuch" / "said.srt")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    wrong(2, ["--srt: expected a file, got an empty text"], srt="")
    wrong(2, ["--srt", str(said)], srt=said)  # the recording stays
    for name in ("audio", "model"):
        wrong(2, [f"--{name}: expected a f", "got an empty text"], **{name: ""})
    expect({path: path.stat().st_mtime_ns for path in root.rglob("*")} == before, "wrong usage writes nothing")
    expect_error(2, ["--model"], "align", "speech", "--audio", said, "--text", "up")


def too_short():
    """The length that an error asks for is enough."""
    asked = re.search(r"at least ([0-9.]+) s", run("align", "speech", "--model", model, "--audio", said, "--text", "up " * 40).stderr)
    with wave.open(str(said)) as source, wave.open(str(root / "long.wav"), "wb") as out:
        out.setparams(source.getparams())
        sound = source.readframes(source.getnframes())
        out.writeframes((sound * 3)[:2 * math.ceil(float(asked[1]) * source.getframerate())])
    result = run("align", "speech", "--model", model, "--audio", root / "long.wav", "--text", "up " * 40)
    expect(result.returncode == 0 and result.stdout.count("up") == 40, "the length that was asked for is enough", result)


answers()
wrong_input()
too_short()
shutil.rmtree(root)
print(f"{len(failures)} failed")
sys.exit(bool(failures))
