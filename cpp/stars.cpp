// SPDX-License-Identifier: BSD-3-Clause
// Stars as rows of indices, with rows of their own for the nodes whose tetrahedra have changed since.
#include "stars.hpp"

#include <algorithm>
#include <numeric>

namespace headfield {

double shape(const Vec3& a, const Vec3& b, const Vec3& c, const Vec3& d) {
    const Vec3 e = b - a, f = c - a, g = d - a;
    Vec3 normal[4] = {cross(f, g), cross(g, e), cross(e, f), {}};
    const double six_volume = dot(e, normal[0]);
    if (!(six_volume > 0.0)) return inverted;
    normal[3] = -1.0 * (normal[0] + normal[1] + normal[2]);
    double length[4];
    for (int i = 0; i < 4; ++i) length[i] = norm(normal[i]);
    double largest = -1.0;
    for (int i = 0; i < 4; ++i) {
        for (int j = i + 1; j < 4; ++j) {
            largest = std::max(largest, -dot(normal[i], normal[j]) / (length[i] * length[j]));
        }
    }
    return -largest;
}

double shape_of_angle(double degrees) { return -std::cos(degrees * 0.017453292519943295); }

Stars::Stars(const LabelledMesh& mesh) : begin_(mesh.nodes.size() + 1, 0) {
    for (const Tet& t : mesh.tets) {
        for (const int32_t i : t) ++begin_[i + 1];
    }
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
    tets_.resize(begin_.back());
    std::vector<int64_t> next(begin_.begin(), begin_.end() - 1);
    for (size_t k = 0; k < mesh.tets.size(); ++k) {
        for (const int32_t i : mesh.tets[k]) tets_[next[i]++] = static_cast<int32_t>(k);
    }
}

std::vector<int32_t>& Stars::own(int32_t node) {
    const auto [at, is_new] = changed_.try_emplace(node);
    if (is_new) at->second.assign(tets_.begin() + begin_[node], tets_.begin() + begin_[node + 1]);
    return at->second;
}

void Stars::remove(int32_t node, int32_t tet) {
    std::vector<int32_t>& mine = own(node);
    mine.erase(std::find(mine.begin(), mine.end(), tet));
}

std::vector<int32_t> colours(const LabelledMesh& mesh, const Stars& stars) {
    std::vector<int32_t> colour(mesh.nodes.size(), -1);
    for (size_t i = 0; i < colour.size(); ++i) {
        uint64_t used = 0;  // no node has 64 neighbours of different colours in what the mesher makes
        for (const int32_t t : stars.of(static_cast<int32_t>(i))) {
            for (const int32_t j : mesh.tets[t]) {
                if (colour[j] >= 0) used |= uint64_t{1} << colour[j];
            }
        }
        int32_t c = 0;
        while (c < 63 && used >> c & 1) ++c;
        colour[i] = c;
    }
    return colour;
}

}  // namespace headfield
