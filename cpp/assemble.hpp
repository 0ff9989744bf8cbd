// SPDX-License-Identifier: BSD-3-Clause
// From a mesh to matrices: the stiffness matrix and the map from ∂A/∂t at the nodes to the right-hand side.
#pragma once

#include <vector>

#include "views.hpp"

namespace headfield {

// For each node the tetrahedra around it, ascending: around[start[i]…start[i+1]).
struct Incidence {
    explicit Incidence(const MeshView& mesh);
    std::vector<int64_t> start;
    std::vector<int32_t> around;
};

// Two operators with one pattern, nonzero (i, j) summed over the tetrahedra e that hold both nodes, in their order:
//   stiffness  K_ij = Σ_e V_e ∇λ_i · σ_e ∇λ_j                (S)
//   source     S_ij = Σ_e V_e/4 σ_e ∇λ_i                     (S·m, a 3-vector), so that b_i = −Σ_j S_ij · Ȧ_j
struct Pattern {
    std::vector<int32_t> ptr, col;  // rows as in CsrView, columns sorted
};

// Node i couples with the nodes of its tetrahedra, itself included.
Pattern coupling_pattern(const MeshView& mesh, const Incidence& incidence);

// Values on the pattern. sigma: (m,) S/m, or (m, 3, 3) if `tensor`; stiffness (nnz,), source (nnz, 3).
void assemble(const MeshView& mesh, const Incidence& incidence, const Pattern& pattern, const double* sigma,
              bool tensor, double* stiffness, float* source);

}  // namespace headfield
