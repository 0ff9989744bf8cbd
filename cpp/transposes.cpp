// SPDX-License-Identifier: BSD-3-Clause
// The transposes of right-hand sides and fields on CPU cores. All that differs from a GPU is in the loops of tiles.hpp
// and loops.hpp. Compiled once per instruction set.
#include "transpose_table.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

TransposeKernels transpose_kernels() { return transposes; }

}  // namespace HEADFIELD_ISA
}  // namespace headfield
