// SPDX-License-Identifier: BSD-3-Clause
// Distances in an image. Compiled into both modules, and always run on the host.
#pragma once

#include <array>
#include <cstdint>

#include "poll.hpp"

namespace headfield {

// out (shape): from the centre of each voxel to that of the nearest one where the mask is not 0, in the unit of the
// spacing; infinite if there is none. Exact but for rounding: Felzenszwalb & Huttenlocher 2012, doi
// 10.4086/toc.2012.v008a019.
void distance(const uint8_t* mask, const std::array<int64_t, 3>& shape, const std::array<double, 3>& spacing,
              float* out, const Poll& poll);

}  // namespace headfield
