# SPDX-License-Identifier: Apache-2.0
"""A small tree that is right, then one fault at a time: check_layers.py must say each."""

import pathlib
import tempfile
import unittest

import check_layers

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
RIGHT = {
    "include/alloy/alloy.hpp": SPDX + "#include <alloy/core.hpp>\n#include <alloy/io.hpp>\n#include <alloy/layers.hpp>\n",
    "include/alloy/core.hpp": SPDX + "#include <alloy/core/a.hpp>\n",
    "include/alloy/core/a.hpp": SPDX,
    "include/alloy/core/eigen.hpp": SPDX + "#include <Eigen/Core>\n",
    "include/alloy/io.hpp": SPDX + "#include <alloy/io/f.hpp>\n",
    "include/alloy/io/f.hpp": SPDX + "#include <alloy/core/a.hpp>\n",
    "include/alloy/layers.hpp": SPDX,
    "src/core/a.cpp": SPDX + "#include <alloy/core/a.hpp>\n#include <fmt/core.h>\n",
    "src/core/CMakeLists.txt": "target_sources(alloy PRIVATE a.cpp PUBLIC alloy/core.hpp alloy/core/a.hpp alloy/core/eigen.hpp)",
    "src/io/CMakeLists.txt": "target_sources(alloy PUBLIC alloy/io.hpp alloy/io/f.hpp)",
    "src/layers/CMakeLists.txt": "target_sources(alloy PUBLIC alloy/layers.hpp)",
    "tests/CMakeLists.txt": "alloy_test(core a SLOW a)",
    "tests/core/test_a.cpp": SPDX,
}
FAULTS = [  # (file, its content, what is said)
    ("include/alloy/core/a.hpp", SPDX + "#include <alloy/io/f.hpp>\n", "core (rank 0) must not include io (rank 1)"),
    ("include/alloy/core/a.hpp", SPDX + '#include "io/detail/f.hpp"\n', "core (rank 0) must not include io (rank 1)"),
    ("include/alloy/io/f.hpp", SPDX + "#include <alloy/layers.hpp>\n", "io (rank 1) must not include layers (rank 1)"),
    ("src/core/a.cpp", SPDX + "#include <alloy/alloy.hpp>\n", "umbrella of all"),
    ("include/alloy/core/a.hpp", SPDX + "#include <fmt/core.h>\n", "must not include fmt/core.h"),
    ("include/alloy/core/a.hpp", SPDX + "#include <torch/torch.h>\n", "must not include torch/torch.h"),
    ("include/alloy/core/b.hpp", SPDX, "include/alloy/core.hpp: alloy/core/b.hpp is missing"),
    ("include/alloy/core/b.hpp", SPDX, "alloy/core/b.hpp is not in its FILE_SET"),
    ("include/alloy/alloy.hpp", SPDX + "#include <alloy/core.hpp>\n#include <alloy/layers.hpp>\n", "alloy/io.hpp is missing"),
    ("include/alloy/new.hpp", SPDX, "area 'new' has no rank"),
    ("src/core/b.cpp", SPDX, "src/core/CMakeLists.txt: b.cpp is not built"),
    ("tests/core/test_b.cpp", SPDX, "tests/core/test_b.cpp: not in tests/CMakeLists.txt"),
    ("src/core/a.cpp", "#include <alloy/core/a.hpp>\n", "first line is not the SPDX line"),
    ("tests/support/x.hpp", "#pragma once\n", "first line is not the SPDX line"),
]


def found_in(tree):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in tree.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return list(check_layers.faults(pathlib.Path(folder)))


class CheckLayers(unittest.TestCase):
    def test_right(self):
        self.assertEqual(found_in(RIGHT), [])

    def test_each_fault(self):
        for name, content, said in FAULTS:
            with self.subTest(said):
                self.assertTrue(any(said in line for line in found_in({**RIGHT, name: content})), found_in({**RIGHT, name: content}))


if __name__ == "__main__":
    unittest.main()
