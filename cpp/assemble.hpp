// SPDX-License-Identifier: BSD-3-Clause
// From a mesh to matrices: the stiffness matrix and the map from ∂A/∂t at the nodes to the right-hand side.
#pragma once

#include "csr.hpp"
#include "views.hpp"

namespace headfield {

// One nonzero of row i, column j, of the two operators that share a pattern, summed over the tetrahedra e that hold
// both nodes:
//   stiffness  K_ij = Σ_e V_e ∇λ_i · σ_e ∇λ_j                (S)
//   source     S_ij = Σ_e V_e/4 σ_e ∇λ_i                     (S·m, a 3-vector), so that b_i = −Σ_j S_ij · Ȧ_j
struct Coupling {
    double stiffness;
    double source[3];
};

// sigma: (m,) S/m, or (m, 3, 3) if `tensor`. Rows are gathered in the order of the tetrahedra, columns are sorted.
Csr<Coupling> assemble(const MeshView& mesh, const double* sigma, bool tensor);

}  // namespace headfield
