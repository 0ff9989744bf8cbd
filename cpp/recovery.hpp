// SPDX-License-Identifier: BSD-3-Clause
// Nodal values of E by recovery from patches of tetrahedra, as sparse operators. Always built on the host.
#pragma once

#include <cstdint>
#include <vector>

#include "csr.hpp"
#include "poll.hpp"
#include "views.hpp"

namespace headfield {

struct Vector3 {
    float v[3];
};

// A row is a node as one tissue sees it: E has a value there for each tissue that meets. With φ the potential and Ȧ the
// rate of the vector potential at the nodes, row r has
//   E_r = −Σ_j weight_rj (φ_j − φ_node(r)) − rate_r Ȧ_node(r)
struct Recovery {
    std::vector<int32_t> node;    // (rows,)
    std::vector<int32_t> tissue;  // (rows,)
    Csr<Vector3> weight;          // (rows, n), 1/m
    std::vector<float> rate;      // (rows, 3, 3)
    std::vector<int32_t> corner;  // (elements, 4): the rows of the corners of the chosen tetrahedra
};

// A head on the host: tags (m,) say the tissue, sigma (m,) S/m or (m, 3, 3) if `tensor`.
struct Tissues {
    MeshView mesh;
    const int32_t* tags;
    const double* sigma;
    bool tensor;
};

// The operator for the corners of chosen tetrahedra. With `coupled` the fits of two tissues that meet are one, and E
// keeps the interface conditions there; without, it is the superconvergent patch recovery of each tissue by itself. Polls.
Recovery build_recovery(const Tissues& head, int64_t n_elements, const int32_t* elements, bool coupled,
                        const Poll& poll);

}  // namespace headfield
