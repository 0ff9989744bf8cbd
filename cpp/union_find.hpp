// SPDX-License-Identifier: BSD-3-Clause
// Connected parts by union and find.
#pragma once

#include <cstdint>
#include <vector>

namespace headfield {

// The root of the tree that holds i; halves the path to it on the way, so that later searches are short.
inline int32_t find_root(std::vector<int32_t>& parent, int32_t i) {
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

}  // namespace headfield
