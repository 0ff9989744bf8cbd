// SPDX-License-Identifier: BSD-3-Clause
// Tetrahedra of a body-centred cubic lattice of two sizes, over a head.
#pragma once

#include "level_field.hpp"
#include "poll.hpp"
#include "tet_mesh.hpp"

namespace headfield {

struct LatticeSize {
    double low[3], high[3];  // corners of the grid of voxels, mm
    double cell_mm;          // edge of the small cells; the others are twice as large
    uint32_t fine;           // labels, as bits, in which all cells are small
};

// All tetrahedra with a node inside the outermost level, and those that touch them. Cells are small where a fine label
// is, and where an interface bends within one. Throws std::length_error where 32 bits can't number the points.
LabelledMesh graded_lattice(const LevelField& field, const LatticeSize& size, const Poll& poll);

}  // namespace headfield
