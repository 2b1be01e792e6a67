# SPDX-License-Identifier: Apache-2.0
"""What the scripts that drive the command line share. The program is the first argument of the script; `root` is a fresh folder."""
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import zlib

alloy = sys.argv[1]
root = pathlib.Path(tempfile.mkdtemp(prefix="alloy-cli-"))
failures = []


def run(*args):
    return subprocess.run([alloy, *map(str, args)], capture_output=True, text=True, timeout=300)


def expect(condition, what, result=None):
    if not condition:
        failures.append(what)
        print("FAILED:", what)
        if result is not None:
            print("  exit", result.returncode, "\n  stdout:", result.stdout[-400:], "\n  stderr:", result.stderr[-400:])


def expect_error(code, words, *args):
    """One readable line on standard error, nothing on standard output, the exit code, all the words; wrong usage says where help is."""
    result = run(*args)
    line = result.stderr.strip()
    ok = result.returncode == code and line.startswith("alloy: ") and "\n" not in line and result.stdout == "" and (code != 2 or line.endswith("--help)"))
    expect(ok and all(word in line for word in words), f"{' '.join(map(str, args))} -> {code}, {words}", result)


def write_png(path, level, size=16):
    rows = b"".join(b"\0" + bytes([min(255, max(0, level + random.randint(-20, 20))) for _ in range(size)]) for _ in range(size))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
