// SPDX-License-Identifier: BSD-3-Clause
// Edges of a mesh, and tetrahedra halved at some of them.
#pragma once

#include <algorithm>
#include <numeric>

#include "tet_mesh.hpp"

namespace headfield {

// Edges (i, j), i < j, in the order of i, then j.
struct Edges {
    std::vector<int64_t> begin;   // (n + 1,) where those of node i begin
    std::vector<int32_t> nodes;   // i of each
    std::vector<int32_t> others;  // j of each

    int64_t size() const { return static_cast<int64_t>(others.size()); }
    // The place of an edge, or −1.
    int64_t find(int32_t i, int32_t j) const {
        const auto from = others.begin() + begin[i], to = others.begin() + begin[i + 1];
        const auto at = std::lower_bound(from, to, j);
        return at != to && *at == j ? at - others.begin() : -1;
    }
};

constexpr int edge_ends[6][2] = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};

// The edges (i, j) of tetrahedra for which chosen(i, j) holds, once each.
template <class Chosen>
Edges edges_that(const LabelledMesh& mesh, Chosen chosen) {
    const auto n = static_cast<int64_t>(mesh.nodes.size());
    std::vector<int64_t> start(n + 1, 0);
    auto each = [&](auto&& visit) {
        for (const Tet& t : mesh.tets) {
            for (const auto& e : edge_ends) {
                const int32_t i = std::min(t[e[0]], t[e[1]]), j = std::max(t[e[0]], t[e[1]]);
                if (chosen(i, j)) visit(i, j);
            }
        }
    };
    each([&](int32_t i, int32_t) { ++start[i + 1]; });
    std::partial_sum(start.begin(), start.end(), start.begin());
    std::vector<int32_t> all(start[n]);
    std::vector<int64_t> next(start.begin(), start.end() - 1);
    each([&](int32_t i, int32_t j) { all[next[i]++] = j; });
    Edges edges;
    edges.begin.assign(n + 1, 0);
    for (int64_t i = 0; i < n; ++i) {
        const auto from = all.begin() + start[i], to = all.begin() + start[i + 1];
        std::sort(from, to);
        for (auto j = from; j != to; ++j) {
            if (j != from && *j == *(j - 1)) continue;
            edges.nodes.push_back(static_cast<int32_t>(i));
            edges.others.push_back(*j);
        }
        edges.begin[i + 1] = edges.size();
    }
    return edges;
}

// Those of some edges that chosen(i, j) holds for, and of what is known of each edge the part that is theirs.
template <class Chosen>
Edges edges_of(const Edges& some, std::vector<double>& known, Chosen chosen) {
    Edges edges;
    edges.begin.assign(some.begin.size(), 0);
    for (int64_t e = 0; e < some.size(); ++e) {
        if (!chosen(some.nodes[e], some.others[e])) continue;
        known[edges.size()] = known[e];
        edges.nodes.push_back(some.nodes[e]);
        edges.others.push_back(some.others[e]);
        ++edges.begin[some.nodes[e] + 1];
    }
    std::partial_sum(edges.begin.begin(), edges.begin.end(), edges.begin.begin());
    known.resize(edges.size());
    return edges;
}

// Halves the tetrahedra at edges, whose new nodes are those from `first` on, in the order of the edges.
void halve_at(LabelledMesh& mesh, const Edges& edges, int32_t first);

}  // namespace headfield
