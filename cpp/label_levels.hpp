// SPDX-License-Identifier: BSD-3-Clause
// From an image of labels to smooth nested level sets. Compiled into both modules, and always run on the host.
#pragma once

#include <array>
#include <cstdint>

#include "poll.hpp"

namespace headfield {

// Voxels labelled by tissue, z fastest: 0 is outside, as is all beyond the image; 1…n_tissues from inside to outside.
struct LabelImage {
    const uint8_t* labels;
    std::array<int64_t, 3> shape;
    int32_t n_tissues;
};

// How many blocks of step³ voxels it takes to cover an image.
std::array<int64_t, 3> blocks(const std::array<int64_t, 3>& shape, int64_t step);

// levels (n_tissues, blocks): u_l is the share of label l in each block, smoothed by a Gaussian of sigma blocks that is
// cut off at 4 sigma; u_0 = 1 − Σ u_l. Level k is max(u_1…u_k) − max(u_0, u_k+1…u_n): it rises with k, is positive where
// the largest u is one of 1…k, and lies between −1 and 1.
void label_levels(const LabelImage& image, double sigma, int64_t step, float* levels, const Poll& poll);

}  // namespace headfield
