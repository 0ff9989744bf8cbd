// SPDX-License-Identifier: BSD-3-Clause
// Parts by union and find, the surface by sorting faces, the order of nodes by sorting keys along a Morton curve.
#include "topology.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "first_error.hpp"
#include "union_find.hpp"

namespace headfield {

namespace {

// Spreads the bits of a 21-bit number to every third position, so that three coordinates interleave to 63 bits.
uint64_t spread_bits(uint64_t v) {
    v &= 0x1fffff;
    v = (v | v << 32) & 0x1f00000000ffffULL;
    v = (v | v << 16) & 0x1f0000ff0000ffULL;
    v = (v | v << 8) & 0x100f00f00f00f00fULL;
    v = (v | v << 4) & 0x10c30c30c30c30c3ULL;
    v = (v | v << 2) & 0x1249249249249249ULL;
    return v;
}

// A face in the group of its smallest node, with the other two. Groups are short, so sorting each is cheaper than
// sorting all faces, and threads sort them side by side.
struct Entry {
    int32_t mid, high;
    int64_t face;  // 4 * tet + local face
};

// Sorts a group, which brings the two copies of an inner face together, and appends the faces that occur once.
void collect_single(Entry* begin, Entry* end, std::vector<int64_t>& single) {
    std::sort(begin, end, [](const Entry& a, const Entry& b) {
        return a.mid != b.mid ? a.mid < b.mid : a.high != b.high ? a.high < b.high : a.face < b.face;
    });
    for (Entry* e = begin; e != end;) {
        Entry* next = e + 1;
        while (next != end && next->mid == e->mid && next->high == e->high) ++next;
        if (next - e == 1) single.push_back(e->face);
        e = next;
    }
}

}  // namespace

std::vector<int32_t> node_parts(const int32_t* tets, int64_t n_tets, int64_t n_nodes) {
    std::vector<int32_t> parent(n_nodes);
    std::iota(parent.begin(), parent.end(), 0);
    for (int64_t t = 0; t < n_tets; ++t) {
        const int32_t first = find_root(parent, tets[4 * t]);
        for (int k = 1; k < 4; ++k) {
            parent[find_root(parent, tets[4 * t + k])] = first;
        }
    }
    std::vector<int32_t> label(n_nodes, -1), root_label(n_nodes, -1);
    int32_t next = 0;
    for (int64_t i = 0; i < n_nodes; ++i) {
        const int32_t root = find_root(parent, static_cast<int32_t>(i));
        if (root_label[root] < 0) root_label[root] = next++;
        label[i] = root_label[root];
    }
    return label;
}

BoundaryFaces boundary_faces(const int32_t* tets, int64_t n_tets, int64_t n_nodes) {
    // Local faces opposite to nodes 0..3, outward for a positive tetrahedron.
    static constexpr int local[4][3] = {{1, 2, 3}, {0, 3, 2}, {0, 1, 3}, {0, 2, 1}};
    std::vector<int64_t> start(n_nodes + 1, 0);
    auto sorted = [&](int64_t f) {
        const int32_t* t = tets + 4 * (f / 4);
        std::array<int32_t, 3> key{t[local[f % 4][0]], t[local[f % 4][1]], t[local[f % 4][2]]};
        std::sort(key.begin(), key.end());
        return key;
    };
    for (int64_t f = 0; f < 4 * n_tets; ++f) ++start[sorted(f)[0] + 1];
    std::partial_sum(start.begin(), start.end(), start.begin());
    std::vector<Entry> entries(4 * n_tets);
    std::vector<int64_t> cursor(start.begin(), start.end() - 1);
    for (int64_t f = 0; f < 4 * n_tets; ++f) {
        const auto key = sorted(f);
        entries[cursor[key[0]]++] = {key[1], key[2], f};
    }
    std::vector<std::vector<int64_t>> found((n_nodes + 8191) / 8192);
    FirstError error;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t chunk = 0; chunk < static_cast<int64_t>(found.size()); ++chunk) {
        error.run([&] {
            for (int64_t i = chunk * 8192; i < std::min(n_nodes, (chunk + 1) * 8192); ++i) {
                collect_single(entries.data() + start[i], entries.data() + start[i + 1], found[chunk]);
            }
        });
    }
    error.rethrow();
    std::vector<int64_t> single;
    for (const auto& mine : found) single.insert(single.end(), mine.begin(), mine.end());
    std::sort(single.begin(), single.end());  // threads came in any order
    BoundaryFaces result;
    result.faces.reserve(3 * single.size());
    result.owner.reserve(single.size());
    for (const int64_t f : single) {
        for (int k = 0; k < 3; ++k) result.faces.push_back(tets[4 * (f / 4) + local[f % 4][k]]);
        result.owner.push_back(static_cast<int32_t>(f / 4));
    }
    return result;
}

std::vector<int32_t> morton_order(const double* nodes, int64_t n_nodes) {
    double low[3], high[3];
    for (int d = 0; d < 3; ++d) {
        low[d] = std::numeric_limits<double>::infinity();
        high[d] = -low[d];
    }
    for (int64_t i = 0; i < n_nodes; ++i) {
        for (int d = 0; d < 3; ++d) {
            if (!std::isfinite(nodes[3 * i + d])) {
                throw std::invalid_argument("nodes must be finite; node " + std::to_string(i) + " is not");
            }
            low[d] = std::min(low[d], nodes[3 * i + d]);
            high[d] = std::max(high[d], nodes[3 * i + d]);
        }
    }
    const double side = std::max({high[0] - low[0], high[1] - low[1], high[2] - low[2], 1e-300});
    // Infinity times a scale of 0 would be NaN, and casting that to an integer is undefined behaviour.
    if (!std::isfinite(side)) throw std::invalid_argument("nodes are farther apart than a double can tell");
    const double scale = ((1 << 21) - 1) / side;
    std::vector<std::pair<uint64_t, int32_t>> keys(n_nodes);
#pragma omp parallel for schedule(static) if (n_nodes > 10000)
    for (int64_t i = 0; i < n_nodes; ++i) {
        uint64_t key = 0;
        for (int d = 0; d < 3; ++d) {
            key |= spread_bits(static_cast<uint64_t>((nodes[3 * i + d] - low[d]) * scale)) << d;
        }
        keys[i] = {key, static_cast<int32_t>(i)};
    }
    std::sort(keys.begin(), keys.end());  // nodes of the same cell in the order of their numbers
    std::vector<int32_t> order(n_nodes);
    for (int64_t i = 0; i < n_nodes; ++i) order[i] = keys[i].second;
    return order;
}

}  // namespace headfield
