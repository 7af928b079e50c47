# The front door: each target installs what it needs, then works. CMakeLists.txt builds.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: demo test deps lint format test-sanitizers test-long test-tokenizer-full test-fidelity \
        test-neon test-train test-adapters test-judge test-server test-soak test-page test-deploy wheel fuzz \
        bench-python coverage clean help

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 1800
SEED ?= $(shell date +%s)
SANITIZED := unit kernels tokenizer fuzz golden hub faults server
# All but what runs the builtin model, for which an emulated CPU takes more than ten minutes.
EMULATED := -*builtin*:*GoldenFloat64*:*GoldenRank*

empty :=
space := $(empty) $(empty)

# With ccache, a second clone or preset compiles what the first one did not.
ifneq ($(shell command -v ccache),)
export CMAKE_CXX_COMPILER_LAUNCHER := ccache
export CMAKE_C_COMPILER_LAUNCHER := ccache
export CCACHE_BASEDIR := $(CURDIR)
endif

# Prints what a target took, whether it succeeded or not, and keeps its exit code.
timed = trap 'status=$$?; echo "make $@: $$SECONDS s, exit code $$status"; exit $$status' EXIT
configure = cmake --preset $(1) --log-level=WARNING
build = $(call configure,$(1)); cmake --build --preset $(1) --parallel $(JOBS) --target $(2)
python_venv = tools/venv.sh python/requirements.txt build/venv-python
build_with_python = cmake --preset release --log-level=WARNING -DCROSSRANK_BUILD_PYTHON=ON \
  -DPython_EXECUTABLE=$(CURDIR)/build/venv-python/bin/python; \
  cmake --build --preset release --parallel $(JOBS) --target $(1)
ctest = ctest --test-dir build/$(1) --output-on-failure --no-tests=error --parallel $(JOBS)

demo:  ## Build the command and rank the example corpus with it
	@$(timed); tools/deps.sh build test; $(call build,release,crossrank_cli); examples/demo.sh

test:  ## Build everything and run all tests (no network once the packages are there)
	@$(timed); tools/deps.sh build test python; $(python_venv); \
	$(call build_with_python,all); $(call ctest,release) -LE long

deps:  ## Install the packages that demo, test and pip install need
	@$(timed); tools/deps.sh build test python; \
	echo "All packages for make demo, make test and pip install are there."

lint:  ## Check format, clang-tidy on changed files, includes, kernel objects, Python, scripts
	@$(timed); tools/deps.sh build test lint python; $(call build,release,crossrank_cli); \
	tools/lint.sh build/release

format:  ## Rewrite the C++ and Python files with the pinned clang-format and ruff
	@$(timed); tools/deps.sh lint python; \
	git ls-files -z '*.h' '*.cc' | xargs -0 clang-format-14 -i; \
	tools/venv.sh tools/requirements-lint.txt; \
	git ls-files -z '*.py' '*.pyi' | xargs -0 build/venv/bin/ruff format

test-sanitizers:  ## Unit tests and fuzz corpora under ASan + UBSan, threads and the server under TSan
	@$(timed); tools/deps.sh build test; \
	$(call build,asan-ubsan,$(SANITIZED:%=crossrank_%_tests)); \
	$(call ctest,asan-ubsan) -L '^($(subst $(space),|,$(SANITIZED)))$$' -LE long \
	  -E '^tokenizer_digest_test$$'; \
	$(call build,tsan,crossrank_threads_tests crossrank_cli); \
	$(call ctest,tsan) -L '^threads$$' -LE long; \
	CROSSRANK_SANITIZE=thread CROSSRANK_BIN=$(CURDIR)/build/tsan/crossrank \
	  python3 -B tests/server/soak.py \
	  --model $(CURDIR)/tests/golden/data/models/scores_identity --seconds 60

test-long:  ## The tests that do not fit in make test
	@$(timed); tools/deps.sh build test long; $(call build,release,all); \
	$(call ctest,release) -L long

test-tokenizer-full:  ## The tokenizer against the tokenizers package on every character (Python)
	@$(timed); tools/deps.sh build test python; $(call build,release,tokenizer_probe); \
	tools/venv.sh tests/tokenizer/requirements.txt; \
	build/venv/bin/python tests/tokenizer/compare.py \
	  --binary build/release/tests/tokenizer/tokenizer_probe $(ARGS); \
	build/venv/bin/python tests/tokenizer/compare_unigram.py \
	  --binary build/release/tests/tokenizer/tokenizer_probe

test-fidelity:  ## Fresh random models against sentence-transformers on PyTorch (Python)
	@$(timed); tools/deps.sh build test python; $(call build,release,crossrank_cli); \
	tools/venv.sh tests/golden/requirements.txt; \
	build/venv/bin/python tests/golden/random_models.py --crossrank build/release/crossrank \
	  --seed $(SEED) --models 20 $(ARGS)

