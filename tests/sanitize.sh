#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds the native modules, that for GPUs emulated on the CPU, with address and undefined-behaviour sanitizers in a
# temporary folder and runs their tests on that build; what is installed is left alone. Needs GCC with libasan. PYTHON
# names an interpreter that has headfield and the test requirements installed; arguments are passed on to pytest.
set -euo pipefail

python=${PYTHON:-python}
tests=$(cd "$(dirname "$0")" && pwd)
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT

export PATH="$(dirname "$(command -v "$python")"):$PATH"  # cmake and ninja of the same environment, if there
if ! command -v cmake >/dev/null || ! "$python" -c 'import pybind11' 2>/dev/null; then
  "$python" -m venv "$build/tools"
  "$build/tools/bin/python" -m pip install --quiet cmake ninja pybind11
  export PATH="$build/tools/bin:$PATH"
fi
pybind11=$(python -c 'import pybind11; print(pybind11.get_cmake_dir())' 2>/dev/null ||
  "$python" -c 'import pybind11; print(pybind11.get_cmake_dir())')

# The tests run the loops of one instruction set, and kernels of few widths, so only those are built.
loops=$(cd "$build" && "$python" -c 'from headfield.core import _cpu; print(_cpu.instruction_set)')

cmake -S "$tests/.." -B "$build/native" -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS='-O1 -g1' \
  -DHEADFIELD_SANITIZE=ON -DHEADFIELD_CUDA=EMULATED -DHEADFIELD_INSTRUCTION_SETS="$loops" -DHEADFIELD_GPU_WIDTHS="1, 4, 8, 32" \
  -Dpybind11_DIR="$pybind11" -DPython_EXECUTABLE="$(command -v "$python")" >"$build/log"
cmake --build "$build/native" --parallel "$(nproc)" >>"$build/log" || { cat "$build/log" >&2; exit 1; }

# Python itself is not instrumented, so the runtime is loaded before it; libstdc++ with it, whose exceptions it wraps.
preload="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libstdc++.so)"
cd "$build"  # so that no headfield of the working directory is imported
HEADFIELD_NATIVE=$(echo "$build"/native/_cpu*.so)
HEADFIELD_EMULATED_CUDA=$(echo "$build"/native/_cuda*.so)
export HEADFIELD_NATIVE HEADFIELD_EMULATED_CUDA
env LD_PRELOAD="$preload" PYTHONPATH="$tests" OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" PYTHONDONTWRITEBYTECODE=1 \
  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
  "$python" -m pytest -q -p native_plugin -p no:cacheprovider -c "$tests/../pyproject.toml" --rootdir "$tests/.." \
  "$tests/kernels/test_kernels.py" "$tests/refused/test_kernel_arguments.py" "$tests/kernels/test_solver.py" \
  "$tests/refused/test_solver_arguments.py" "$tests/coils/test_primary.py" "$tests/kernels/test_images.py" \
  "$tests/heads/test_lattice.py::test_any_number_of_threads_gives_the_same_bits" \
  "$tests/heads/test_lattice.py::test_more_points_than_can_be_numbered_are_refused" \
  -k "not within_the_bound and not tighter_bound and not cpu-0.4 and not beyond_float32 and not cuda-32 \
and not cuda-16 and not (test_primary and cuda)" \
  "$@"  # all but the slowest, on paths that others take too
