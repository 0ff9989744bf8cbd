// SPDX-License-Identifier: BSD-3-Clause
// A product of two dense matrices on the host, in both modules, whose bits depend on neither the number of threads nor
// the other rows and columns, as those of a BLAS do. Compiled once per instruction set.
#pragma once

#include <cstdint>

namespace headfield {

// out (rows, columns) = a (rows, inner) · b (inner, columns), all row-major. Each number is summed in the order of the
// inner index, in float32.
using DenseProduct = void (*)(int64_t rows, int64_t inner, int64_t columns, const float* a, const float* b, float* out);

DenseProduct dense_product();

}  // namespace headfield
