#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lays out the data of the emoji demo: pictures, speech and manifests. Called by scripts/fetch-data; standard library only.

  emoji_data.py is-made --out FOLDER [--quick]       exit code 0 if it is there as this script would make it
  emoji_data.py missing --packages FOLDER            prints the packages, name@version, that have to be fetched
  emoji_data.py make --packages FOLDER --out FOLDER [--jobs N] [--quick]

The folder, made whole or not at all:
  pictures/<style>/<id>.png|webp   google, twitter, fluent; the files as they come, with alpha
  speech/<voice>-<wpm>/<id>.wav    16 kHz mono, mu-law
  *.csv                            manifests; ids are code points; paths are relative to the folder
  LICENCES.txt                     what is of whom
  data.json                        what it was made from, and counts

All manifests but the first begin with the columns id, name, category and end with `same`: ids of emoji with the very same
picture in some style, which no query can tell apart. A | stands between the alternatives of a cell; evaluation goes by the first.

  emoji.csv          every emoji: id, character, name, category, family, split (seen, unseen), google, twitter, fluent, texts, valid_texts, test_texts, same
  train.csv          a row a seen emoji: image (google), image_b (twitter), text (name|keywords), audio (20 voices)
  valid.csv          a row a seen emoji: image (google), text (a keyword that training has not, or empty), audio (a voice of its own)
  test_style.csv     a row a seen emoji: image (fluent), text (name)
  test_speech.csv    a row a seen emoji and held-out voice: voice, image (fluent), audio
  test_unseen.csv    a row an unseen emoji and style: style, image, text (name|keywords), audio (4 held-out voices)
  test_keywords.csv  a row a held-out keyword of a seen emoji: image (fluent), text, new (1: no training text at all is this text),
                     relevant (ids of all seen emoji that have this keyword, held out or not)
  test_fusion.csv    a row a seen emoji: voice, image (fluent), audio (one held-out voice), text, text_b (two keywords of training)
