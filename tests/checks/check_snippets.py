#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Snippets in README and docs are cut from examples between `// [name]` markers: fails where they differ."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
bad = found = 0
for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
    for file, name, shown in re.findall(r"<!-- snippet: (\S+) \[(.+?)\] -->\n```cpp\n(.*?)```", page.read_text(), re.S):
        found += 1
        parts = (root / file).read_text().split(f"// [{name}]\n")
        wanted = re.sub(r"[ \t]+$", "", parts[1]) if len(parts) == 3 else None
        if shown != wanted:
            print(f"{page}: the snippet [{name}] differs from {file}")
            bad += 1
print(f"{found} snippets, {bad} differ")
sys.exit(bad > 0 or found == 0)
