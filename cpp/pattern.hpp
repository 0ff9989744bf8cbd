// SPDX-License-Identifier: BSD-3-Clause
// Where the nonzeros of a head's operators are. Always found on the host, in integers alone, for both devices.
#pragma once

#include <cstdint>
#include <vector>

#include "poll.hpp"
#include "views.hpp"

namespace headfield {

// Two operators share one pattern, nonzero (i, j) summed over the tetrahedra e that hold both nodes, in their order:
//   stiffness  K_ij = Σ_e V_e ∇λ_i · σ_e ∇λ_j                (S)
//   source     S_ij = Σ_e V_e/4 σ_e ∇λ_i                     (S·m, a 3-vector), so that b_i = −Σ_j S_ij · Ȧ_j
struct PatternView {
    const int32_t* ptr;    // rows as in CsrView …
    const int32_t* col;    // … columns sorted; node i couples with the nodes of its tetrahedra, itself included
    const int64_t* start;  // the tetrahedra around node i, ascending: around[start[i]…start[i+1])
    const int32_t* around;
};

// The tetrahedra around each node, as in PatternView. `mesh.tets` lies on the host; coordinates are not looked at, and
// may be null.
struct NodeTets {
    explicit NodeTets(const MeshView& mesh);
    std::vector<int64_t> start;
    std::vector<int32_t> around;
};

// The pattern of both operators. Throws std::length_error where it has more than 2^31 nonzeros.
struct Pattern : NodeTets {
    explicit Pattern(const MeshView& mesh, const Poll& poll = never);
    std::vector<int32_t> ptr, col;
};

}  // namespace headfield
