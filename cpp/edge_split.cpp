// SPDX-License-Identifier: BSD-3-Clause
// Tetrahedra are halved at their edges in one order for all of them (the longest first, then by number), so that
// neighbours are cut alike at the faces that they share, without a table of cases.
#include "edge_split.hpp"

namespace headfield {

namespace {

struct Halved {
    double length;
    int32_t i, j, node;

    bool before(const Halved& other) const {
        return length != other.length ? length > other.length : node < other.node;
    }
};

// Replaces the tetrahedra of out[begin…] that have both ends of an edge by two.
void halve(const Halved& h, size_t begin, std::vector<Tet>& out) {
    for (size_t k = begin, end = out.size(); k < end; ++k) {
        Tet &one = out[k], other = one;
        const auto i = std::find(one.begin(), one.end(), h.i), j = std::find(one.begin(), one.end(), h.j);
        if (i == one.end() || j == one.end()) continue;
        other[i - one.begin()] = h.node;
        *j = h.node;
        out.push_back(other);
    }
}

}  // namespace

void halve_at(LabelledMesh& mesh, const Edges& edges, int32_t first) {
    std::vector<Tet> out;
    out.reserve(mesh.tets.size() + 3 * edges.size());
    for (const Tet& t : mesh.tets) {
        Halved halved[6];
        int n = 0;
        for (const auto& e : edge_ends) {
            const int32_t i = std::min(t[e[0]], t[e[1]]), j = std::max(t[e[0]], t[e[1]]);
            // The nodes that halve edges have none of their own.
            const int64_t at = j < first ? edges.find(i, j) : -1;
            if (at < 0) continue;
            const Halved h{norm(mesh.nodes[j] - mesh.nodes[i]), i, j, first + static_cast<int32_t>(at)};
            int k = n++;
            for (; k > 0 && h.before(halved[k - 1]); --k) halved[k] = halved[k - 1];
            halved[k] = h;
        }
        const size_t begin = out.size();
        out.push_back(t);
        for (int k = 0; k < n; ++k) halve(halved[k], begin, out);
    }
    mesh.tets = std::move(out);
}

}  // namespace headfield
