// SPDX-License-Identifier: BSD-3-Clause
// A mesh that follows level sets made well shaped.
#pragma once

#include "level_field.hpp"
#include "poll.hpp"
#include "tet_mesh.hpp"

namespace headfield {

// Moves nodes along the interfaces they lie on and joins some, until the tetrahedra of the head are well shaped.
// `cell_mm` is the edge of the small cells of the lattice. Tetrahedra outside the head are removed in the end.
void improve(const LevelField& field, LabelledMesh& mesh, double cell_mm, const Poll& poll);

}  // namespace headfield
