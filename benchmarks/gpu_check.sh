#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Everything that needs a GPU, in one go: build, tests on the GPU, compute-sanitizer, profile, comparison; leaves
# gpu_check.json with device, driver, commit and figures.
#
#   benchmarks/gpu_check.sh OUT [--steps build tests sanitizer profile compare] [--head H.npz --coil C.ccd --poses P.npy]
#
# Steps may be run one at a time into the same OUT; `build` comes first. Needs nvcc, and in the interpreter PYTHON names
# CuPy, the test requirements of pyproject.toml and scikit-build-core; nothing is downloaded. The build lies in OUT/site,
# and what is installed is left alone.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
exec "${PYTHON:-python3}" "$here/gpu_check.py" "$@"
