// SPDX-License-Identifier: BSD-3-Clause
// Local refinement of a mesh by edges that are marked: each is halved, and with it all tetrahedra around it.
#pragma once

#include <cstdint>
#include <vector>

#include "tet_mesh.hpp"

namespace headfield {

// A mesh and its edges, as edges_that numbers them.
struct EdgedMesh {
    const double* nodes;  // (n, 3)
    const Tet* tets;      // (m,)
    const int32_t* ends;  // (e, 2), the lower first
    const int32_t* of;    // (m, 6) edges of each tetrahedron, in the order of edge_ends
    int64_t n_nodes, n_tets, n_edges;
};

struct RefinedMesh {
    std::vector<Tet> tets;        // those of a parent one after another
    std::vector<int32_t> parent;  // of each, ascending
    std::vector<int32_t> halved;  // edges, ascending: node n + k lies in the middle of edge halved[k]
};

// Halves the edges marked (e,), and those that have to be with them so that shapes don't degenerate: a face with an
// edge that is halved has its longest edge halved. Edges are compared by the squares of their lengths and, of two of
// the same length, the one of the lower number counts as the longer. A tetrahedron is cut at its longest edge that is
// halved, its parts at theirs: it becomes eight at most, since what is cut are always edges of the mesh.
// Longest-edge bisection: M. C. Rivara, Int. J. Numer. Meth. Eng. 20 (1984) 745.
// Throws std::length_error if 32 bits could not number the nodes or tetrahedra.
RefinedMesh refine_edges(const EdgedMesh& mesh, const bool* marked);

}  // namespace headfield
