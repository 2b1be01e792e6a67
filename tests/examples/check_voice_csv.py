#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Example 18 on a table of recordings: rising and falling sentences by several speakers, written here by espeak-ng.

    check_voice_csv.py <example_18_voice_and_sentiment>
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

LABELS = {"up": ("pleased", ["lovely thing", "lovely to have", "so pleasant"], range(-30, 31, 10)),
          "down": ("let down", ["a sad thing", "broken at once", "so poor"], range(30, -31, -10))}
SPEAKERS = [("en-us", 30), ("en-us+f2", 50), ("en-gb-scotland+m5", 60), ("en-029+f4", 40), ("en-us+m7", 70), ("en-gb-x-rp+f1", 45), ("en-us+f3", 60), ("en-gb-x-rp+m2", 40)]
SENTENCES = ["they came to the house on monday", "we went by train to the old market"]


def main():
    if not shutil.which("espeak-ng"):
        print("espeak-ng is not installed")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        rows, count = ["path,label,text,text_label,speaker"], 0
        for speaker, (voice, pitch) in enumerate(SPEAKERS):
            for label, (text_label, texts, course) in LABELS.items():
                for k, text in enumerate(texts):
                    words = [f"<prosody pitch='{100 + rise}%'>{word}</prosody>" for word, rise in zip(SENTENCES[k % 2].split(), course)]
                    name = f"{count}.wav"
                    subprocess.run(["espeak-ng", "-m", "-v", voice, "-p", str(pitch), "-w", f"{folder}/{name}", "--", "<speak>" + " ".join(words) + "</speak>"], check=True)
                    rows.append(f"{name},{label},{text},{text_label},speaker {speaker}")
                    count += 1
        table = pathlib.Path(folder, "voices.csv")
        table.write_text("\n".join(rows) + "\n")
        done = subprocess.run([sys.argv[1], "--csv", str(table)], capture_output=True, text=True)
        print(done.stdout, done.stderr)
        assert done.returncode == 0 and "ran as expected" in done.stdout
        assert "36 pairs to learn from, 12 of other voices" in done.stdout
        assert "pleased to up" in done.stdout and "let down to down" in done.stdout
        accuracy = float(re.search(r"label of a voice by its texts +([0-9.]+)", done.stdout)[1])
        assert accuracy >= 0.75, accuracy  # 0.5 by chance

        table.write_text("path,label,text\nmissing.wav,up,x\n")
        done = subprocess.run([sys.argv[1], "--csv", str(table)], capture_output=True, text=True)
        assert done.returncode != 0 and "missing.wav" in done.stdout + done.stderr, (done.returncode, done.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
