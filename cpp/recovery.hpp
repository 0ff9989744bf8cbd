// SPDX-License-Identifier: BSD-3-Clause
// Nodal values of E by recovery from patches of tetrahedra, as sparse operators. They are built once for a region,
// always on the host, and applied to all poses of a batch by RecoveryKernels::recover.
#pragma once

#include <cstdint>
#include <vector>

#include "csr.hpp"
#include "poll.hpp"
#include "views.hpp"

namespace headfield {

// The value of an entry of the operator.
struct Vector3 {
    float v[3];
};

// A row is a node as one tissue sees it, since E jumps at interfaces: a node has a row for each tissue that meets
// there. With φ the potential and Ȧ the rate of the vector potential at the nodes, row r has
//   E_r = −Σ_j weight_rj (φ_j − φ_node(r)) − rate_r Ȧ_node(r)
struct Recovery {
    std::vector<int32_t> node;    // (rows,)
    std::vector<int32_t> tissue;  // (rows,)
    Csr<Vector3> weight;          // (rows, n), 1/m
    std::vector<float> rate;      // (rows, 3, 3)
    std::vector<int32_t> corner;  // (elements, 4): which row each corner of the chosen tetrahedra has
};

// A head on the host: tags (m,) say the tissue, sigma (m,) S/m or (m, 3, 3) if `tensor`.
struct Tissues {
    MeshView mesh;
    const int32_t* tags;
    const double* sigma;
    bool tensor;
};

// Builds the operator for the corners of chosen tetrahedra. With `coupled` quadratics are fitted to φ, those of two
// tissues that meet together, and E keeps the interface conditions there; without, ∇φ is recovered in each tissue by
// itself (superconvergent patch recovery). Polls.
Recovery build_recovery(const Tissues& head, int64_t n_elements, const int32_t* elements, bool coupled,
                        const Poll& poll);

}  // namespace headfield
