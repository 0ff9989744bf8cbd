#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Everything that only a machine with a GPU can tell, in one call of at most nine minutes; leaves two files in OUT:
# gpu_check.json, which report.py makes tables of, and gpu_check_logs.tar.gz.
#
#   benchmarks/gpu_check.sh OUT [--minutes 9] [--steps smoke figures ...] [--head H.npz --coil C.ccd --poses P.npy]
#   benchmarks/gpu_check.sh OUT --rehearse     # here, without a GPU: the emulation, on a small head
#
# Takes what gpu_pack.py left in .gpu; without that it builds headfield here, which needs nvcc, scikit-build-core and
# pybind11. In the interpreter that PYTHON names it needs NumPy and CuPy. Nothing is downloaded, nothing of the
# machine's own is changed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
exec "${PYTHON:-python3}" "$here/gpu_check.py" "$@"
