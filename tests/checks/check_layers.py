# SPDX-License-Identifier: Apache-2.0
"""Checks what the compiler does not: the direction of includes between areas, and that umbrellas, source lists, test lists
and licence lines are complete. Prints one line a fault. Usage: check_layers.py [root of the project]"""

import pathlib
import re
import sys

# A file includes its own area or one of a strictly lower rank.
RANK = dict(core=0, layers=1, io=1, losses=1, preprocess=2, encoders=2, fusion=2, alignment=2,
            data=3, models=3, retrieval=4, eval=4, train=5)
OPT_IN = {"core/eigen.hpp"}  # public, but in no umbrella
PRIVATE_LIBRARIES = ("fmt", "spdlog", "nlohmann", "Eigen", "torch/torch.h")
SPDX = re.compile(r"(//|#) SPDX-License-Identifier: Apache-2\.0$")
INCLUDE = re.compile(r'\s*#\s*include\s+[<"]([^>"]+)[>"]')


def faults(root):
    include, src, tests = root / "include/alloy", root / "src", root / "tests"
    headers = sorted(include.rglob("*.hpp"))
    sources = sorted([*src.rglob("*.cpp"), *src.rglob("*.hpp")])
    text = {f: f.read_text(errors="replace") for f in [*headers, *sources]}
    lists = {p.parent.name: p.read_text() for p in src.glob("*/CMakeLists.txt")}

    def includes(file):
        for number, line in enumerate(text[file].splitlines(), 1):
            if match := INCLUDE.match(line):
                yield f"{file.relative_to(root)}:{number}", match[1]

    def area_of(file):
        base = include if include in file.parents else src
        return file.relative_to(base).parts[0].removesuffix(".hpp")

    for file in [*headers, *sources]:
        area = area_of(file)
        if area == "alloy":  # the umbrella of all
            continue
        if area not in RANK:
            yield f"{file.relative_to(root)}: area '{area}' has no rank"
            continue
        for place, name in includes(file):
            other = re.match(r"(?:\.\./)*(?:alloy/)?([a-z_]+)(?:/|\.hpp$)", name)
            if name == "alloy/alloy.hpp":
                yield f"{place}: the library includes no umbrella of all"
            elif other and other[1] in RANK and other[1] != area and RANK[other[1]] >= RANK[area]:
                yield f"{place}: {area} (rank {RANK[area]}) must not include {other[1]} (rank {RANK[other[1]]})"
            if file in headers and name.startswith(PRIVATE_LIBRARIES) and str(file.relative_to(include)) not in OPT_IN:
                yield f"{place}: a public header must not include {name}"

    areas = sorted({area_of(f) for f in headers} - {"alloy"})
    for area in areas:
        umbrella, listed = include / f"{area}.hpp", lists.get(area)
        if listed is None:
            yield f"src/{area}/CMakeLists.txt: missing"
            continue
        if f"include <alloy/{area}.hpp>" not in text.get(include / "alloy.hpp", ""):
            yield f"include/alloy/alloy.hpp: alloy/{area}.hpp is missing"
        for header in (h for h in headers if area_of(h) == area):
            name = header.relative_to(include).as_posix()
            if header != umbrella and name not in OPT_IN and f"include <alloy/{name}>" not in text.get(umbrella, ""):
                yield f"include/alloy/{area}.hpp: alloy/{name} is missing"
            if not re.search(rf"alloy/{re.escape(name)}\b", listed):
                yield f"src/{area}/CMakeLists.txt: alloy/{name} is not in its FILE_SET"
        for source in (s for s in sources if s.suffix == ".cpp" and area_of(s) == area):
            name = source.relative_to(src / area).as_posix()
            if not re.search(rf"(^|[\s(]){re.escape(name)}(?=[\s)])", listed):
                yield f"src/{area}/CMakeLists.txt: {name} is not built"

    calls = re.findall(r"alloy_test\((\w+)\s+([^)]*)\)", (tests / "CMakeLists.txt").read_text())
    registered = {(area, name) for area, names in calls for name in names.split("SLOW")[0].split()}
    test_files = sorted(tests.rglob("*.[ch]pp"))
    for file in sorted(f for area in RANK for f in tests.glob(f"{area}/test_*.cpp")):
        if (file.parent.name, file.stem.removeprefix("test_")) not in registered:
            yield f"{file.relative_to(root)}: not in tests/CMakeLists.txt"

    others = [f for folder in ("tools", "examples", "bench") for f in sorted((root / folder).rglob("*.[ch]pp"))]
    for file in [*headers, *sources, *test_files, *others]:
        with open(file, errors="replace") as opened:
            if not SPDX.match(opened.readline().rstrip("\n")):
                yield f"{file.relative_to(root)}: the first line is not the SPDX line"


if __name__ == "__main__":
    found = list(faults(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print(*found, f"{len(found)} faults", sep="\n")
    sys.exit(bool(found))
