// SPDX-License-Identifier: BSD-3-Clause
// Points that are nowhere too close to each other. Compiled into both modules, and always run on the host.
#pragma once

#include <cstdint>
#include <vector>

namespace headfield {

// Takes points (n, 3), finite, one after the other, ones far apart in the list first, but for those closer than
// `distance` > 0 to one that was taken.
// Returns the numbers of the points taken, ascending.
std::vector<int64_t> thinned(const double* points, int64_t n, double distance);

}  // namespace headfield
