// SPDX-License-Identifier: BSD-3-Clause
// Tetrahedra of linear and of quadratic potential in one mesh. An element has ten unknowns: the values at its corners,
// then those in the middle of its edges, in the order of edge_ends; −1 stands for an edge along which the potential is
// linear. Any choice of edges makes a potential that is continuous, since an edge is the same for all elements around
// it. Compiled into both modules, and always run on the host.
#pragma once

#include <vector>

#include "csr.hpp"
#include "pattern.hpp"

namespace headfield {

// Unknowns (m, 10) of elements, and where each unknown lies, nodes (n, 3), m.
struct QuadraticMesh {
    const double* nodes;
    const int32_t* unknowns;
    int64_t n_nodes, n_elements;

    ElementNodes elements() const { return {unknowns, n_nodes, n_elements, 10}; }
};

// A conductivity for each element, S/m: (m,), or (m, 3, 3) if `tensor`; and whether ∂A/∂t is that of `edges` where
// the potential is linear along them (add_tet in element.hpp).
struct Conductivities {
    const double* values;
    bool tensor, edges;
};

// Computes both operators of pattern.hpp, with the nodal functions N of the elements in place of λ: stiffness
// K_ij = Σ_e ∫ ∇N_i · σ_e ∇N_j, and source S_ij = Σ_e ∫ σ_e ∇N_i N_j, so that ∂A/∂t is quadratic where the potential
// is. By edges, the quadratic part of a potential of ∂A/∂t is left out of S along edges where the potential is linear.
// Polls.
void assemble_quadratic(const QuadraticMesh& mesh, const PatternView& pattern, Conductivities sigma, double* stiffness,
                        float* source, const Poll& poll);

// Where a field is sampled: at barycentric coordinates (count, 4) in elements (count,), each with a weight. The samples
// ptr[r]…ptr[r+1] add up to row r.
struct Samples {
    int32_t rows;
    const int32_t* ptr;
    const int32_t* elements;
    const double *barycentric, *weight;
};

// Three numbers for the gradient, 1/m, and one for the value.
struct PointWeights {
    float gradient[3], share;
};

// The operator (rows, n) that takes potentials and ∂A/∂t to E at samples: E_r = −Σ_j (gradient_rj φ_j + share_rj Ȧ_j).
Csr<PointWeights> sampling(const QuadraticMesh& mesh, const Samples& samples, const Poll& poll);

}  // namespace headfield
