// SPDX-License-Identifier: BSD-3-Clause
// The transposes of right-hand sides and fields on a GPU: what a row does is in cpp/transpose_rows.hpp, the loops are
// in loops.hpp and tiles.hpp.
#include "../cpp/transpose_table.hpp"

namespace headfield {

const TransposeKernels& device_transposes() { return transposes; }

}  // namespace headfield
