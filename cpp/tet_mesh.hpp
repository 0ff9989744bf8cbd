// SPDX-License-Identifier: BSD-3-Clause
// What the steps of the mesher hand on: tetrahedra, and on which side of the level sets their nodes lie.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "vec3.hpp"

namespace headfield {

using Tet = std::array<int32_t, 4>;

// The labels that meet at a node: one, or all from first to last where it lies on the interfaces between them.
struct Labels {
    uint8_t first, last;

    bool below(int level) const { return last <= level; }  // where the level is positive
    bool above(int level) const { return first > level; }
};

struct LabelledMesh {
    std::vector<Vec3> nodes;  // mm
    std::vector<Tet> tets;    // of positive volume
    std::vector<Labels> sides;
    std::vector<uint8_t> labels;  // of each tetrahedron, once it has been cut
};

}  // namespace headfield
