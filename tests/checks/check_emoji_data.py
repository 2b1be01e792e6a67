#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests scripts/fetch-data and what it calls on made-up packages: no network, a made-up npm and a made-up espeak-ng.

usage: check_emoji_data.py <root of the repository>
"""

import base64
import csv
import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

ROOT = Path(sys.argv.pop(1)).resolve()
sys.path.insert(0, str(ROOT / "scripts/lib"))
import emoji_packages  # noqa: E402
import emoji_speech  # noqa: E402
import emoji_table  # noqa: E402

# Speaks tones whose pitch tells the voice and whose length tells text and speed; FAKE_SPEECH makes it misbehave.
FAKE_ESPEAK = """#!{python} -SE
import os, sys, zlib
args, mode = sys.argv[1:], os.environ.get("FAKE_SPEECH", "")
if "--version" in args:
    sys.exit(print("eSpeak NG text-to-speech: made up  Data at: /nowhere"))
if mode == "fails":
    sys.exit("no such voice")
voice = args[args.index("-v") + 1].split("+")[0 if mode == "ignores variants" else slice(None)]
step = 1 + zlib.crc32(repr(voice).encode()) % 9972
one = b"".join((1000 + i * step % 9973).to_bytes(2, "little") for i in range(1000))
def tone(text):
    if mode == "swallows two" and ("two" in text or "number" in text):
        return b""
    return b"".join([one, bytes(2000), one[:2 * (100 + zlib.crc32(text.encode()) % 900)], one[:2 * (100 + zlib.crc32(text.encode()) // 900 % 900)], bytes(3000)])
if "-m" in args:
    data = b""
    for line in sys.stdin.read().splitlines():
        assert line.startswith("<s>") and line.endswith('</s><break time="1s"/>'), line
        data += tone(line[3:line.index("</s>")]) + (b"" if mode == "makes no breaks" else bytes(44100))
else:
    data = tone(args[-1])
rate = (22050).to_bytes(4, "little")
sys.stdout.buffer.write(b"RIFF" + bytes(4) + b"WAVEfmt " + bytes([16, 0, 0, 0, 1, 0, 1, 0]) + rate + bytes(4) + bytes([2, 0, 16, 0]) + b"data" + bytes(4) + data)
"""

FAKE_NPM = """#!{python} -SE
import os, shutil, sys
name, version = sys.argv[2].rsplit("@", 1)
if os.environ.get("FAKE_NPM") == "fails":
    sys.exit("npm error network made up\\nnpm error A complete log of this run can be found in: /nowhere")
file = name.lstrip("@").replace("/", "-") + "-" + version + ".tgz"
shutil.copy(os.path.join({packages!r}, file), file)
"""

ANIMALS = ["dog", "cat", "cow", "pig", "ant", "bee", "owl", "fox", "bat", "hen", "eel", "emu", "ape", "elk", "yak", "ram", "rat", "cod", "jay", "koi"]
FEW, MANY = 50, 160  # many, so that some of a tenth of them are in every split
VARIANTS = ["1F468-200D-1F692", "1F469-200D-1F692", "1F6B6-200D-2642-FE0F", "1F6B6-200D-2642-FE0F-200D-27A1-FE0F", "1F6B6"]


def codes_of(count):
    return [f"{0x1f900 + i:X}" for i in range(count)] + VARIANTS


def name_of(i):
    return f"{ANIMALS[i % 20]} number {i // 20}: Spotted & shy"


def character(code):
    return "".join(chr(int(point, 16)) for point in code.split("-"))


def write_archive(folder, key, files):
    with tarfile.open(Path(folder) / emoji_packages.PACKAGES[key].archive, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo("package/" + name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def write_packages(folder, changes=(), count=MANY):
    """Packages as they are laid out, and one more emoji of skin, without a name. Emoji 3 and 4 are drawn alike in one style."""
    codes = codes_of(count)
    entries = [{"unified": code, "short_names": [f"short-{i}", f"spare_{i}"], "category": "Animals", "sort_order": i} for i, code in enumerate(codes)]
    entries.append({"unified": "1F3FB", "short_names": ["skin"], "category": "Component", "sort_order": 999})
    entries.reverse()  # the order of the file is not that of Unicode
    cldr, library = {}, {}
    for i, code in enumerate(codes):
        keywords = [f"{sound}{i % 7}" for sound in ("woof", "meow", "moo", "oink")] + ["shy", "spots", "a|b\u00a0\u201cc\u201d", "x", "\U0001f600", f"Lone{i}"]
        cldr[character(code).replace("\ufe0f", "")] = {"default": keywords, "tts": [name_of(i)]}
        library[character(code)] = ["shy_one", f"café{i}", "shy"]
    pictures = {style: {code: f"{style} {min(i, 3) if style == 'twitter' and i in (3, 4) else i}".encode() for i, code in enumerate(codes)} for style in emoji_table.STYLES}
    del pictures["fluent"][codes[5]]
    packages = {
        "google": {f"img/google/64/{code.lower()}.png": data for code, data in pictures["google"].items()} | {"img/google/sheets/64.png": b"no"},
        "twitter": {f"img/twitter/64/{code.lower()}.png": data for code, data in pictures["twitter"].items()},
        "fluent": {f"assets/{code.lower().replace('-fe0f', '')}.webp": data for code, data in pictures["fluent"].items()},
        "list": {"emoji.json": json.dumps(entries).encode()},
        "cldr": {"annotations/en/annotations.json": json.dumps({"annotations": {"annotations": dict(list(cldr.items())[:count])}}).encode()},
        "cldr_derived": {"annotationsDerived/en/annotations.json": json.dumps({"annotationsDerived": {"annotations": dict(list(cldr.items())[count:])}}).encode()},
        "emojilib": {"dist/emoji-en-US.json": json.dumps(library).encode()},
    } | dict(changes)
    for key, files in packages.items():
        write_archive(folder, key, files)


def write_program(path, text, **values):
    path.write_text(text.replace("{python}", sys.executable).replace("{packages!r}", repr(values.get("packages", ""))))
    path.chmod(0o755)


def rows_of(folder, name):
    with open(folder / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.programs, self.packages, self.out = self.folder / "bin", self.folder / "packages", self.folder / "data/emoji"
        self.programs.mkdir()
        self.packages.mkdir()
        write_program(self.programs / "espeak-ng", FAKE_ESPEAK)

    def run_maker(self, *arguments, **environment):
        command = [sys.executable, ROOT / "scripts/lib/emoji_data.py", *arguments]
        paths = f"{self.programs}:{os.environ['PATH']}"
        return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PATH": paths} | environment)

    def make(self, *arguments, **environment):
        return self.run_maker("make", "--packages", self.packages, "--out", self.out, "--jobs", "2", *arguments, **environment)

    def refused(self, expected, result):
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn(expected, result.stderr)
        self.assertEqual([path.name for path in self.out.parent.glob("*") if path.name != "emoji"], [], "something half is left")


class Layout(Case):
    def test_everything(self):
        codes = [code.lower() for code in codes_of(FEW)]
        write_packages(self.packages, count=FEW)
        made = self.make()
        self.assertEqual(made.returncode, 0, made.stderr)
        out = self.out
        table = {row["id"]: row for row in rows_of(out, "emoji.csv")}
        self.assertEqual(list(table), codes, "all but the skin tone, in the order of Unicode")
        dog = table["1f900"]
        self.assertEqual((dog["name"], dog["character"]), (name_of(0), "\U0001f900"))
        self.assertEqual(dog["texts"].split("|"), ["dog number 0 spotted and shy", "short 0", "spare 0", "woof0", "meow0", "moo0", "oink0", "shy", "spots", "lone0", "shy one", "café0"],
                         "name first; lower case; without what cannot be typed or read back; nothing twice")
        with self.subTest("pictures are the files of the packages"):
            for style, extension in emoji_table.STYLES.items():
                self.assertEqual((out / f"pictures/{style}/1f6b6-200d-2642-fe0f{extension}").read_bytes(), f"{style} {FEW + 2}".encode())
            self.assertEqual(table["1f905"]["fluent"], "")
            self.assertFalse((out / "pictures/fluent/1f905.webp").exists())
            self.assertEqual((table["1f903"]["same"], table["1f904"]["same"], table["1f902"]["same"]), ("1f904", "1f903", ""))
        with self.subTest("variants and doubles are in one split"):
            for group in (["1f903", "1f904"], codes[FEW:FEW + 2], codes[FEW + 2:]):
                self.assertEqual(len({table[key]["family"] for key in group}), 1)
                self.assertEqual(len({table[key]["split"] for key in group}), 1)
            self.assertEqual(len({row["family"] for row in table.values()}), FEW + 1)
        unseen = {key for key, row in table.items() if row["split"] == "unseen"}
        self.assertTrue(1 <= len(unseen) <= 20)
        self.check_splits(table, unseen)
        self.check_files(unseen, len(codes))

    def check_splits(self, table, unseen):
        train = {row["id"]: row for row in rows_of(self.out, "train.csv")}
        self.assertEqual(set(train), set(table) - unseen)
        trained = {text for row in train.values() for text in row["text"].split("|")}
        keywords = rows_of(self.out, "test_keywords.csv")
        for row in keywords:
            own = train[row["id"]]["text"].split("|")
            self.assertNotIn(row["text"], own)
            stems = [emoji_table.stems(text) for text in own]
            self.assertFalse(emoji_table.stems(row["text"]) <= set().union(*stems), f"{row['text']} can be put together from {own}")
            self.assertEqual(row["new"], str(int(row["text"] not in trained)))
            self.assertIn(row["id"], row["relevant"].split("|"))
            self.assertTrue(set(row["relevant"].split("|")) <= set(train))
            self.assertTrue(row["image"].startswith("pictures/fluent/"))
        held = sum(row["id"] == "1f906" for row in keywords)
        self.assertEqual(held, round(0.2 * 11) if "1f906" in train else 0)
        for row in rows_of(self.out, "valid.csv"):
            self.assertTrue(row["text"] and row["text"] not in train[row["id"]]["text"].split("|"))
            self.assertNotIn(row["text"], [test["text"] for test in keywords if test["id"] == row["id"]])
        for row in rows_of(self.out, "test_fusion.csv"):
            self.assertTrue({row["text"], row["text_b"]} <= set(train[row["id"]]["text"].split("|")[1:]))
            self.assertNotEqual(row["text"], row["text_b"])
        self.assertEqual({row["id"] for row in rows_of(self.out, "test_unseen.csv")}, unseen)
        self.assertEqual(len(rows_of(self.out, "test_speech.csv")), 4 * len(rows_of(self.out, "test_style.csv")))
        self.assertEqual({row["id"] for row in rows_of(self.out, "test_style.csv")}, set(train) - {"1f905"})

    def check_files(self, unseen, count):
        trained, tested = set(), set()
        for manifest in self.out.glob("*.csv"):
            for row in rows_of(self.out, manifest.name):
                paths = [path for column in ("image", "image_b", "audio", *emoji_table.STYLES) for path in (row.get(column) or "").split("|") if path]
                for path in paths:
                    self.assertTrue((self.out / path).is_file(), path)
                if manifest.name in ("train.csv", "valid.csv"):
                    trained.update(paths)
                elif manifest.name.startswith("test_"):
                    tested.update(paths)
        self.assertEqual(trained & tested - {path for path in tested if path.startswith("pictures/")}, set(), "speech to train on is not tested on")
        self.assertFalse(any(Path(path).stem in unseen for path in trained))
        recordings = list((self.out / "speech").glob("*/*.wav"))
        self.assertEqual(len(recordings), 21 * (count - len(unseen)) + 4 * count)
        self.assertEqual(len({path.read_bytes() for path in recordings}), len(recordings), "each sounds different")
        data = (self.out / "speech/en-us+f2-160/1f900.wav").read_bytes()
        self.assertEqual((data[:4], int.from_bytes(data[20:22], "little"), int.from_bytes(data[22:24], "little"), int.from_bytes(data[24:28], "little")),
                         (b"RIFF", 7, 1, 16000), "mu-law, mono, 16 kHz")

    def test_again(self):
        write_packages(self.packages)
        self.assertEqual(self.make("--quick").returncode, 0)
        before = (self.out / "data.json").stat().st_mtime_ns
        again = self.make("--quick")
        self.assertEqual((again.returncode, again.stdout), (0, ""))
        self.assertEqual((self.out / "data.json").stat().st_mtime_ns, before)
        self.assertEqual(self.run_maker("is-made", "--out", self.out).returncode, 1, "another choice")
        with self.subTest("what is missing is noticed and made anew, the same every time"):
            first = (self.out / "train.csv").read_bytes()
            (self.out / "train.csv").unlink()
            self.assertEqual(self.run_maker("is-made", "--out", self.out, "--quick").returncode, 1)
            self.assertEqual(self.make("--quick", "--jobs", "1").returncode, 0)
            self.assertEqual((self.out / "train.csv").read_bytes(), first)
        with self.subTest("a run that ended while it replaced the folder"):
            old = self.out.rename(self.out.with_name(".emoji.alloy-old"))
            record = json.loads((old / "data.json").read_text())
            (old / "data.json").write_text(json.dumps(record | {"recipe": {"scripts": "older"}}))
            self.out.with_name(".emoji.alloy-partial").mkdir()
            self.assertEqual(self.make("--quick").returncode, 0)
            self.assertEqual(self.run_maker("is-made", "--out", self.out, "--quick").returncode, 0)
            self.assertEqual([path.name for path in self.out.parent.iterdir()], ["emoji"])


class Speech(Case):
    def speech(self, mode):
        speaker = emoji_speech.Speaker("en-us+f1", 170, 50)
        paths, os.environ["PATH"] = os.environ["PATH"], f"{self.programs}:{os.environ['PATH']}"
        os.environ["FAKE_SPEECH"] = mode
        try:
            return emoji_speech.speak(speaker, ["a cat", "two dogs", "three cows"])
        finally:
            os.environ["PATH"] = paths
            del os.environ["FAKE_SPEECH"]

    def test_a_stream_is_cut_where_captions_end(self):
        together, rate = self.speech("")
        alone, _ = self.speech("makes no breaks")  # one process each, since nothing could be cut
        self.assertEqual(rate, 22050)
        self.assertEqual(len(together), 3)
        self.assertEqual(together, alone)
        self.assertEqual(len(set(together)), 3)
        with self.assertRaisesRegex(emoji_packages.DataFault, "expected sound of 'two dogs' as en-us.f1, got silence"):
            self.speech("swallows two")

    def test_pieces(self):
        margin, silence = bytes(400), bytes(40)
        sound, low = b"\1\2\0\0\3\4", b"\5\0"  # ends in a zero byte, which is half of a sample
        self.assertEqual(emoji_speech.pieces_of(silence + sound + silence + low + silence, 10), [margin + sound + margin, margin + low + margin])
        self.assertEqual(emoji_speech.pieces_of(b"\0\7" + silence + low, 20), [margin + b"\0\7" + margin, margin + low + margin])
        self.assertEqual(emoji_speech.pieces_of(silence, 10), [])
        self.assertEqual(emoji_speech.pieces_of(sound + bytes(18) + sound, 10), [margin + sound + bytes(18) + sound + margin])

    def test_no_voice_is_in_two_splits(self):
        groups = {split: [speaker.voice for speaker in group] for split, group in emoji_speech.SPEAKERS.items()}
        voices = sum(groups.values(), [])
        self.assertEqual(len(voices), len(set(voices)))
        variants = {split: {voice.split("+")[1] for voice in group if "+" in voice} for split, group in groups.items()}
        self.assertFalse(variants["test"] & (variants["train"] | variants["valid"]))
        self.assertEqual((len(groups["train"]), len(groups["test"])), (20, 4))

    @unittest.skipUnless(shutil.which("espeak-ng"), "espeak-ng is not installed")
    def test_the_real_program(self):
        captions = ["grinning face", "cat", "person walking facing right", "flag St. Lucia", "UP! button"]
        for speaker in (emoji_speech.SPEAKERS["train"][1], emoji_speech.SPEAKERS["test"][2]):
            pieces, rate = emoji_speech.speak_together(speaker, captions)
            for caption, piece in zip(captions, pieces):
                alone = emoji_speech.pieces_of(emoji_speech.run(speaker, ["--", caption])[0], rate * 10)[0]
                self.assertAlmostEqual(len(piece) / len(alone), 1, delta=0.05, msg=f"{caption} as {speaker.voice}")


class Faults(Case):
    def test_speech(self):
        write_packages(self.packages)
        self.refused("voices that differ, got en-us and en-us+m1, which this espeak-ng speaks alike", self.make("--quick", FAKE_SPEECH="ignores variants"))
        self.refused("expected espeak-ng to speak as en-us, got: no such voice", self.make("--quick", FAKE_SPEECH="fails"))
        self.refused(" number ", self.make("--quick", FAKE_SPEECH="swallows two"))
        self.assertFalse(self.out.exists())

    def test_packages_of_another_layout(self):
        for key, files, expected in [
                ("google", {"img/google/128/1f900.png": b"x"}, "emoji-datasource-google-16.0.0.tgz: expected pictures of nearly all emoji in img/google/64/, got 0%"),
                ("list", {"list.json": b"[]"}, "emoji-datasource-16.0.0.tgz: expected a file emoji.json, got none"),
                ("list", {"emoji.json": b"[{}]"}, "expected other fields than there are (KeyError('sort_order'))"),
                ("cldr", {"annotations/en/annotations.json": b"{"}, "annotations/en/annotations.json is not JSON"),
                ("cldr", {"annotations/en/annotations.json": b"[]"}, "the layout of a package has changed")]:
            with self.subTest(expected):
                write_packages(self.packages, {key: files})
                self.refused(expected, self.make("--quick"))

    def test_archives(self):
        write_packages(self.packages)
        path = self.packages / emoji_packages.PACKAGES["fluent"].archive
        path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
        self.refused("fluent-emoji-3d-1.1.0.tgz", self.make("--quick"))
        path.unlink()
        self.refused("No such file", self.make("--quick"))

    def test_folders_of_others_are_left_alone(self):
        write_packages(self.packages)
        self.out.mkdir(parents=True)
        (self.out / "thesis.txt").write_text("mine")
        (self.out / "data.json").write_text('{"recipe": "of a cake"}')
        self.refused("made by this script, got something else; it is left alone", self.make("--quick"))
        self.assertEqual((self.out / "thesis.txt").read_text(), "mine")

    def test_two_runs_at_once(self):
        write_packages(self.packages)
        self.out.parent.mkdir()
        lock = os.open(self.out.parent, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.refused("another run is making data in", self.make("--quick"))
        os.close(lock)
        self.assertEqual(self.make("--quick").returncode, 0)

    def test_pinned_digests(self):
        self.assertEqual(len(emoji_packages.missing(self.packages)), 7)
        package = emoji_packages.PACKAGES["emojilib"]
        (self.packages / package.archive).write_bytes(b"other")
        self.assertIn(package, emoji_packages.missing(self.packages))
        digest = base64.b64encode(hashlib.sha512(b"other").digest()).decode()
        emoji_packages.PACKAGES["emojilib"] = package._replace(sha512=digest)
        self.addCleanup(emoji_packages.PACKAGES.__setitem__, "emojilib", package)
        self.assertEqual(len(emoji_packages.missing(self.packages)), 6)


class Script(Case):
    """scripts/fetch-data, where only these programs are: no dpkg, so nothing is installed."""

    def fetch(self, *arguments, **environment):
        for name in ("bash", "dirname", "mkdir", "rm", "mv", "grep", "tail"):
            if not (self.programs / name).exists():
                (self.programs / name).symlink_to(shutil.which(name))
        if not (self.programs / "python3").exists():
            write_program(self.programs / "python3", f"#!/bin/sh\nexec {sys.executable} \"$@\"\n")
        write_program(self.programs / "npm", FAKE_NPM, packages=str(self.packages))
        environment = {"PATH": str(self.programs), "ALLOY_PACKAGE_CACHE": str(self.folder / "cache")} | environment
        return subprocess.run(["bash", ROOT / "scripts/fetch-data", *arguments], capture_output=True, text=True, check=False, env=environment, cwd=self.folder)

    def test_arguments(self):
        self.refused("expected the name of a data set, got ''; usage: scripts/fetch-data emoji", self.fetch())
        self.refused("unknown argument '--qick'", self.fetch("emoji", "--qick"))
        self.refused("--out expects a folder", self.fetch("emoji", "--out"))

    def test_packages_that_cannot_be_had(self):
        write_packages(self.packages)
        result = self.fetch("emoji", "--out", "data/emoji", FAKE_NPM="fails")
        self.refused("npm could not fetch emoji-datasource-google@16.0.0 (npm error network made up)", result)
        result = self.fetch("emoji", "--out", "data/emoji")
        self.refused("these packages differ from what is pinned in scripts/lib/emoji_packages.py: emoji-datasource-google@16.0.0", result)

    def test_what_is_there_is_not_made_again(self):
        write_packages(self.packages)
        self.assertEqual(self.make("--quick").returncode, 0)
        result = self.fetch("emoji", "--quick", "--out", "data/emoji", FAKE_NPM="fails")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("data/emoji is there already", result.stdout)


class Texts(unittest.TestCase):
    def test_queries(self):
        for text, expected in {"Flag: Côte d\u2019Ivoire": "flag côte d'ivoire", "keycap: #": "keycap hash", "UP! button": "up! button", "st._barth\u00e9lemy": "st. barthélemy",
                               "a|b": "", ":D": "", "x": "", "7": "7", "a\\b": "", "\u201cfree of charge\u201d": "free of charge", "play/pause": "play pause"}.items():
            self.assertEqual(emoji_table.as_query(text), expected)

    def test_stems(self):
        for same in (["smile", "smiling", "smiled", "smiles"], ["grin", "grinning"], ["tears", "tear"]):
            self.assertEqual(len({emoji_table.stem(word) for word in same}), 1, same)
        self.assertNotEqual(emoji_table.stem("cat"), emoji_table.stem("car"))
        self.assertEqual([emoji_table.stem(word) for word in ("s", "ring", "bed")], ["s", "ring", "bed"])

    def test_draws_are_even_and_fixed(self):
        draws = [emoji_table.draw("test", str(i)) for i in range(2000)]
        self.assertTrue(all(0 <= x < 1 for x in draws))
        self.assertAlmostEqual(sum(x < 0.1 for x in draws) / 2000, 0.1, delta=0.025)
        self.assertEqual(emoji_table.draw("unseen", "1f600"), emoji_table.draw("unseen", "1f600"))
        self.assertNotEqual(emoji_table.draw("a", "b"), emoji_table.draw("ab", ""))


if __name__ == "__main__":
    unittest.main()
