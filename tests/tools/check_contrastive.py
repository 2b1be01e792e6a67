#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Contrastive training from the command line as a person does it: from a table, from shards, stopped and taken up again, in several processes,
and with wrong input typed on purpose.

usage: check_contrastive.py ALLOY"""
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time

from cli import alloy, expect, expect_error, failures, root, run, write_png

os.environ["OMP_NUM_THREADS"] = "1"  # several run at once
small = ["--batch-size", "16", "--log-every-n-steps", "5"]
config = {"modalities": [{"name": "image", "kind": "image", "column": "filepath", "preprocess": {"size": 16, "channels": 1},
                          "encoder": {"type": "conv_image", "options": {"channels": 1, "dim": 16, "stages": [8, 16]}}},
                         {"name": "text", "kind": "hashed_text", "column": "title", "preprocess": {"buckets": 256},
                          "encoder": {"type": "hashed_text", "options": {"buckets": 256, "dim": 16, "embedding_dim": 16, "hidden_dim": 16, "dropout_rate": 0.1}}}],
          "model": {"dim": 16}, "training": {"learning_rate": 0.01, "epochs": 6}, "batch_size": 16}
words = ["black", "dark", "dim", "grey", "light", "bright", "pale", "white"]


def make_data():
    random.seed(1)
    rows = []
    for i in range(128):
        shade = i % 8
        write_png(root / f"p{i}.png", 16 + 32 * shade)
        rows.append((f"p{i}.png", words[shade]))
    table = "filepath\ttitle\n" + "".join(f"{path}\t{title}\n" for path, title in rows)
    (root / "pairs.tsv").write_text(table)
    (root / "semicolons.txt").write_text(table.replace("\t", ";"))
    (root / "labelled.csv").write_text("image,text,label\n" + "".join(f"{path},a {title} picture,{title}\n" for path, title in rows[:64]))
    (root / "labels.txt").write_text("\n".join(words) + "\n")
    (root / "templates.txt").write_text("{}\na {} picture\n")
    (root / "job.json").write_text(json.dumps(config))
    for shard in range(2):
        with tarfile.open(root / f"train-{shard}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for i, (path, title) in enumerate(rows[shard * 64:shard * 64 + 64]):
                for name, content in ((f"{i:04}.png", (root / path).read_bytes()), (f"{i:04}.txt", title.encode())):
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))


def train(name, *args):
    return run("train", "contrastive", "--config", root / "job.json", "--train-data", root / "pairs.tsv", "--logs", root / "logs", "--name", name, *small, *args)


def weights(name):
    return (root / "logs" / name / "model" / "model.safetensors").read_bytes()


def losses(name):
    lines = [json.loads(line) for line in (root / "logs" / name / "log.jsonl").read_text().splitlines()]
    return [(line["step"], line.get("loss"), line.get("train_loss")) for line in lines]


def check_training():
    first = train("first")
    expect(first.returncode == 0 and "trained on 128 samples" in first.stdout and "48 steps" in first.stdout, "training from a table", first)
    run_folder = root / "logs" / "first"
    for name in ("model/config.json", "model/model.safetensors", "log.jsonl", "report.html"):
        expect((run_folder / name).is_file(), f"{name} is written")
    expect(len(list((run_folder / "events").iterdir())) == 1, "event files are written")
    expect(sorted(p.name for p in (run_folder / "checkpoints").glob("step-*")) == ["step-00000040", "step-00000048"], "two checkpoints stay")
    expect("<h1" in (run_folder / "report.html").read_text() and "loss" in (run_folder / "report.html").read_text(), "the report has curves")
    again = train("again")
    expect(again.returncode == 0 and weights("again") == weights("first"), "the same again, bit by bit", again)
    separated = run("train", "contrastive", "--config", root / "job.json", "--train-data", root / "semicolons.txt", "--csv-separator", ";", "--logs", root / "logs", "--name", "separated", *small)
    expect(separated.returncode == 0 and weights("separated") == weights("first"), "a table with semicolons", separated)
    shards = run("train", "contrastive", "--config", root / "job.json", "--train-data", f"{root}/train-{{0..1}}.tar", "--logs", root / "logs", "--name", "shards", "--epochs", "2", *small)
    expect(shards.returncode == 0 and "trained on 128 samples" in shards.stdout, "training from shards", shards)
    synthetic = run("train", "contrastive", "--dataset-type", "synthetic", "--synthetic-samples", "96", "--epochs", "1", "--logs", root / "logs", "--name", "synthetic", *small)
    expect(synthetic.returncode == 0 and "mean R@1" in synthetic.stdout, "training on scenes", synthetic)
    (root / "classes.tsv").write_text((root / "labelled.csv").read_text().replace("image,text", "filepath,title").replace(",", "\t"))
    classes = train("classes", "--zeroshot-data", root / "classes.tsv", "--zeroshot-templates", root / "templates.txt", "--zeroshot-frequency", "4")
    shown = [line.split("image zero-shot top1 ")[1].split()[0] for line in (classes.stdout + classes.stderr).splitlines() if "image zero-shot top1 " in line]
    logged = [json.loads(line) for line in (root / "logs" / "classes" / "log.jsonl").read_text().splitlines()]
    kept = {line["epoch"]: line["validation"]["image zero-shot top1"] for line in logged if "validation" in line}
    expect(classes.returncode == 0 and list(kept) == [4, 6] and shown == [f"{value:.4f}" for value in kept.values()], f"zero-shot accuracy of epochs: {shown}, {kept}", classes)
    expect(weights("classes") == weights("first") and kept[6] > 0.6, "zero-shot accuracy is learnt and changes nothing")
    used = run("evaluate", "--model", root / "logs" / "classes" / "model", "--data", root / "labelled.csv", "--templates", root / "templates.txt", "--group-by", "label", "--json")
    expect(used.returncode == 0 and abs(json.loads(used.stdout)["zero_shot"]["image"]["top1"]["value"] - kept[6]) < 1e-9, "the same accuracy by alloy evaluate", used)
    for flags in (["--siglip"], ["--accum-freq", "2"], ["--lock-image"], ["--precision", "amp_bf16"], ["--opt", "stable_adamw", "--lr-scheduler", "const"], ["--ema", "0.9"],
                  ["--pretrained", root / "logs" / "first" / "model", "--config", root / "bare.json"]):
        (root / "bare.json").write_text(json.dumps({**config, "modalities": [{"name": "image", "column": "filepath"}, {"name": "text", "column": "title"}]}))
        name = "flags" + "".join(map(str, flags)).replace("/", "_")[:40]
        base = ["--config", root / "job.json"] if "--config" not in flags else []
        result = run("train", "contrastive", *base, "--train-data", root / "pairs.tsv", "--logs", root / "logs", "--name", name, "--epochs", "1", *small, *flags)
        expect(result.returncode == 0, f"training with {flags}", result)


def check_use():
    model = root / "logs" / "first" / "model"
    result = run("evaluate", "--model", model, "--data", root / "labelled.csv", "--templates", root / "templates.txt", "--group-by", "label", "--json")
    expect(result.returncode == 0, "evaluate", result)
    if result.returncode == 0:
        scores = json.loads(result.stdout)
        expect([(p["from"], p["to"]) for p in scores["retrieval"]] == [("image", "text"), ("text", "image")], "both directions")
        expect(all(p["R@1"]["value"] > 0.6 > 3 * p["R@1"]["chance"] for p in scores["retrieval"]), f"retrieval is learnt: {scores['retrieval']}")
        expect(scores["zero_shot"]["image"]["top1"]["value"] > 0.6 and abs(scores["zero_shot"]["image"]["top1"]["chance"] - 1 / 8) < 1e-9, "zero-shot classes are learnt")
    table = run("evaluate", "--model", model, "--data", root / "pairs.tsv", "--column", "image=filepath", "--column", "text=title")
    expect(table.returncode == 0 and "image to text" in table.stdout and "median rank" in table.stdout, "evaluate as a table", table)
    answer = run("zero-shot", "--model", model, "--labels", root / "labels.txt", "--templates", root / "templates.txt", "--images", root / "p0.png", root / "p7.png", "--json")
    expect(answer.returncode == 0 and json.loads(answer.stdout)[0]["labels"][0]["label"] in words[:2] and json.loads(answer.stdout)[1]["labels"][0]["label"] in words[-2:], "zero-shot", answer)
    expect_error(2, ["one of --images"], "zero-shot", "--model", model, "--labels", root / "labels.txt")
    expect_error(1, ["kind audio"], "zero-shot", "--model", model, "--labels", root / "labels.txt", "--audio", root / "p0.png")
    expect_error(1, ["filepath", "--column"], "evaluate", "--model", model, "--data", root / "pairs.tsv")
    expect_error(1, ["model_type", "expected 'alloy_fusion', got 'alloy_joint'"], "predict", "--model", model, "--image", root / "p0.png")
    expect_error(2, ["no modality 'sound'"], "evaluate", "--model", model, "--data", root / "pairs.tsv", "--column", "sound=title")


def start(name, *args, logs=root / "logs", batch_size=16, **environment):
    command = [alloy, "train", "contrastive", "--config", root / "job.json", "--train-data", root / "pairs.tsv", "--logs", logs, "--name", name, "--batch-size", batch_size,
               "--log-every-n-steps", "5", *args]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})


def wait_for_steps(name, steps, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        log = root / "logs" / name / "log.jsonl"
        if log.exists() and log.read_text().count('"kind": "step"') * 5 >= steps:
            return True
        time.sleep(0.02)
    return False


def check_stopping():
    long = ["--epochs", "60", "--save-frequency", "2"]
    unbroken = train("unbroken", *long)
    expect(unbroken.returncode == 0, "a longer training", unbroken)
    for kind, name in ((signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated"), (signal.SIGKILL, "killed")):
        process = start(name, *long)
        expect(wait_for_steps(name, 60), f"{name}: it trains")
        process.send_signal(kind)
        process.wait(timeout=60)
        error = process.stderr.read()
        if kind != signal.SIGKILL:
            expect(process.returncode == 1 and "cancelled after step" in error and "resume = latest" in error, f"{name}: a clean end: {process.returncode} {error[-300:]}")
        expect(any((root / "logs" / name / "checkpoints").glob("step-*")), f"{name}: a checkpoint")
        resumed = train(name, *long, "--resume", "latest")
        expect(resumed.returncode == 0 and weights(name) == weights("unbroken"), f"{name}: goes on bit by bit", resumed)
        expect(losses(name)[-20:] == losses("unbroken")[-20:], f"{name}: the log goes on")
    twice = start("twice", "--epochs", "2000", "--accum-freq", "8")
    expect(wait_for_steps("twice", 5), "twice: it trains")
    twice.send_signal(signal.SIGSTOP)  # so that both wait when it goes on: before it has ended cleanly
    twice.send_signal(signal.SIGINT)
    twice.send_signal(signal.SIGTERM)
    twice.send_signal(signal.SIGCONT)
    began = time.monotonic()
    twice.wait(timeout=30)
    expect(time.monotonic() - began < 10 and twice.returncode in (-signal.SIGINT, -signal.SIGTERM, 130, 143), f"a second signal ends at once: {twice.returncode}")


def check_resume_errors():
    logs = root / "logs"
    shutil.copytree(logs / "first", logs / "damaged")
    for checkpoint in (logs / "damaged" / "checkpoints").glob("step-*"):
        path = checkpoint / "optimizer.safetensors"
        content = bytearray(path.read_bytes())
        content[-5] ^= 1
        path.write_bytes(content)
    base = ["train", "contrastive", "--config", root / "job.json", "--train-data", root / "pairs.tsv", "--logs", logs, *small]
    damaged = run(*base, "--name", "damaged", "--resume", "latest")
    expect(damaged.returncode == 1 and "damaged" in damaged.stderr, "a damaged checkpoint is refused", damaged)
    foreign = run(*base, "--name", "foreign", "--resume", logs / "shards" / "checkpoints" / "step-00000016")
    expect(foreign.returncode == 1 and "data_digest" in foreign.stderr, "a checkpoint of other data is refused", foreign)
    other = run(*base[:-len(small)], "--name", "first", "--resume", "latest", "--batch-size", "32")
    expect(other.returncode == 1 and "batch_size 16 -> 32" in other.stderr, "another batch size is refused", other)
    expect_error(2, ["--name"], *base, "--resume", "latest")


def check_wrong_input():
    base = ["train", "contrastive", "--logs", root / "logs", "--name", "wrong"]
    data = ["--config", root / "job.json", "--train-data", root / "pairs.tsv"]
    (root / "comma.csv").write_text("path,words\np0.png,black\n")
    expect_error(1, ["filepath", "path", "words"], *base, "--config", root / "job.json", "--train-data", root / "comma.csv")
    expect_error(1, ["filepath", "path", "words"], *base, "--train-data", root / "comma.csv")
    expect_error(2, ["--train-data"], *base)
    expect_error(1, ["at most the 128 training samples", "256"], *base, *data, "--batch-size", "256")
    expect_error(1, ["more than one sample"], *base, *data, "--batch-size", "1")
    expect_error(1, ["learning_rate > 0"], *base, *data, "--lr", "0")
    expect_error(1, ["an encoder with patches"], *base, *data, "--force-patch-dropout", "0.5")
    expect_error(2, ["--force-patch-dropout", "1.5"], *base, *data, "--force-patch-dropout", "1.5")
    expect_error(1, ["force_patch_dropout in 0..1", "got 1"], *base, *data, "--force-patch-dropout", "1")
    expect_error(1, ["/zero_shot/column", "filepath", "words"], *base, *data, "--zeroshot-data", root / "comma.csv")
    expect_error(1, ["/zero_shot/data"], *base, *data, "--zeroshot-templates", root / "templates.txt")
    (root / "typo.json").write_text('{"modalties": []}')
    expect_error(1, ["modalties", "known: "], *base, "--train-data", root / "pairs.tsv", "--config", root / "typo.json")
    table = (root / "pairs.tsv").read_text().replace("p3.png", "gone.png").replace("p5.png", "lost.png")
    (root / "gone.tsv").write_text(table)
    gone = run(*base[:-1], "gone", "--config", root / "job.json", "--train-data", root / "gone.tsv", "--batch-size", "16")
    expect(gone.returncode == 1 and "gone.png" in gone.stderr and "lost.png" in gone.stderr, "paths that do not exist end the training above the limit", gone)
    (root / "lenient.json").write_text(json.dumps({**config, "bad_sample_limit": 0.1}))
    lenient = run(*base[:-1], "lenient", "--config", root / "lenient.json", "--train-data", root / "gone.tsv", "--batch-size", "16", "--epochs", "1")
    expect(lenient.returncode == 0 and lenient.stdout.count("skipped 1: ") == 2, "below the limit they are counted", lenient)
    (root / "empty.tsv").write_text((root / "pairs.tsv").read_text().replace("\tblack\n", "\t\n"))
    empty = run(*base[:-1], "empty", "--config", root / "job.json", "--train-data", root / "empty.tsv", "--batch-size", "16", "--epochs", "1")
    expect(empty.returncode == 0 and "text: 112 of 128 samples have it" in empty.stdout, "empty captions are counted", empty)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def check_processes():
    """A plain loop, as a shell script has it."""
    for world in (2, 4):
        where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(world)}
        # The job without dropout, which each process draws for itself.
        plain = json.loads((root / "job.json").read_text())
        plain["modalities"][1]["encoder"]["options"]["dropout_rate"] = 0.0
        (root / "plain.json").write_text(json.dumps(plain))
        command = ["--config", root / "plain.json", "--epochs", "2", "--report-to", "none"]
        alone = run("train", "contrastive", *command, "--train-data", root / "pairs.tsv", "--logs", root / "logs", "--name", f"alone{world}", "--batch-size", "16", "--log-every-n-steps", "1")
        expect(alone.returncode == 0, "one process", alone)
        for form in ([], ["--local-loss", "--gather-with-grad"]):
            name = f"world{world}{len(form)}"
            processes = [subprocess.Popen(list(map(str, [alloy, "train", "contrastive", *command, "--train-data", root / "pairs.tsv", "--logs", root / "logs", "--name", name, "--batch-size",
                                                         16 // world, "--log-every-n-steps", "1", "--dist-timeout", "60", *form])), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                          env={**os.environ, **where, "RANK": str(rank)}) for rank in range(world)]
            outputs = [p.communicate(timeout=120) for p in processes]
            expect(all(p.returncode == 0 for p in processes), f"{name}: all end well: {outputs}")
            if any(p.returncode for p in processes):
                continue
            expect(sum("trained on" in out for out, _ in outputs) == 1, f"{name}: process 0 alone speaks")
            one, several = losses(f"alone{world}"), losses(name)
            apart = max(abs((a[1] or a[2]) - (b[1] or b[2])) for a, b in zip(one, several))
            expect(len(one) == len(several) and apart < 1e-4, f"{name}: the losses of one process, apart {apart}")
    os.environ["RANK"] = "0"
    expect_error(1, ["WORLD_SIZE"], "train", "contrastive", "--dataset-type", "synthetic", "--name", "x")
    os.environ.update(RANK="3", WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT="29533")
    expect_error(1, ["RANK 3", "WORLD_SIZE 2"], "train", "contrastive", "--dataset-type", "synthetic", "--name", "x", "--logs", root / "logs")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        os.environ.update(RANK="0", MASTER_PORT=str(taken.getsockname()[1]))
        expect_error(1, ["in use"], "train", "contrastive", "--dataset-type", "synthetic", "--name", "x", "--logs", root / "logs", "--dist-timeout", "5")
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        del os.environ[name]


def start_all(name, world, port, *args):
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(world)}
    return [start(name, "--dist-timeout", "10", "--report-to", "none", "--epochs", "16", "--save-frequency", "2", *args, batch_size=16 // world, **where, RANK=str(rank))
            for rank in range(world)]


def check_restart():
    """Row T9: a process that is killed ends the others with a typed error, and all of them, started again, end where an unbroken training does."""
    outputs = [(p.communicate(timeout=120), p.returncode) for p in start_all("pair", 2, free_port())]
    expect(all(code == 0 for _, code in outputs), f"two processes: {outputs}")
    for victim in (1, 0):
        name = f"pair-killed-{victim}"
        processes = start_all(name, 2, free_port())
        expect(wait_for_steps(name, random.Random(victim).randrange(30, 90)), f"{name}: it trains")
        processes[victim].kill()
        began = time.monotonic()
        error = processes[1 - victim].communicate(timeout=60)[1]
        expect(time.monotonic() - began < 10 + 5, f"{name}: the other ends in time")
        expect(processes[1 - victim].returncode == 1 and "expected all 2 processes to take part" in error, f"{name}: with a typed error: {error[-300:]}")
        processes[victim].communicate()
        outputs = [(p.communicate(timeout=120), p.returncode) for p in start_all(name, 2, free_port(), "--resume", "latest")]
        expect(all(code == 0 for _, code in outputs) and weights(name) == weights("pair"), f"{name}: started again, bit by bit: {outputs}")
    processes = start_all("four-killed", 4, free_port())
    expect(wait_for_steps("four-killed", 20), "four: they train")
    processes[2].kill()
    began = time.monotonic()
    errors = [p.communicate(timeout=60)[1] for p in processes]
    expect(time.monotonic() - began < 10 + 5, "four: the others end in time")
    expect(all(p.returncode == 1 for i, p in enumerate(processes) if i != 2), f"four: with typed errors: {errors}")
    alone = run("train", "contrastive", "--config", root / "job.json", "--train-data", root / "pairs.tsv", "--logs", root / "logs", "--name", "pair", "--batch-size", "8", "--resume", "latest")
    expect(alone.returncode == 1 and "world_size 2 -> 1" in alone.stderr, "another number of processes is refused", alone)


def check_full_disk():
    """Rows C2 and T10: a disk that fills up while training is an error, and what was saved before is whole."""
    logs = root / "logs" / "small-disk"
    logs.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", logs], capture_output=True, text=True)
    if mounted.returncode != 0:
        return print(f"skipped: a disk that is full needs the right to mount one: {mounted.stderr.strip()}")
    try:
        process = start("full", "--epochs", "2000", logs=logs)
        deadline = time.monotonic() + 60
        while not any((logs / "full" / "checkpoints").glob("step-*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        with open(logs / "filler", "wb", buffering=0) as filler:
            try:
                for size in (65536, 512):
                    while True:
                        filler.write(bytes(size))
            except OSError:
                pass
        began = time.monotonic()
        error = process.communicate(timeout=60)[1]
        expect(process.returncode == 1 and "No space left" in error and time.monotonic() - began < 10, f"a full disk is an error: {process.returncode} {error[-300:]}")
        saved = sorted(path.name for path in (logs / "full" / "checkpoints").glob("step-*"))
        expect(1 <= len(saved) <= 2, f"earlier checkpoints stay: {saved}")
        expect(not [path for path in (logs / "full").rglob("*") if "tmp" in path.name], "nothing unfinished stays")
        (logs / "filler").unlink()
        done = int(saved[-1].removeprefix("step-")) // 8
        resumed = run("train", "contrastive", "--config", root / "job.json", "--train-data", root / "pairs.tsv", "--logs", logs, "--name", "full", *small, "--resume", "latest",
                      "--force-resume", "--epochs", done + 2)
        expect(resumed.returncode == 0, "the last checkpoint is whole", resumed)
    finally:
        subprocess.run(["umount", logs], check=True)


make_data()
checks = {"training": check_training, "use": check_use, "stopping": check_stopping, "resume": check_resume_errors, "wrong": check_wrong_input, "processes": check_processes,
          "restart": check_restart, "disk": check_full_disk}
for name, check in checks.items():
    if len(sys.argv) < 3 or name in sys.argv[2:]:
        check()
shutil.rmtree(root)
print(f"{len(failures)} failed")
sys.exit(bool(failures))
