// SPDX-License-Identifier: BSD-3-Clause
// Combinatorics of a tetrahedral mesh: connected parts, outer surface, and an order of the nodes that keeps neighbours
// close in memory. Compiled into both modules, and always run on the host (bindings_host.cpp).
#pragma once

#include <cstdint>
#include <vector>

namespace headfield {

// Label of the connected part of each node, (n,), numbered in order of first appearance. Two nodes are connected if
// they share a tetrahedron; a node of no tetrahedron is a part of its own.
std::vector<int32_t> node_parts(const int32_t* tets, int64_t n_tets, int64_t n_nodes);

// Faces that belong to exactly one tetrahedron: `faces` (f, 3) node indices, wound so that the normal points out of a
// positively oriented tetrahedron, and `owner` (f,) the tetrahedron. Ordered by owner, then by local face.
struct BoundaryFaces {
    std::vector<int32_t> faces;
    std::vector<int32_t> owner;
};
BoundaryFaces boundary_faces(const int32_t* tets, int64_t n_tets, int64_t n_nodes);

// Permutation (n,) that sorts nodes (n, 3) along a Morton curve of 2^21 cells a side: order[new] = old.
// Throws std::invalid_argument unless the nodes are finite.
std::vector<int32_t> morton_order(const double* nodes, int64_t n_nodes);

}  // namespace headfield
