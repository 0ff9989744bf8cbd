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
    const auto n = static_cast<int32_t>(mesh.nodes.size());
    std::vector<int32_t> colour(n, -1), last_beside;  // the last node that has a neighbour of each colour
    for (int32_t i = 0; i < n; ++i) {
        for (const int32_t t : stars.of(i)) {
            for (const int32_t j : mesh.tets[t]) {
                if (colour[j] >= 0) last_beside[colour[j]] = i;
            }
        }
        const auto free = std::find_if(last_beside.begin(), last_beside.end(), [&](int32_t node) { return node != i; });
        colour[i] = static_cast<int32_t>(free - last_beside.begin());
        if (free == last_beside.end()) last_beside.push_back(-1);
    }
    return colour;
}

}  // namespace headfield