test-judge:  ## crossrank hybrid against a small real LLM on loopback (Python, 220 MB)
	@$(timed); tools/deps.sh build test python; $(call build,release,crossrank_cli); \
	tools/venv.sh tests/judge/requirements.txt build/venv-judge --no-deps; \
	timeout 360 build/venv-judge/bin/python -B tests/judge/llm_test.py $(ARGS)

test-adapters:  ## The Python package with sentence-transformers, LangChain, LlamaIndex, Spark, Ray...
	@$(timed); tools/deps.sh build test python scale; $(python_venv); \
	$(call build_with_python,crossrank_python); \
	python/tests/adapters/run.sh build/release/python $(ARGS)

test-train:  ## The training pipeline on a small set with a random model (Python, PyTorch)
	@$(timed); tools/deps.sh build test python; $(call build,release,crossrank_cli); \
	tools/venv.sh tools/train/requirements.txt build/venv-train; \
	CROSSRANK=$(CURDIR)/build/release/crossrank build/venv-train/bin/python -B -m pytest -q \
	  -p no:cacheprovider tools/train/tests

test-page:  ## The pages of serve and eval in a browser: is dist/ fresh, do they work (npm, Chromium)
	@$(timed); tools/deps.sh build test page; $(call build,release,crossrank_cli); \
	tests/server/page/run.sh build/release/crossrank $(ARGS)

test-deploy:  ## What examples/ deploys: image (by chroot, as root), systemd, Kubernetes, nginx
	@$(timed); tools/deps.sh build test python deploy; $(call build,release,crossrank_cli); \
	tools/venv.sh examples/k8s/requirements-check.txt build/venv-deploy; \
	build/venv-deploy/bin/python examples/k8s/check.py build/release/crossrank; \
	PYTHONPATH=tests/cli build/venv-deploy/bin/python -B tests/server/k8s_check_test.py; \
	examples/systemd/check.sh build/release/crossrank; \
	python3 examples/nginx/check.py build/release/crossrank; \
	examples/docker/check.sh

test-server:  ## crossrank serve with the clients that people use, and a minute of soak (Python)
	@$(timed); tools/deps.sh build test python server; $(call build,release,crossrank_cli); \
	tools/venv.sh tests/server/requirements.txt build/venv-server; \
	tools/venv.sh tests/server/requirements-cohere.txt build/venv-cohere; \
	for venv in venv-server venv-cohere; do \
	  timeout 300 build/$$venv/bin/python -B tests/server/cohere_test.py; \
	done; \
	timeout 900 build/venv-server/bin/python -B tests/server/clients_test.py $(ARGS); \
	timeout 300 build/venv-server/bin/python -B tests/server/soak.py --seconds 60

test-soak:  ## crossrank serve under bad clients for SOAK_SECONDS: no leak, no answer wrong or lost
	@$(timed); tools/deps.sh build test; $(call build,release,crossrank_cli); \
	python3 -B tests/server/soak.py --seconds $(SOAK_SECONDS) $(ARGS)

test-neon:  ## Cross build the library for 64-bit ARM; kernel and golden tests under QEMU
	@$(timed); tools/deps.sh build test neon; \
	$(call build,aarch64,crossrank_kernels_tests crossrank_golden_tests); \
	tools/check_kernel_objects.py build/aarch64; \
	GTEST_FILTER='$(EMULATED)' $(call ctest,aarch64) -L '^(kernels|golden)$$' -LE long

wheel:  ## The portable wheel for python3 (or PYTHON=...) in build/wheels, installed and tested
	@$(timed); tools/deps.sh build python wheel; JOBS=$(JOBS) tools/wheel.sh $(PYTHON); \
	tools/check_wheel.sh "" $(PYTHON)

fuzz:  ## Fuzz each parser for FUZZ_SECONDS (Clang); what is found lands in build/fuzz/found
	@$(timed); tools/deps.sh build test fuzz; $(call build,fuzz,crossrank_fuzz_tests); \
	tools/fuzz.sh build/fuzz $(FUZZ_SECONDS)

bench-python:  ## What the Python package adds to predict, 2 % at most, on an idle machine
	@$(timed); tools/deps.sh build test python; $(python_venv); \
	$(call build_with_python,crossrank_python); \
	PYTHONPATH=build/release/python build/venv-python/bin/python -B bench/python_overhead.py $(ARGS)

coverage:  ## Line coverage of the unit tests: build/coverage/report/index.html
	@$(timed); tools/deps.sh build test coverage; $(call build,coverage,all); \
	$(call ctest,coverage) -LE long; mkdir -p build/coverage/report; \
	gcovr --root . --filter src/ --filter include/ --filter apps/ build/coverage \
	  --html-details build/coverage/report/index.html --print-summary

clean:  ## Remove everything that was built, the Python environment included
	rm -rf build apps/{cli/report,server/web}/node_modules tests/server/page/node_modules

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
