"""Objects compiled from bad sources, each of which tools/check_kernel_objects.py must refuse."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_kernel_objects.py"
TABLE = "namespace n { extern const int kAKernels[] = {1, 2}; }\n"
WIDE = (
    "float f(const float* p) { float s = 0; for (int i = 0; i < 64; ++i) s += p[i] * p[i];"
    " return s; }\n"
)
AVX2 = "#include <immintrin.h>\nvoid g(float* p) { _mm256_storeu_ps(p, _mm256_set1_ps(p[0])); }\n"
AVX512 = "#include <immintrin.h>\nvoid g(float* p) { _mm512_storeu_ps(p, _mm512_set1_ps(p[0])); }\n"
KERNELS = "src/kernels/CMakeFiles/crossrank_kernels.dir"

CXX = os.environ.get("CXX", "c++")
CROSS = "aarch64-linux-gnu-g++"
DOT = '__attribute__((used)) static void d() { asm("sdot v0.4s, v1.16b, v2.4b[0]"); }\n'
MMLA = '__attribute__((used)) static void m() { asm("smmla v0.4s, v1.16b, v2.16b"); }\n'


def compile_to(target, text, *flags, compiler=CXX):
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            compiler,
            "-std=c++20",
            "-O1",
            "-x",
            "c++",
            "-c",
            "-",
            "-Wno-unused",
            "-o",
            target,
            *flags,
        ],
        input=text,
        text=True,
        check=True,
    )


@unittest.skipUnless(platform.machine() in ("x86_64", "AMD64"), "the sources use x86 intrinsics")
class CheckKernelObjects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.good = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.good.cleanup)
        for path, text, *flags in (
            (f"{KERNELS}/scalar.cc.o", TABLE),
            (f"{KERNELS}/scalar_int8.cc.o", TABLE),
            (f"{KERNELS}/avx2.cc.o", TABLE + AVX2.replace("void g", "static void g"), "-mavx2"),
            (f"{KERNELS}/avx2_int8.cc.o", TABLE, "-mavx2"),
            (f"{KERNELS}/avx512.cc.o", TABLE, "-mavx512f"),
            (f"{KERNELS}/avx512_bf16.cc.o", TABLE, "-mavx512bf16"),
            (f"{KERNELS}/avx512_vnni.cc.o", TABLE, "-mavx512vnni"),
            (f"{KERNELS}/dispatch.cc.o", WIDE),
            ("src/text/CMakeFiles/crossrank_text.dir/bert.cc.o", WIDE),
            ("apps/cli/CMakeFiles/crossrank_cli.dir/main.cc.o", "int main() {}\n"),
        ):
            compile_to(Path(cls.good.name, path), text, *flags)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.build = Path(folder.name, "build")
        shutil.copytree(self.good.name, self.build)

    def compile(self, path, text, *flags):
        compile_to(self.build / path, text, *flags)

    def check(self):
        run = subprocess.run(
            [sys.executable, TOOL, self.build], capture_output=True, text=True, check=False
        )
        return run.returncode, run.stdout + run.stderr

    def refuse(self, *words):
        code, out = self.check()
        self.assertEqual(code, 1, out)
        for word in words:
            self.assertIn(word, out)

    def test_good_objects_pass(self):
        code, out = self.check()
        self.assertEqual(code, 0, out)
        self.assertIn("10 objects, ", out)
        self.assertIn(", 0 errors", out)

    def test_a_second_exported_symbol(self):
        self.compile(f"{KERNELS}/avx2.cc.o", TABLE + "int leaked;\n", "-mavx2")
        self.refuse("avx2.cc.o: exports", "leaked")

    def test_no_table(self):
        self.compile(f"{KERNELS}/avx2.cc.o", "static int hidden;\n", "-mavx2")
        self.refuse("avx2.cc.o: exports nothing")

    def test_a_weak_function(self):
        self.compile(
            f"{KERNELS}/avx512.cc.o",
            TABLE + "inline int w() { return 1; }\nstatic auto* keep __attribute__((used)) = &w;\n",
            "-mavx512f",
        )
        self.refuse("avx512.cc.o: has 1 weak symbols (_Z1wv)")

    def test_a_static_initialiser(self):
        self.compile(
            f"{KERNELS}/scalar.cc.o",
            TABLE + "int h();\nstatic int start __attribute__((used)) = h();\n",
        )
        self.refuse("scalar.cc.o: has static initialisers (.init_array)")

    def test_avx_outside_its_object(self):
        self.compile("src/text/CMakeFiles/crossrank_text.dir/bert.cc.o", AVX2, "-mavx2")
        self.refuse("bert.cc.o: has 'v")
        self.compile("src/text/CMakeFiles/crossrank_text.dir/bert.cc.o", WIDE, "-mavx")
        self.refuse("bert.cc.o: has 'v")  # 128-bit registers, but AVX all the same
        self.compile("src/text/CMakeFiles/crossrank_text.dir/bert.cc.o", WIDE)
        self.compile(f"{KERNELS}/dispatch.cc.o", AVX2, "-mavx2")
        self.refuse("dispatch.cc.o: has 'v")

    def test_instructions_that_are_chosen_at_run_time(self):
        shuffle = "typedef char V __attribute__((vector_size(16)));\n" + (
            "V g(V a, V b) { return __builtin_ia32_pshufb128(a, b); }\n"
        )
        self.compile("src/base/CMakeFiles/crossrank_base.dir/sha256.cc.o", shuffle, "-mssse3")
        self.assertEqual(self.check()[0], 0)
        self.compile("src/base/CMakeFiles/crossrank_base.dir/sha256.cc.o", AVX2, "-mavx2")
        self.refuse("sha256.cc.o: has 'v")
        self.compile("src/base/CMakeFiles/crossrank_base.dir/sha256.cc.o", shuffle, "-mssse3")
        self.compile("src/base/CMakeFiles/crossrank_base.dir/utf8.cc.o", shuffle, "-mssse3")
        self.refuse("utf8.cc.o: has 'pshufb")

    def test_avx512_in_the_avx2_object(self):
        self.compile(
            f"{KERNELS}/avx2.cc.o",
            TABLE
            + AVX512.replace("void g", "static void g")
            + "static auto* keep __attribute__((used)) = &g;\n",
            "-mavx512f",
        )
        self.refuse("avx2.cc.o: has 'v", "zmm")

    def test_a_table_that_is_gone(self):
        (self.build / KERNELS / "avx512.cc.o").unlink()
        self.refuse("no object for avx512")


@unittest.skipUnless(shutil.which(CROSS), f"there is no {CROSS}")
class CheckArmObjects(unittest.TestCase):
    def check(self, dot_product=TABLE + DOT, neon=TABLE):
        with tempfile.TemporaryDirectory() as build:
            kernels = Path(build, KERNELS)
            for name in ("scalar", "scalar_int8"):
                compile_to(kernels / f"{name}.cc.o", TABLE, compiler=CROSS)
            compile_to(kernels / "dispatch.cc.o", WIDE, compiler=CROSS)
            every = "-march=armv8.6-a"
            if neon:
                compile_to(kernels / "neon.cc.o", neon, every, compiler=CROSS)
            compile_to(kernels / "neon_dotprod.cc.o", dot_product, every, compiler=CROSS)
            run = subprocess.run(
                [sys.executable, TOOL, build], capture_output=True, text=True, check=False
            )
            return run.returncode, run.stdout + run.stderr

    def test_good_objects_pass(self):
        code, out = self.check()
        self.assertEqual(code, 0, out)
        self.assertIn("5 objects, tables neon, neon_dotprod, scalar, scalar_int8, 0 errors", out)

    def test_instructions_that_the_cpu_may_lack(self):
        self.assertIn("neon.cc.o: has 'sdot", self.check(neon=TABLE + DOT)[1])
        self.assertIn("neon_dotprod.cc.o: has 'smmla", self.check(dot_product=TABLE + MMLA)[1])

    def test_a_table_that_is_gone(self):
        self.assertIn("no object for neon;", self.check(neon="")[1])


if __name__ == "__main__":
    unittest.main()
