// SPDX-License-Identifier: BSD-3-Clause
// What else has to be halved is found from edge to edge, by the tetrahedra around each, without looking at the others.
#include "refine.hpp"

#include <limits>
#include <stdexcept>

#include "edge_split.hpp"

namespace headfield {

namespace {

constexpr int face_edges[4][3] = {{0, 1, 3}, {0, 2, 4}, {1, 2, 5}, {3, 4, 5}};
constexpr int faces_of_edge[6][2] = {{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}};

std::vector<double> squared_lengths(const EdgedMesh& mesh) {
    std::vector<double> squares(mesh.n_edges);
#pragma omp parallel for schedule(static)
    for (int64_t e = 0; e < mesh.n_edges; ++e) {
        const double *a = mesh.nodes + 3 * int64_t{mesh.ends[2 * e]},
                     *b = mesh.nodes + 3 * int64_t{mesh.ends[2 * e + 1]};
        const Vec3 edge{b[0] - a[0], b[1] - a[1], b[2] - a[2]};
        squares[e] = dot(edge, edge);
    }
    return squares;
}

// The tetrahedra around each node, as lists: first[node], then next[…], are 4 × tetrahedron + corner, −1 the end.
struct Around {
    std::vector<int32_t> first, next;

    explicit Around(const EdgedMesh& mesh) : first(mesh.n_nodes, -1), next(4 * mesh.n_tets) {
        for (int64_t t = 0; t < mesh.n_tets; ++t) {
            for (int k = 0; k < 4; ++k) {
                int32_t& head = first[mesh.tets[t][k]];
                next[4 * t + k] = head;
                head = static_cast<int32_t>(4 * t + k);
            }
        }
    }
};

// Marks what has to be halved with the edges marked, and says which tetrahedra are cut.
class Closure {
public:
    Closure(const EdgedMesh& mesh, const std::vector<double>& squares, std::vector<uint8_t>& marked)
        : cut(mesh.n_tets, 0), mesh_(mesh), squares_(squares), marked_(marked) {
        for (int64_t e = 0; e < mesh.n_edges; ++e) {
            if (marked[e]) waiting_.push_back(static_cast<int32_t>(e));
        }
        if (waiting_.empty()) return;
        const Around around(mesh);
        while (!waiting_.empty()) {
            const int32_t e = waiting_.back();
            waiting_.pop_back();
            for (int32_t c = around.first[mesh.ends[2 * int64_t{e}]]; c >= 0; c = around.next[c]) look_at(c / 4, e);
        }
    }

    std::vector<uint8_t> cut;  // (m,)

private:
    // The two faces of a tetrahedron at an edge, if that is one of its edges.
    void look_at(int32_t t, int32_t e) {
        const int32_t* edges = mesh_.of + 6 * int64_t{t};
        const int64_t k = std::find(edges, edges + 6, e) - edges;
        if (k == 6) return;
        cut[t] = 1;
        for (const int f : faces_of_edge[k]) {
            int32_t longest = edges[face_edges[f][0]];
            for (int s = 1; s < 3; ++s) longest = longer(longest, edges[face_edges[f][s]]);
            if (marked_[longest]) continue;
            marked_[longest] = 1;
            waiting_.push_back(longest);
        }
    }
    int32_t longer(int32_t d, int32_t e) const {
        if (squares_[d] != squares_[e]) return squares_[d] > squares_[e] ? d : e;
        return std::min(d, e);
    }
    const EdgedMesh& mesh_;
    const std::vector<double>& squares_;
    std::vector<uint8_t>& marked_;
    std::vector<int32_t> waiting_;
};

}  // namespace

RefinedMesh refine_edges(const EdgedMesh& mesh, const bool* marked) {
    const std::vector<double> squares = squared_lengths(mesh);
    std::vector<uint8_t> is_halved(marked, marked + mesh.n_edges);
    const std::vector<uint8_t> cut = Closure(mesh, squares, is_halved).cut;
    constexpr int64_t most = std::numeric_limits<int32_t>::max();
    RefinedMesh fine;
    std::vector<int32_t> middle(mesh.n_edges);  // the node of each edge that is halved
    for (int64_t e = 0; e < mesh.n_edges; ++e) {
        if (!is_halved[e]) continue;
        const int64_t node = mesh.n_nodes + static_cast<int64_t>(fine.halved.size());
        if (node >= most) throw std::length_error("more nodes than 32 bits can number");
        middle[e] = static_cast<int32_t>(node);
        fine.halved.push_back(static_cast<int32_t>(e));
    }
    fine.tets.reserve(mesh.n_tets + 7 * std::count(cut.begin(), cut.end(), 1));
    fine.parent.reserve(fine.tets.capacity());
    for (int64_t t = 0; t < mesh.n_tets; ++t) {
        Cuts cuts;
        for (int k = 0; cut[t] && k < 6; ++k) {
            const int32_t e = mesh.of[6 * t + k], a = mesh.tets[t][edge_ends[k][0]], b = mesh.tets[t][edge_ends[k][1]];
            if (is_halved[e]) cuts.add(squares[e], std::min(a, b), std::max(a, b), middle[e]);
        }
        cuts.cut(mesh.tets[t], fine.tets);
        fine.parent.resize(fine.tets.size(), static_cast<int32_t>(t));
    }
    if (static_cast<int64_t>(fine.tets.size()) > most) {
        throw std::length_error("more tetrahedra than 32 bits can number");
    }
    return fine;
}

}  // namespace headfield
