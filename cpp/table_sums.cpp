// SPDX-License-Identifier: BSD-3-Clause
// The loop of table_sums.hpp: for one source after the other, nine registers and more of sums run over its 64 points.
#include "table_sums.hpp"

#include <algorithm>
#include <limits>

#include "simd.hpp"
#include "source.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

constexpr int lanes = register_bytes / static_cast<int>(sizeof(float)) > 8 ? 8 : register_bytes / 4;
constexpr int lines = table_channels / lanes;
constexpr int64_t in_piece = 128;  // sources that one thread adds up

using Line = Register<float, lanes>::type;

inline Line line_at(const float* from) {
    Line line;
    std::memcpy(&line, from, sizeof line);
    return line;
}

// Finds the cell of a place, and where in it that is, 0 to 1. Returns false where the table is not good.
bool locate(const TableView& table, const double x[3], int64_t cell[3], float t[3]) {
    for (int d = 0; d < 3; ++d) {
        const double u = (x[d] - table.origin[d]) / table.step;
        if (!(u >= 1.0 && u < static_cast<double>(table.shape[d] - 2))) return false;
        cell[d] = static_cast<int64_t>(u);
        t[d] = static_cast<float>(u - static_cast<double>(cell[d]));
    }
    return table.good[(cell[0] * (table.shape[1] - 1) + cell[1]) * (table.shape[2] - 1) + cell[2]];
}

// sum += v · F at a place of a cell.
void add_source(const TableView& table, const int64_t cell[3], const float t[3], const float v[3], double* sum) {
    float w[3][4];
    for (int d = 0; d < 3; ++d) cubic_weights(t[d], w[d]);
    Line total[3][lines] = {};
    for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) {
            const int64_t row = ((cell[0] + i - 1) * table.shape[1] + cell[1] + j - 1) * table.shape[2] + cell[2] - 1;
            const float* at = table.values + row * 3 * table_channels;
            for (int k = 0; k < 4; ++k, at += 3 * table_channels) {
                const float weight = w[0][i] * w[1][j] * w[2][k];
                for (int d = 0; d < 3; ++d) {
                    const Line share = Line{} + weight * v[d];
                    for (int l = 0; l < lines; ++l) {
                        total[d][l] = multiply_add(share, line_at(at + d * table_channels + l * lanes), total[d][l]);
                    }
                }
            }
        }
    }
    for (int l = 0; l < lines; ++l) {
        const Line both = (total[0][l] + total[1][l]) + total[2][l];
        for (int c = 0; c < lanes; ++c) sum[l * lanes + c] += static_cast<double>(both[c]);
    }
}

void add_source(const std::vector<TableView>& tables, const double* pose, const double* point, const double* vector,
                double* sum) {
    double x[3];
    float v[3], t[3];
    for (int d = 0; d < 3; ++d) {
        const double* row = pose + 4 * d;
        x[d] = row[0] * point[0] + row[1] * point[1] + row[2] * point[2] + row[3];
        v[d] = static_cast<float>(row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2]);
    }
    int64_t cell[3];
    for (const TableView& table : tables) {
        if (locate(table, x, cell, t)) return add_source(table, cell, t, v, sum);
    }
    sum[0] = std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

void table_sums_loop(const std::vector<TableView>& tables, const TableSources& sources, int64_t k, const double* poses,
                     double* sums) {
    const int64_t pieces = std::max<int64_t>(1, (sources.q + in_piece - 1) / in_piece);
    std::vector<double> parts(static_cast<size_t>(k * pieces * table_channels), 0.0);
#pragma omp parallel for schedule(dynamic) if (k * sources.q > in_piece)
    for (int64_t p = 0; p < k * pieces; ++p) {
        const double* pose = poses + 16 * (p / pieces);
        const int64_t begin = p % pieces * in_piece;
        for (int64_t q = begin; q < std::min(begin + in_piece, sources.q); ++q) {
            add_source(tables, pose, sources.points + 3 * q, sources.vectors + 3 * q, &parts[p * table_channels]);
        }
    }
    for (int64_t i = 0; i < k; ++i) {
        double* sum = sums + i * table_channels;
        std::fill_n(sum, table_channels, 0.0);
        for (int64_t p = i * pieces; p < (i + 1) * pieces; ++p) {
            for (int c = 0; c < table_channels; ++c) sum[c] += parts[p * table_channels + c];
        }
        if (!(sum[0] == sum[0])) std::fill_n(sum, table_channels, sum[0]);
    }
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
