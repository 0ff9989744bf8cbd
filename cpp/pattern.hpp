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
//   source     S_ij = Σ_e V_e W_ejᵀ σ_e ∇λ_i                 (S·m, a 3-vector), so that b_i = −Σ_j S_ij · Ȧ_j
// with W_ej = 1/4, or what add_tet (element.hpp) says of edges.
struct PatternView {
    const int32_t* ptr;    // rows as in CsrView …
    const int32_t* col;    // … columns sorted; node i couples with the nodes of its tetrahedra, itself included
    const int64_t* start;  // the tetrahedra around node i, ascending: around[start[i]…start[i+1])
    const int32_t* around;
};

// The nodes of elements (n_elements, each) on the host; −1 where one has fewer.
struct ElementNodes {
    const int32_t* nodes;
    int64_t n_nodes, n_elements;
    int each;
};

// Those of tetrahedra, whose coordinates are not looked at, and may be null.
inline ElementNodes corners_of(const MeshView& mesh) { return {mesh.tets, mesh.n_nodes, mesh.n_tets, 4}; }

// The elements around each node, as in PatternView.
struct NodeTets {
    explicit NodeTets(const ElementNodes& elements);
    std::vector<int64_t> start;
    std::vector<int32_t> around;
};

// The pattern of both operators. Throws std::length_error where it has more than 2^31 nonzeros.
struct Pattern : NodeTets {
    explicit Pattern(const ElementNodes& elements, const Poll& poll = never);
    std::vector<int32_t> ptr, col;
};

}  // namespace headfield
