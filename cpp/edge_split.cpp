// SPDX-License-Identifier: BSD-3-Clause
// Tetrahedra are cut at their edges one after another.
#include "edge_split.hpp"

namespace headfield {

void Cuts::add(double length, int32_t i, int32_t j, int32_t node) {
    auto before = [&](const Halved& other) {
        return length != other.length ? length > other.length : node < other.node;
    };
    int k = n_++;
    for (; k > 0 && before(halved_[k - 1]); --k) halved_[k] = halved_[k - 1];
    halved_[k] = {length, i, j, node};
}

void Cuts::cut(const Tet& t, std::vector<Tet>& out) const {
    const size_t begin = out.size();
    out.push_back(t);
    for (int h = 0; h < n_; ++h) {
        // Each part of the tetrahedron that has both ends of the edge becomes two.
        for (size_t k = begin, end = out.size(); k < end; ++k) {
            Tet &one = out[k], other = one;
            const auto i = std::find(one.begin(), one.end(), halved_[h].i);
            const auto j = std::find(one.begin(), one.end(), halved_[h].j);
            if (i == one.end() || j == one.end()) continue;
            other[i - one.begin()] = halved_[h].node;
            *j = halved_[h].node;
            out.push_back(other);
        }
    }
}

void halve_at(LabelledMesh& mesh, const Edges& edges, int32_t first) {
    std::vector<Tet> out;
    out.reserve(mesh.tets.size() + 3 * edges.size());
    for (const Tet& t : mesh.tets) {
        Cuts cuts;
        for (const auto& e : edge_ends) {
            const int32_t i = std::min(t[e[0]], t[e[1]]), j = std::max(t[e[0]], t[e[1]]);
            // The nodes that halve edges have none of their own.
            const int64_t at = j < first ? edges.find(i, j) : -1;
            if (at >= 0) cuts.add(norm(mesh.nodes[j] - mesh.nodes[i]), i, j, first + static_cast<int32_t>(at));
        }
        cuts.cut(t, out);
    }
    mesh.tets = std::move(out);
}

}  // namespace headfield
