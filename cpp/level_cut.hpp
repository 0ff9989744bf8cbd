// SPDX-License-Identifier: BSD-3-Clause
// A mesh made to follow level sets: nodes moved onto them, edges cut by them.
#pragma once

#include "level_field.hpp"
#include "poll.hpp"
#include "tet_mesh.hpp"

namespace headfield {

// Moves the nodes that lie near an interface onto it, cuts the tetrahedra that still cross one, and labels all.
void cut_by_levels(const LevelField& field, LabelledMesh& mesh, const Poll& poll);

}  // namespace headfield
