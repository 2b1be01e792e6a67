#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the quick demo and recomputes its figures from results.json; then uses the model it saved.

usage: check_demo.py ALLOY"""
import json
import pathlib
import subprocess
import sys
import tempfile

alloy = sys.argv[1]
out = pathlib.Path(tempfile.mkdtemp(prefix="alloy-demo-")) / "out"
demo = subprocess.run([alloy, "demo", "--quick", "--out", str(out), "--seed", "3"], capture_output=True, text=True, timeout=900)
print(demo.stdout[-6000:], demo.stderr[-600:])
assert demo.returncode == 0, demo.returncode
results = json.loads((out / "results.json").read_text())

methods = {"image", "audio", "text", "concat", "sum", "early_transformer", "gated", "attention", "low_rank", "tensor", "cross_attention",
           "late average", "late weighted_average", "late naive_bayes", "late hard_vote", "late weighted_vote"}
everything = results["modalities"]
for task in ("redundant", "unique", "synergy"):
    truth = results["truth"][f"{task}/3"]
    main = [r for r in results["runs"] if r["task"] == task and not r["modality_dropout"] and r["tested_on"] == r["trained_on"] and
            (r["stage"] == "single" or r["trained_on"] == everything)]
    assert {r["method"] for r in main} == methods, task
    for r in main:
        right = sum(a == b for a, b in zip(r["predicted"], truth)) / len(truth)
        assert len(r["predicted"]) == len(truth)
        assert abs(right - r["accuracy"]["value"]) < 1e-9, (task, r["method"])
        assert r["accuracy"]["low"] <= right <= r["accuracy"]["high"]
        assert r["parameters"] > 0 and r["train_seconds"] > 0 and r["inference_ms"] > 0
        assert r["method"] in demo.stdout
for dropout in (False, True):
    subsets = {tuple(r["tested_on"]) for r in results["runs"] if r["task"] == "redundant" and r["method"] == "gated" and
               r["modality_dropout"] == dropout and r["trained_on"] == everything}
    assert len(subsets) == 7, subsets
assert results["expectations"] and all(e["met"] or e["reason"] for e in results["expectations"])

page = (out / "report.html").read_text()
assert len(page) > 20000 and "<svg" in page and "http://" not in page and "https://" not in page
predict = subprocess.run([alloy, "predict", "--model", str(out / "model"), "--text", "trouser", "--json"], capture_output=True, text=True, timeout=60)
assert predict.returncode == 0, predict.stderr
assert "trouser" in json.loads(predict.stdout)["probabilities"]
print("the demo's figures recompute from results.json")
