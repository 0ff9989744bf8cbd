// SPDX-License-Identifier: BSD-3-Clause
// How much of an image lies above values of a level. Compiled into both modules, and always run on the host.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace headfield {

// For each threshold, ascending, the volume in voxels where a level of this shape, linear between the centres of
// voxels, is above it. Cells between eight centres are looked at in eight points each.
std::vector<double> volumes_above(const float* level, const std::array<int64_t, 3>& shape,
                                  const std::vector<float>& thresholds);

}  // namespace headfield
