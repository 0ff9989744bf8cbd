// SPDX-License-Identifier: BSD-3-Clause
// Connected parts of an image of labels. Compiled into both modules, and always run on the host.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace headfield {

// Voxels of one label that touch are one part; parts are numbered in order of their first voxel. `size` is how many
// voxels each has, and `first` the index of that voxel.
struct VoxelParts {
    std::vector<int32_t> part;  // of each voxel
    std::vector<int64_t> size, first;
};

// Voxels touch by faces or, if `diagonal`, by edges and corners too. Throws std::invalid_argument for an image of more
// rows of equal labels than 32 bits can number.
VoxelParts voxel_parts(const uint8_t* labels, const std::array<int64_t, 3>& shape, bool diagonal);

}  // namespace headfield
