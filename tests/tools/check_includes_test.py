"""Small bad trees, each of which tools/check_includes.py must refuse for the right reason."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_includes.py"
COMMENT = "// A file of a test tree, which says what it is.\n"


class CheckIncludes(unittest.TestCase):
    def check(self, files):
        """Exit code and output for a tree of {path: text}, each with a good first line."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                target = Path(root, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(COMMENT + text, encoding="utf-8")
            run = subprocess.run(
                [sys.executable, TOOL, root], capture_output=True, text=True, check=False
            )
            return run.returncode, run.stdout + run.stderr

    def refuse(self, files, *words):
        code, out = self.check(files)
        self.assertEqual(code, 1, out)
        for word in words:
            self.assertIn(word, out)

    GOOD = {
        "include/crossrank/result.h": "#include <variant>\n",
        "include/crossrank/tokenizer.h": '#include "crossrank/result.h"\n',
        "src/base/utf8.h": "#include <string>\n",
        "src/base/curl_api.h": "#include <curl/curl.h>\n",
        "src/json/json.h": '#include <nlohmann/json.hpp>\n#include "base/utf8.h"\n',
        "src/text/bert.cc": '#include <sys/mman.h>\n#include "json/json.h"\n'
        '#include "crossrank/result.h"\n',
        "src/kernels/kernel_table.h": "#include <stdint.h>\n",
        "src/kernels/ops/row-inl.h": "#include <math.h>\n",
        "src/kernels/avx2.cc": '#include <immintrin.h>\n#include "kernels/kernel_table.h"\n'
        '#include "kernels/ops/row-inl.h"\n',
        "src/kernels/dispatch.h": '#include <vector>\n#include "kernels/kernel_table.h"\n',
        "src/engine/scorer.cc": '#include "kernels/dispatch.h"\n#include "crossrank/tokenizer.h"\n',
        "apps/cli/console.h": "",
        "apps/cli/main.cc": '#include <CLI/CLI.hpp>\n#include "console.h"\n'
        '#include "crossrank/tokenizer.h"\n',
    }

    def test_a_good_tree_passes(self):
        code, out = self.check(self.GOOD)
        self.assertEqual(code, 0, out)
        self.assertIn(f"{len(self.GOOD)} files, 0 errors", out)

    def test_an_empty_tree_is_an_error(self):
        self.refuse({}, "no C++ file found")

    def test_a_layer_may_not_include_upwards_or_sideways(self):
        self.refuse(
            {
                **self.GOOD,
                "src/text/bad.cc": '#include "model/config.h"\n',
                "src/model/config.h": "",
            },
            "src/text/bad.cc:2",
            "text may include only json, base",
        )
        self.refuse(
            {**self.GOOD, "src/base/bad.h": '#include "json/json.h"\n'},
            "src/base/bad.h:2",
            "base may include only itself",
        )

    def test_the_model_sees_the_kernel_table_alone(self):
        self.refuse(
            {**self.GOOD, "src/model/bert.cc": '#include "kernels/dispatch.h"\n'},
            "src/model/bert.cc:2",
            "kernels:kernel_table.h",
        )

    def test_lower_layers_do_not_include_the_public_faces(self):
        self.refuse(
            {**self.GOOD, "src/text/bad.h": '#include "crossrank/tokenizer.h"\n'},
            "src/text/bad.h:2",
            "text may include of the public headers only result.h",
        )

    def test_the_python_binding_sees_the_public_headers_alone(self):
        good = {**self.GOOD, "python/src/texts.h": "#include <nanobind/nanobind.h>\n"}
        code, out = self.check(
            {**good, "python/src/a.cc": '#include "texts.h"\n#include "crossrank/tokenizer.h"\n'}
        )
        self.assertEqual(code, 0, out)
        self.refuse(
            {**good, "python/src/bad.cc": '#include "base/utf8.h"\n'},
            "python/src/bad.cc:2",
            "python/src may include only itself",
        )

    def test_public_headers_include_std_only(self):
        for line in (
            "#include <immintrin.h>",
            "#include <nlohmann/json.hpp>",
            '#include "base/utf8.h"',
        ):
            self.refuse(
                {**self.GOOD, "include/crossrank/bad.h": line + "\n"},
                "include/crossrank/bad.h:2",
                "public headers include",
            )

    def test_only_json_names_nlohmann(self):
        self.refuse(
            {**self.GOOD, "src/hub/bad.cc": "#include <nlohmann/json.hpp>\n"},
            "src/hub/bad.cc:2",
            "only json includes <nlohmann/...>",
        )
        self.refuse(
            {**self.GOOD, "apps/cli/bad.cc": "using Json = nlohmann::json;\n"},
            "apps/cli/bad.cc:2",
            "use json::Value",
        )
        self.refuse(
            {**self.GOOD, "tests/unit/bad_test.cc": "#include <nlohmann/json.hpp>\n"},
            "tests/unit/bad_test.cc:2",
        )

    def test_only_one_file_of_base_sees_curl(self):
        self.refuse(
            {**self.GOOD, "src/base/bad.h": "#include <curl/curl.h>\n"},
            "src/base/bad.h:2",
            "only base:curl_api includes <curl/...>",
        )

    def test_unknown_libraries_are_refused(self):
        self.refuse(
            {**self.GOOD, "src/hub/bad.cc": "#include <openssl/sha.h>\n"},
            "src/hub/bad.cc:2",
            "neither a standard header",
        )

    def test_isa_files_include_c_headers_only(self):
        for path in (
            "src/kernels/avx512.cc",
            "src/kernels/simd/avx2-inl.h",
            "src/kernels/kernel_table.h",
        ):
            for line in (
                "#include <vector>",
                '#include "base/utf8.h"',
                '#include "crossrank/result.h"',
                '#include "kernels/dispatch.h"',
            ):
                self.refuse({**self.GOOD, path: line + "\n"}, path + ":2", "")

    def test_cycles(self):
        self.refuse(
            {
                **self.GOOD,
                "src/text/a.h": '#include "text/b.h"\n',
                "src/text/b.h": '#include "text/a.h"\n',
            },
            "src/text/a.h -> src/text/b.h -> src/text/a.h",
        )

    def test_unknown_layers_and_missing_headers(self):
        self.refuse({**self.GOOD, "src/magic/a.cc": "#include <string>\n"}, "'magic' is no layer")
        self.refuse(
            {**self.GOOD, "src/text/a.cc": '#include "text/gone.h"\n'},
            "src/text/gone.h, which does not exist",
        )
        self.refuse({**self.GOOD, "src/text/a.cc": '#include "bert.h"\n'}, "write the layer too")

    def test_first_line_and_length(self):
        with tempfile.TemporaryDirectory() as root:
            bare = Path(root, "src/base/bare.h")
            bare.parent.mkdir(parents=True)
            bare.write_text("#pragma once\n", encoding="utf-8")
            run = subprocess.run(
                [sys.executable, TOOL, root], capture_output=True, text=True, check=False
            )
            self.assertEqual(run.returncode, 1)
            self.assertIn("src/base/bare.h:1: the first line must be a comment", run.stdout)
        self.refuse({**self.GOOD, "src/base/long.cc": "int x;\n" * 700}, "long.cc:600: 701 lines")
        self.refuse({**self.GOOD, "src/base/long.h": "int x;\n" * 250}, "long.h:200: 251 lines")
        code, out = self.check({**self.GOOD, "src/base/long.cc": "int x;\n" * 650})
        self.assertEqual(code, 0, out)
        self.assertIn("warning: src/base/long.cc", out)


if __name__ == "__main__":
    unittest.main()
