#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs examples with wrong arguments: each says what is wrong and how it is used, with exit code 2, before it computes or writes anything.

    check_arguments.py <example> ...
"""
import os
import pathlib
import subprocess
import sys
import tempfile

ALL = [  # arguments, words of the message
    (["--bogus"], "got '--bogus'"),
    (["--full", "report.html"], "got 'report.html'"),
    (["--full", "--full"], "expected --full once"),
    (["--report"], "expected FILE.html after --report"),
    (["--report", "--full"], "expected FILE.html after --report"),
    (["--report", "page.html", "--report", "page.html"], "expected --report once"),
]
OWN = {  # by the number of the example
    "14": [(["--folder"], "expected FOLDER after --folder"), (["recogniser"], "got 'recogniser'")],
    "18": [(["--csv"], "expected FILE.csv after --csv"), (["--csv", "t.csv", "--full"], "expected --csv or --full, got both"),
           (["--csv", "t.csv", "--cache", "c"], "expected --csv or --cache, got both")],
    "19": [(["--csv", "series.csv"], "expected LOGS.csv after --csv"), (["--export", "t", "--full"], "expected --export or --full, got both"),
           (["--export", "t", "--report", "page.html"], "expected --export or --report, got both")],
}
UNWRITABLE = {"14": ["--folder", "file/below"], "18": ["--cache", "file/below"], "19": ["--export", "file/below"]}


def main():
    failures = 0
    for program in map(os.path.abspath, sys.argv[1:]):  # they run elsewhere
        name = pathlib.Path(program).name
        number = name.split("_")[1]
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "file")
            file.write_text("kept")

            def expect(arguments, code, words, usage):
                nonlocal failures
                done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)
                lines = done.stderr.splitlines() or [""]
                shown = "\n".join(lines[1:]).startswith(f"usage: {name} ") if usage else len(lines) == 1
                ok = done.returncode == code and done.stdout == "" and lines[0].startswith(f"{name}: ") and words in lines[0] and shown
                ok = ok and file.read_text() == "kept" and list(pathlib.Path(folder).iterdir()) == [file]
                failures += not ok
                if not ok:
                    print(f"FAILED: {name} {' '.join(arguments)}\n  exit {done.returncode}\n  stdout: {done.stdout}\n  stderr: {done.stderr}")

            for arguments, words in ALL + OWN.get(number, []):
                expect(arguments, 2, words, usage=True)
            for arguments in [["--report", "none/page.html"], ["--report", "file/page.html"], ["--report", "."]] + [UNWRITABLE[n] for n in [number] if n in UNWRITABLE]:
                expect(arguments, 2, arguments[1].split("/")[0], usage=False)
            if number in ("18", "19"):  # found at once, but no matter of usage
                expect(["--csv"] + ["none.csv"] * (1 if number == "18" else 2), 1, "none.csv", usage=False)
            done = subprocess.run([program, "--help"], cwd=folder, capture_output=True, text=True, timeout=60)
            if done.returncode != 0 or not done.stdout.startswith(f"usage: {name} [--full] [--report FILE.html]") or done.stderr:
                failures += 1
                print(f"FAILED: {name} --help\n{done.stdout}{done.stderr}")
    print(f"{len(sys.argv) - 1} examples, {failures} failures")
    return failures > 0 or len(sys.argv) < 2


if __name__ == "__main__":
    sys.exit(main())
