#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives the command line as a person does: trains on a manifest, predicts, evaluates, and types wrong input on purpose.

usage: check_cli.py ALLOY"""
import json
import math
import random
import struct
import subprocess
import sys
import wave

from cli import alloy, expect, expect_error, failures, root, run, write_png


def write_wav(path, hertz, rate=16000, channels=1, seconds=0.5):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        for t in range(int(rate * seconds)):
            out.writeframes(struct.pack("<h", int(9000 * math.sin(2 * math.pi * hertz * t / rate))) * channels)


def make_data():
    random.seed(1)
    lines = ["photo,sound,note,label,id"]
    for i in range(60):
        bright = i % 2
        write_png(root / f"p{i}.png", 200 if bright else 40)
        write_wav(root / f"s{i}.wav", 1500 if bright else 300, seconds=0.3)
        cells = [f"p{i}.png", f"s{i}.wav", random.choice(["sunny", "daylight"] if bright else ["dark", "night"])]
        if i % 5 == 0:
            cells[i // 5 % 3] = ""  # each modality is missing now and then
        lines.append(",".join(cells + ["day" if bright else "night", f"n{i}"]))
    (root / "data.csv").write_text("\n".join(lines) + "\n")
    (root / "job.json").write_text(json.dumps({
        "data": "data.csv", "dim": 16,
        "modalities": [{"name": "photo", "kind": "image", "preprocess": {"size": 16, "channels": 1}},
                       {"name": "sound", "kind": "audio", "preprocess": {"log_mel": {"mel_bins": 16}}},
                       {"name": "note", "kind": "text", "preprocess": {"max_length": 16}}],
        "fusion": {"type": "attention"}, "training": {"epochs": 8, "learning_rate": 0.003}, "batch_size": 8}))


def right_use():
    result = run("train", "fusion", "--config", root / "job.json", "--out", root / "out")
    expect(result.returncode == 0 and "model" in result.stdout, "train fusion", result)
    model = root / "out" / "model"
    expect(sorted(p.name for p in model.iterdir()) == ["config.json", "model.safetensors"], "a model folder")
    expect(len((root / "out" / "log.jsonl").read_text().splitlines()) == 8, "a log line an epoch")

    result = run("predict", "--model", model, "--image", root / "p1.png", "--audio", root / "s1.wav", "--text", "sunny", "--json")
    answer = json.loads(result.stdout)
    expect(answer["answer"] == "day" and abs(sum(answer["probabilities"].values()) - 1) < 1e-5, "predict on all modalities", result)
    expect(set(answer["weights"]) == {"photo", "sound", "note"} and set(answer["leave_one_out"]) == {"photo", "sound", "note"}, "contributions", result)
    for given in (["--image", root / "p0.png"], ["--input", f"sound={root / 's0.wav'}"], ["--input", "note=night"]):
        result = run("predict", "--model", model, *given)
        expect(result.returncode == 0 and "probability" in result.stdout, f"predict on {given}", result)
    write_wav(root / "stereo.wav", 300, rate=44100, channels=2)  # another rate and two channels are converted
    expect(run("predict", "--model", model, "--audio", root / "stereo.wav").returncode == 0, "predict on 44.1 kHz stereo")

    result = run("evaluate", "--model", model, "--data", root / "data.csv", "--json")
    scores = json.loads(result.stdout)
    expect(scores["samples"] == 60 and scores["scores"]["accuracy"]["value"] > 0.8, "evaluate", result)

    fusions = json.loads(run("list", "fusions", "--json").stdout)
    expect({"gated", "late", "input_concat", "tensor"} <= {f["name"] for f in fusions}, "list fusions")
    expect(all(o["description"] for f in fusions for o in f["options"]), "every option is described")
    expect(len(json.loads(run("list", "encoders", "--json").stdout)) >= 11, "list encoders")
    expect([e["name"] for e in json.loads(run("list", "config", "--json").stdout)] == ["config", "training"], "list config")
    expect("max_length" in run("list", "kinds").stdout, "list kinds")
    expect("rotation" in run("list", "augment").stdout, "list augment")
    inspected = json.loads(run("inspect", model, "--json").stdout)
    expect(inspected["config"]["fusion"]["type"] == "attention" and inspected["values"] > 1000, "inspect a model folder")
    expect("encoder_note.embedding.weight" in run("inspect", model / "model.safetensors").stdout, "inspect a file")
    for args in (["--help"], ["--version"], ["predict", "--help"]):
        expect(run(*args).returncode == 0, f"{args}")


def other_tasks():
    """Regression and multilabel, from training to prediction; and a manifest whose gaps tell the label."""
    lines, tags = ["photo,note,label"], ["photo,note,label"]
    for i in range(60):
        bright = i % 2
        lines.append(f"p{i}.png,{'sunny' if bright else 'dark'},{20.5 if bright else -3}|{i % 2}")
        tags.append(f"p{i}.png,{'sunny' if bright else 'dark'},{'day|warm' if bright else 'night'}")
    (root / "degrees.csv").write_text("\n".join(lines) + "\n")
    (root / "tags.csv").write_text("\n".join(tags) + "\n")
    job = json.loads((root / "job.json").read_text())
    job["modalities"].pop(1)
    job["fusion"] = {"type": "concat"}
    job["training"]["learning_rate"] = 0.01
    for task, data in (("regression", "degrees.csv"), ("multilabel", "tags.csv")):
        (root / f"{task}.json").write_text(json.dumps(dict(job, task=task, data=data)))
        out = root / task
        result = run("train", "fusion", "--config", root / f"{task}.json", "--out", out)
        expect(result.returncode == 0, f"train {task}", result)
        result = run("predict", "--model", out / "model", "--image", root / "p1.png", "--text", "sunny", "--json")
        expect(result.returncode == 0, f"predict {task}", result)
        answer = json.loads(result.stdout)
        if task == "regression":
            expect(len(answer["values"]) == 2 and answer["values"]["0"] > 5, "two numbers, the first near 20.5", result)
        else:
            expect(answer["probabilities"]["day"] > 0.5 and answer["probabilities"]["warm"] > 0.5 > answer["probabilities"]["night"], "each label on its own", result)
        result = run("evaluate", "--model", out / "model", "--data", root / data, "--json")
        expect(result.returncode == 0, f"evaluate {task}", result)
        scores = json.loads(result.stdout)["scores"]
        name = "r2" if task == "regression" else "micro_f1"
        expect(scores[name]["value"] > 0.5, f"{name} above 0.5", result)
    (root / "regression.json").write_text(json.dumps(dict(job, task="regression", data="degrees.csv", fusion={"type": "late", "options": {"rule": "hard_vote"}})))
    expect_error(1, ["hard_vote", "regression", "weighted_average"], "train", "fusion", "--config", root / "regression.json", "--out", root / "x8")

    lines = ["photo,note,label"] + [f"p{i}.png,{'' if i % 2 else 'dark'},{'day' if i % 2 else 'night'}" for i in range(60)]
    (root / "leak.csv").write_text("\n".join(lines) + "\n")
    (root / "leak.json").write_text(json.dumps(dict(job, data="leak.csv")))
    result = run("train", "fusion", "--config", root / "leak.json", "--out", root / "leak")
    expect(result.returncode == 0 and "which modalities a sample has tells its label" in result.stderr, "a leak through gaps is reported", result)


def wrong_use():
    model = root / "out" / "model"
    predict = ["predict", "--model", model]
    expect_error(1, ["missing.png"], *predict, "--image", root / "missing.png")
    expect_error(1, [str(root)], *predict, "--image", root)
    (root / "text.png").write_text("this is no picture")
    expect_error(1, ["text.png"], *predict, "--image", root / "text.png")
    expect_error(2, ["'note' is empty"], *predict, "--input", "note=")
    expect_error(2, ["'smell'", "photo, sound, note"], *predict, "--input", "smell=x")
    expect_error(2, ["at least one modality"], *predict)
    expect_error(2, ["NAME=VALUE"], *predict, "--input", "note")
    expect_error(2, ["given twice"], *predict, "--text", "a", "--input", "note=b")
    expect_error(1, ["nowhere"], "predict", "--model", root / "nowhere", "--text", "a")
    expect_error(2, ["--model"], "predict", "--text", "a")
    expect_error(2, ["smells"], "list", "smells")
    expect_error(2, ["'fly'", "known: demo"], "fly")
    expect_error(2, ["'--verison'"], "--verison")
    expect_error(2, ["'note' is empty"], *predict, "--text", "")
    expect_error(1, ["did you mean", str(model)], "predict", "--model", root / "out", "--text", "a")
    expect_error(2, ["--batch-size", "1"], "evaluate", "--model", model, "--data", root / "data.csv", "--batch-size", "0")
    full = subprocess.run(f"{alloy} list fusions > /dev/full", shell=True, capture_output=True, text=True)
    expect(full.returncode == 1 and "cannot write" in full.stderr, "a full disk behind standard output is noticed", full)
    expect_error(1, ["data.csv"], "inspect", root / "data.csv")
    expect_error(1, ["missing.json"], "train", "fusion", "--config", root / "missing.json", "--out", root / "x")

    job = json.loads((root / "job.json").read_text())

    def with_job(change, code, words, name):
        changed = json.loads(json.dumps(job))
        change(changed)
        (root / "bad.json").write_text(json.dumps(changed))
        expect_error(code, words, "train", "fusion", "--config", root / "bad.json", "--out", root / name)
        expect(not (root / name / "model").exists(), f"{name}: nothing written half")

    with_job(lambda j: j["fusion"].update(type="gatd"), 1, ["unknown fusion 'gatd'", "attention, concat"], "x1")
    with_job(lambda j: j["fusion"].update(options={"dmi": 3}), 1, ["/fusion/options/dmi: unknown option, known: modalities, dim"], "x2")
    with_job(lambda j: j.update(epochs=3), 1, ["/epochs: unknown option", "training"], "x3")
    with_job(lambda j: j["modalities"][0].update(kind="smell"), 1, ["unknown kind 'smell'", "image, audio, text, features"], "x4")
    with_job(lambda j: j["modalities"][0].update(name="photos"), 1, ["photos"], "x5")
    with_job(lambda j: j["training"].update(learning_rate="fast"), 1, ["/training/learning_rate: expected a number, got a string"], "x6")
    with_job(lambda j: j["fusion"].update(option={}), 1, ["/fusion/option: unknown option"], "x8")
    with_job(lambda j: j["modalities"][2].update(name="label"), 1, ["/modalities/2/name", "'label'"], "x9")
    rows = (root / "data.csv").read_text().splitlines()
    (root / "gap.csv").write_text("\n".join(rows[:8] + [",,,day,n"] + rows[8:]) + "\n")
    with_job(lambda j: j.update(data="gap.csv"), 1, ["[gap.csv, line 9]", "empty cells"], "x10")
    (root / "splits.csv").write_text("\n".join([rows[0] + ",split"] + [r + (",trian" if i == 6 else ",train") for i, r in enumerate(rows[1:])]) + "\n")
    with_job(lambda j: j.update(data="splits.csv"), 1, ["[splits.csv, line 8]", "'trian'"], "x11")
    with_job(lambda j: j.update(dim=10**9), 1, [], "x12")
    for place in ("", "/proc/x", root / "data.csv"):
        expect_error(1, ["[--out]"], "train", "fusion", "--config", root / "job.json", "--out", place)
    log = (root / "out" / "log.jsonl").read_text()
    with_job(lambda j: j["fusion"].update(type="gatd"), 1, [], "out2")
    expect(not (root / "out2").exists(), "a folder that nothing was written into does not stay")
    expect_error(1, ["gatd"], "train", "fusion", "--config", root / "bad.json", "--out", root / "out")
    expect((root / "out" / "log.jsonl").read_text() == log, "a run that fails leaves the log of the one before")
    (root / "bad.json").write_text("{")
    expect_error(1, ["expected JSON"], "train", "fusion", "--config", root / "bad.json", "--out", root / "x7")

    config = (model / "config.json").read_text()
    (model / "config.json").write_text(config.replace('"format_version": 1', '"format_version": 9'))
    expect_error(1, ["format_version", "expected 1, got 9"], *predict, "--text", "a")
    (model / "config.json").write_text(config)
    (root / "unlabelled.csv").write_text("photo,note\np1.png,x\n")
    expect_error(1, ["label"], "evaluate", "--model", model, "--data", root / "unlabelled.csv")
    (root / "other.csv").write_text("taste,label\nsweet,day\n")
    expect_error(1, ["photo, sound, note", "taste"], "evaluate", "--model", model, "--data", root / "other.csv")


make_data()
right_use()
other_tasks()
wrong_use()
print(f"{len(failures)} failures")
sys.exit(bool(failures))
