// SPDX-License-Identifier: BSD-3-Clause
// Sums of many modes of a field with a few sets of weights, on the host, in both modules: what a frame of a real-time basis
// takes. Each number of a mode is kept in 16 bits, because memory is what bounds a single frame. Compiled once per
// instruction set.
//
// 20,000 points, 382 modes: 46 MB are read, and 23 M multiply-adds made for each set of weights.
#pragma once

#include <cstdint>

namespace headfield {

constexpr int mode_block = 32;  // columns: a line of the cache for each mode, one after the other in memory

// Modes by blocks of columns: values (blocks, modes, mode_block) times scales (blocks, modes).
struct ModeView {
    int64_t blocks, modes, columns;  // columns ≤ blocks · mode_block; those beyond are not written
    const int16_t* values;
    const float* scales;
};

// out (sets, columns) = weights (sets, modes) · modes. Each number is summed in the order of the modes, in float32, so
// that its bits depend on neither the other sets nor the number of threads.
using ModeSums = void (*)(const ModeView& m, int64_t sets, const float* weights, float* out);

ModeSums mode_sums();

}  // namespace headfield