"""

import argparse
import csv
import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path

import emoji_packages
import emoji_speech
import emoji_table
from emoji_packages import PACKAGES, DataFault
from emoji_table import STYLES, draw


def recipe(quick):
    """What the result depends on."""
    scripts = b"".join((Path(__file__).parent / name).read_bytes() for name in ("emoji_data.py", "emoji_packages.py", "emoji_speech.py", "emoji_table.py"))
    return {"scripts": hashlib.sha256(scripts).hexdigest(), "packages": {package.name: package.version for package in PACKAGES.values()},
            "espeak-ng": emoji_speech.version(), "quick": quick}


def read_record(out):
    """data.json of a folder that this script made, or nothing."""
    try:
        record = json.loads((out / "data.json").read_text())
        return record if isinstance(record["recipe"], dict) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def is_made(out, quick):
    record = read_record(out)
    return bool(record) and record["recipe"] == recipe(quick) and all((out / name).exists() for name in record["parts"])


def picture_path(emoji, style):
    return f"pictures/{style}/{emoji.id}{STYLES[style]}" if style in emoji.pictures else ""


def speech_path(emoji, speaker):
    return f"speech/{speaker.folder}/{emoji.id}.wav"


def write_pictures(folder, table):
    for style in STYLES:
        (folder / "pictures" / style).mkdir(parents=True)
        for emoji in table:
            if style in emoji.pictures:
                (folder / picture_path(emoji, style)).write_bytes(emoji.pictures[style])


def write_manifest(folder, name, rows):
    with open(folder / name, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def emoji_rows(table):
    for emoji in table:
        yield {"id": emoji.id, "character": emoji.character, "name": emoji.name, "category": emoji.category, "family": emoji.family,
               "split": "unseen" if emoji.unseen else "seen", **{style: picture_path(emoji, style) for style in STYLES}, "texts": "|".join(emoji.texts),
               "valid_texts": "|".join(emoji.valid_texts), "test_texts": "|".join(emoji.test_texts), "same": "|".join(emoji.same)}


def manifests(table, splits):
    """{file name: rows as dictionaries}"""
    seen = [emoji for emoji in table if not emoji.unseen]
    drawn = [emoji for emoji in seen if "fluent" in emoji.pictures]  # can be looked for in the unseen style
    trained = {text for emoji in seen for text in emoji.train_texts}
    having = {}
    for emoji in drawn:
        for text in emoji.texts:
            having.setdefault(text, []).append(emoji.id)

    def row(emoji, **cells):
        return {"id": emoji.id, "name": emoji.name, "category": emoji.category, **cells, "same": "|".join(emoji.same)}

    def audio(emoji, group):
        return "|".join(speech_path(emoji, speaker) for speaker in group)

    def fusion_row(emoji):
        keywords = sorted(emoji.train_texts[1:], key=lambda text: draw("fusion", emoji.id, text))
        voice = splits["test"][int(draw("voice", emoji.id) * len(splits["test"]))]
        return row(emoji, voice=voice.voice, image=picture_path(emoji, "fluent"), audio=speech_path(emoji, voice), text=keywords[0], text_b=keywords[1])

    return {
        "emoji.csv": list(emoji_rows(table)),
        "train.csv": [row(emoji, image=picture_path(emoji, "google"), image_b=picture_path(emoji, "twitter"),
                          text="|".join(emoji.train_texts), audio=audio(emoji, splits["train"])) for emoji in seen],
        "valid.csv": [row(emoji, image=picture_path(emoji, "google"), text="".join(emoji.valid_texts), audio=audio(emoji, splits["valid"])) for emoji in seen],
        "test_style.csv": [row(emoji, image=picture_path(emoji, "fluent"), text=emoji.texts[0]) for emoji in drawn],
        "test_speech.csv": [row(emoji, voice=voice.voice, image=picture_path(emoji, "fluent"), audio=speech_path(emoji, voice))
                            for voice in splits["test"] for emoji in drawn],
        "test_unseen.csv": [row(emoji, style=style, image=picture_path(emoji, style), text="|".join(emoji.texts), audio=audio(emoji, splits["test"]))
                            for style in STYLES for emoji in table if emoji.unseen and style in emoji.pictures],
        "test_keywords.csv": [row(emoji, image=picture_path(emoji, "fluent"), text=text, new=int(text not in trained), relevant="|".join(having[text]))
                              for emoji in drawn for text in emoji.test_texts],
        "test_fusion.csv": [fusion_row(emoji) for emoji in drawn if len(emoji.train_texts) > 2],
    }


def licences():
    lines = [f"{package.name} {package.version}: {package.licence}, {package.link}" for package in PACKAGES.values()]
    return "\n".join(["What is in this folder is of others:", *lines, "speech/: synthesised by the program espeak-ng", ""])


def fill(folder, packages, jobs, quick):
    """Writes everything, data.json last."""
    start = time.monotonic()
    table, splits = emoji_table.read_emoji(packages, quick), emoji_speech.speakers(quick)
    files = manifests(table, splits)
    for name, rows in files.items():
        if not rows:
            raise DataFault(f"expected rows for {name}, got none: the layout of a package has changed")
        write_manifest(folder, name, rows)
    write_pictures(folder, table)
    (folder / "LICENCES.txt").write_text(licences())
    seen = {emoji.id: emoji.spoken for emoji in table if not emoji.unseen}
    captions = {"train": seen, "valid": seen, "test": {emoji.id: emoji.spoken for emoji in table}}
    spoken, seconds = emoji_speech.speak_all(captions, splits, folder / "speech", jobs)
    counts = {"emoji": len(table), "seen": len(seen), **{style: sum(style in emoji.pictures for emoji in table) for style in STYLES},
              "texts": sum(len(emoji.texts) for emoji in table), "different_texts": len({text for emoji in table for text in emoji.texts}),
              "rows": {name: len(rows) for name, rows in files.items()}, "spoken": spoken, "seconds_of_speech": round(seconds)}
    voices = {split: [speaker._asdict() for speaker in group] for split, group in splits.items()}
    parts = [*files, *(f"pictures/{style}" for style in STYLES), *(f"speech/{speaker.folder}" for group in splits.values() for speaker in group)]
    (folder / "data.json").write_text(json.dumps({"recipe": recipe(quick), "counts": counts, "voices": voices, "parts": parts}, indent=1) + "\n")
    print(f"alloy: {counts['emoji']} emoji, {counts['seen']} of them to train on, {counts['different_texts']} names and keywords, "
          f"{spoken} recordings of {seconds / 3600:.1f} h, in {time.monotonic() - start:.0f} s")


def make(out, packages, jobs, quick):
    """In a folder beside `out`, which then takes its place."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial, old = (out.with_name(f".{out.name}.alloy-{role}") for role in ("partial", "old"))
    lock = os.open(out.parent, os.O_RDONLY)  # a folder can be locked, and no file is left behind
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataFault(f"another run is making data in {out.parent}; wait for it") from error
        if old.exists() and not out.exists():  # interrupted while it was replaced
            old.rename(out)
        if out.exists() and not read_record(out) and (not out.is_dir() or any(out.iterdir())):
            raise DataFault(f"expected {out} to be empty, or made by this script, got something else; it is left alone")
        for folder in (partial, old):
            shutil.rmtree(folder, ignore_errors=True)
        partial.mkdir()
        try:
            print(f"alloy: making {out}", flush=True)
            fill(partial, packages, jobs, quick)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        if out.exists():
            out.rename(old)
        partial.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        os.close(lock)


def main():
    parser = argparse.ArgumentParser(description="Lays out the data of the emoji demo; see the head of this file.")
    parser.add_argument("command", choices=["is-made", "missing", "make"])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--packages", type=Path)
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    try:
        if given.command == "is-made":
            return 0 if is_made(given.out, given.quick) else 1
        if given.command == "missing":
            print(*(f"{package.name}@{package.version}" for package in emoji_packages.missing(given.packages)), sep="\n")
        elif not is_made(given.out, given.quick):
            make(given.out, given.packages, given.jobs, given.quick)
    except (DataFault, OSError) as error:
        print(f"alloy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
