// SPDX-License-Identifier: BSD-3-Clause
// Rows are cut into runs of one label, and runs of neighbouring rows that touch are united: there are some hundred
// times fewer runs than voxels.
#include "voxel_parts.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "union_find.hpp"

namespace headfield {

namespace {

struct Runs {
    std::vector<int64_t> begin;      // first voxel of each run, and the number of voxels
    std::vector<int32_t> row_begin;  // first run of each row, and the number of runs
    std::vector<int32_t> parent;
};

Runs runs_of(const uint8_t* labels, int64_t rows, int64_t nz) {
    Runs runs;
    runs.row_begin.reserve(rows + 1);
    for (int64_t row = 0; row < rows; ++row) {
        if (runs.begin.size() + nz > static_cast<std::size_t>(std::numeric_limits<int32_t>::max())) {
            throw std::invalid_argument("labels has too many runs of one label");
        }
        runs.row_begin.push_back(static_cast<int32_t>(runs.begin.size()));
        const int64_t end = (row + 1) * nz;
        for (int64_t i = row * nz; i < end; ++i) {
            if (i == row * nz || labels[i] != labels[i - 1]) runs.begin.push_back(i);
        }
    }
    runs.row_begin.push_back(static_cast<int32_t>(runs.begin.size()));
    runs.begin.push_back(rows * nz);
    runs.parent.resize(runs.begin.size() - 1);
    for (std::size_t r = 0; r < runs.parent.size(); ++r) runs.parent[r] = static_cast<int32_t>(r);
    return runs;
}

// Unites the runs of two rows that touch, where `reach` is 1 if ends that meet at a corner do. The smaller number becomes
// the root, so that a part is numbered by its first run.
void unite_rows(Runs& runs, const uint8_t* labels, int64_t nz, int64_t one, int64_t other, int64_t reach) {
    const int64_t shift = (other - one) * nz;
    int32_t from = runs.row_begin[other];
    const int32_t last = runs.row_begin[other + 1];
    for (int32_t a = runs.row_begin[one]; a < runs.row_begin[one + 1]; ++a) {
        const int64_t begin = runs.begin[a] + shift - reach, end = runs.begin[a + 1] + shift + reach;
        while (from < last && runs.begin[from + 1] <= begin) ++from;
        for (int32_t b = from; b < last && runs.begin[b] < end; ++b) {
            if (labels[runs.begin[a]] != labels[runs.begin[b]]) continue;
            const int32_t i = find_root(runs.parent, a), j = find_root(runs.parent, b);
            runs.parent[i > j ? i : j] = i > j ? j : i;
        }
    }
}

}  // namespace

VoxelParts voxel_parts(const uint8_t* labels, const std::array<int64_t, 3>& shape, bool diagonal) {
    const auto [nx, ny, nz] = shape;
    Runs runs = runs_of(labels, nx * ny, nz);
    const int64_t reach = diagonal ? 1 : 0;
    for (int64_t x = 0; x < nx; ++x) {
        for (int64_t y = 0; y < ny; ++y) {
            const int64_t row = x * ny + y;
            if (y > 0) unite_rows(runs, labels, nz, row - 1, row, reach);
            if (x > 0) unite_rows(runs, labels, nz, row - ny, row, reach);
            if (diagonal && x > 0 && y > 0) unite_rows(runs, labels, nz, row - ny - 1, row, reach);
            if (diagonal && x > 0 && y + 1 < ny) unite_rows(runs, labels, nz, row - ny + 1, row, reach);
        }
    }
    VoxelParts parts;
    parts.part.resize(nx * ny * nz);
    std::vector<int32_t> number(runs.parent.size());
    for (std::size_t r = 0; r < runs.parent.size(); ++r) {
        const int32_t root = find_root(runs.parent, static_cast<int32_t>(r));
        if (root == static_cast<int32_t>(r)) {
            number[r] = static_cast<int32_t>(parts.size.size());
            parts.size.push_back(0);
            parts.first.push_back(runs.begin[r]);
        }
        number[r] = number[root];
        parts.size[number[r]] += runs.begin[r + 1] - runs.begin[r];
        std::fill(parts.part.begin() + runs.begin[r], parts.part.begin() + runs.begin[r + 1], number[r]);
    }
    return parts;
}

}  // namespace headfield
