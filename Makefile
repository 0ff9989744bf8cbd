# SPDX-License-Identifier: BSD-3-Clause
# `make demo` and `make test` set up everything they need in .venv and then run. Needs Python 3.11 or newer with venv,
# a C++17 compiler, and a package index that pip can reach.

PYTHON ?= python3
VENV ?= .venv
WERROR ?= OFF
# ON keeps what nvcc makes of kernels while headfield is built, for `make resources` and `make test-ptx`.
KEEP_KERNELS ?= OFF
# What the targets that run Python wait for; `make test-ptx VENV=… INSTALLED=` takes an environment as it is.
INSTALLED ?= $(VENV)/installed

BIN := $(VENV)/bin
CUPY := build/cupy
KEEPER := $(abspath $(BIN)/python);$(abspath tests/compiler.py)
LAUNCHER := $(if $(filter ON,$(KEEP_KERNELS)),$(KEEPER),$(CMAKE_CUDA_COMPILER_LAUNCHER))
SOURCES := pyproject.toml CMakeLists.txt README.md $(shell find src cpp cuda cmake -type f ! -name '*.pyc')

.DEFAULT_GOAL := help
.PHONY: help demo test test-ptx docs docs-quick bench bits gate resources lint sanitize abuse clean

help:
	@echo "make demo      solve the template head, write fields and a picture to demo/"
	@echo "make test      run the tests against the installed package"
	@echo "make test-ptx  run the tests of kernels on what nvcc made of them, without a GPU"
	@echo "make docs      the site of docs/ in build/site, its examples and notebooks run"
	@echo "make docs-quick  the same, without running any"
	@echo "make bench     measure everything, compare with the solvers that are installed, write benchmarks/RESULTS.md"
	@echo "make bits      bits of E against the committed ones"
	@echo "make gate      iterations, sizes and errors against the committed ones"
	@echo "make resources registers, spills and loads in flight of the kernels against the committed ones"
	@echo "make lint      ruff, mypy, clang-format, and which room imports which"
	@echo "make abuse     kills, interrupts, full disks, forks and hostile files by the hundred"
	@echo "make sanitize  tests of the native code under address and undefined-behaviour sanitizers"

# The stamps are newer than what they stand for, so nothing is built twice.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# headfield is compiled and what it needs is fetched by targets of their own: `make -j2` does both at once.
$(VENV)/wheels: $(BIN)/python $(SOURCES)
	rm -rf $@
	$(BIN)/python -m pip wheel --no-deps --wheel-dir $@ -C cmake.define.HEADFIELD_WERROR=$(WERROR) \
		-C "cmake.define.CMAKE_CUDA_COMPILER_LAUNCHER=$(LAUNCHER)" .
	touch $@

$(VENV)/requirements: $(BIN)/python pyproject.toml
	$(BIN)/python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
		print(*project['dependencies'], *project['optional-dependencies']['test'], sep='\n')" >$@.txt
	$(BIN)/python -m pip install --quiet -r $@.txt
	touch $@

$(VENV)/installed: $(VENV)/requirements $(VENV)/wheels
	$(BIN)/python -m pip install --quiet --no-deps --force-reinstall $(VENV)/wheels/headfield-*.whl
	touch $@

# These wait for each other, as what one pip removes for a newer one another may be reading.
$(VENV)/lint-tools: $(BIN)/python pyproject.toml | $(VENV)/requirements
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

$(VENV)/docs-tools: $(BIN)/python pyproject.toml | $(VENV)/lint-tools
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

# CuPy itself, to hold the stand-in of the tests against; it needs no GPU for that. Beside the environment, where the
# tests would take it for one that finds no GPU. Not every system has it: its tests are then skipped, and say so.
$(CUPY)/installed: $(BIN)/python pyproject.toml
	-$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(CUPY) --group cupy && touch $@

# For where the toolkit comes without one.
$(VENV)/disassembler: $(BIN)/python
	$(BIN)/python -m pip install --quiet "nvidia-cuda-nvdisasm>=13" && touch $@ || true

demo: $(INSTALLED)
	$(BIN)/headfield demo -o demo

# A process a core, of one thread each: the tests of threads ask for more themselves.
test: $(INSTALLED) $(CUPY)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 8 --dist worksteal \
		tests README.md --pyargs headfield

# Without nvcc it says that it is skipped. Of WORKERS processes, or one a core.
test-ptx: $(INSTALLED)
	$(BIN)/python tests/compiled.py $(if $(WORKERS),--workers $(WORKERS))

# Whatever Sphinx warns of is an error: a reference that leads nowhere, a page in no table, an example that fails.
SITE := OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -n -W --keep-going -q -j auto -b html -d build/doctrees docs build/site

docs: $(INSTALLED) $(VENV)/docs-tools
	$(SITE)
	$(BIN)/python tools/check_site.py build/site

docs-quick: $(INSTALLED) $(VENV)/docs-tools
	HEADFIELD_DOCS=quick $(SITE)
	$(BIN)/python tools/check_site.py build/site

bench: $(INSTALLED)
	$(BIN)/python benchmarks/run.py

bits: $(INSTALLED)
	$(BIN)/python -W ignore benchmarks/bits.py

gate: $(INSTALLED)
	$(BIN)/python benchmarks/gate.py

# Without nvcc or a disassembler it says that it is skipped.
resources: $(INSTALLED) $(and $(INSTALLED),$(shell command -v nvcc),$(VENV)/disassembler)
	$(BIN)/python benchmarks/kernel_resources.py --check

lint: $(INSTALLED) $(VENV)/lint-tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run -Werror cpp/* cuda/* tests/emulated/*.h tests/emulated/*.hpp tests/emulated/*.cu \
		tests/ptx/*.hpp tests/ptx/*.cpp

sanitize: $(INSTALLED)
	PYTHON=$(abspath $(BIN)/python) bash tests/sanitize.sh

abuse: $(INSTALLED)
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m abuse

clean:
	rm -rf $(VENV) build demo
