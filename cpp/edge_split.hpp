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

// The edges (i, j) of m tetrahedra of n nodes for which chosen(i, j) holds, once each. Where `of` is given, it gets the
// place of each tetrahedron's six, in the order of edge_ends; those that are not chosen are left out there too.
template <class Chosen>
Edges edges_that(const Tet* tets, int64_t m, int64_t n, Chosen chosen, int32_t* of = nullptr) {
    struct Entry {
        int32_t other, place;
    };
    auto each = [&](auto&& visit) {
        for (int64_t t = 0; t < m; ++t) {
            for (int k = 0; k < 6; ++k) {
                const int32_t a = tets[t][edge_ends[k][0]], b = tets[t][edge_ends[k][1]];
                const int32_t i = std::min(a, b), j = std::max(a, b);
                if (chosen(i, j)) visit(i, Entry{j, static_cast<int32_t>(6 * t + k)});
            }
        }
    };
    std::vector<int64_t> start(n + 1, 0);
    each([&](int32_t i, Entry) { ++start[i + 1]; });
    std::partial_sum(start.begin(), start.end(), start.begin());
    std::vector<Entry> all(start[n]);
    std::vector<int64_t> next(start.begin(), start.end() - 1);
    each([&](int32_t i, Entry entry) { all[next[i]++] = entry; });
    Edges edges;
    edges.begin.assign(n + 1, 0);
    std::vector<int64_t> place(n, -1);  // of the last edge that ends at a node: one of i if it is not below begin[i]
    for (int64_t i = 0; i < n; ++i) {
        const int64_t first = edges.begin[i];
        for (int64_t k = start[i]; k < start[i + 1]; ++k) {
            if (place[all[k].other] >= first) continue;
            place[all[k].other] = first;
            edges.nodes.push_back(static_cast<int32_t>(i));
            edges.others.push_back(all[k].other);
        }
        std::sort(edges.others.begin() + first, edges.others.end());
        edges.begin[i + 1] = edges.size();
        if (!of) continue;
        for (int64_t e = first; e < edges.size(); ++e) place[edges.others[e]] = e;
        for (int64_t k = start[i]; k < start[i + 1]; ++k) of[all[k].place] = static_cast<int32_t>(place[all[k].other]);
    }
    return edges;
}

template <class Chosen>
Edges edges_that(const LabelledMesh& mesh, Chosen chosen) {
    const auto m = static_cast<int64_t>(mesh.tets.size()), n = static_cast<int64_t>(mesh.nodes.size());
    return edges_that(mesh.tets.data(), m, n, chosen);
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

// The edges of one tetrahedron that are halved, in the order in which it is cut at them: the longest first, then by the
// number of the node in the middle. An order for all edges of a mesh, so that neighbours are cut alike at the faces that
// they share, without a table of cases.
class Cuts {
public:
    // An edge (i, j), i < j, of a length, or of what grows with it.
    void add(double length, int32_t i, int32_t j, int32_t node);
    // Appends what becomes of the tetrahedron: up to eight, which fill it, turned as it is.
    void cut(const Tet& t, std::vector<Tet>& out) const;

private:
    struct Halved {
        double length;
        int32_t i, j, node;
    };
    Halved halved_[6];
    int n_ = 0;
};

// Halves the tetrahedra at edges, whose new nodes are those from `first` on, in the order of the edges.
void halve_at(LabelledMesh& mesh, const Edges& edges, int32_t first);

}  // namespace headfield
