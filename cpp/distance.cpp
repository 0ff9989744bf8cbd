// SPDX-License-Identifier: BSD-3-Clause
// Squared distances along z, then the lowest of parabolas along y and x: axis by axis, line by line.
#include "distance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "first_error.hpp"

namespace headfield {

namespace {

constexpr float none = std::numeric_limits<float>::infinity();
constexpr int64_t lanes = 16;  // lines that are copied together: neighbours share what memory brings at a time

// Steps to the nearest voxel of the mask along one row, squared, in the unit of the spacing.
void along_row(const uint8_t* mask, int64_t n, double spacing, float* out) {
    double steps = std::numeric_limits<double>::infinity();
    for (int64_t i = 0; i < n; ++i) {
        steps = mask[i] ? 0 : steps + spacing;
        out[i] = static_cast<float>(steps * steps);
    }
    steps = std::numeric_limits<double>::infinity();
    for (int64_t i = n - 1; i >= 0; --i) {
        steps = mask[i] ? 0 : steps + spacing;
        out[i] = std::min(out[i], static_cast<float>(steps * steps));
    }
}

// The lower envelope of the parabolas f[q] + (spacing (x − q))² of a line of n voxels.
class Envelope {
public:
    Envelope(int64_t n, double spacing) : n_(n), square_(spacing * spacing), vertex_(n), left_(n + 1) {}

    // Replaces f by the envelope at its voxels.
    void lower(float* f) {
        int64_t top = -1;
        for (int64_t q = 0; q < n_; ++q) {
            if (f[q] == none) continue;
            double from = -std::numeric_limits<double>::infinity();
            for (; top >= 0; --top) {
                from = crossing(f, vertex_[top], q);
                if (from > left_[top]) break;
            }
            if (top < 0) from = -std::numeric_limits<double>::infinity();
            vertex_[++top] = q;
            left_[top] = from;
        }
        if (top < 0) return;
        left_[top + 1] = std::numeric_limits<double>::infinity();
        values_.assign(f, f + n_);
        for (int64_t x = 0, k = 0; x < n_; ++x) {
            while (left_[k + 1] < static_cast<double>(x)) ++k;
            const auto steps = static_cast<double>(x - vertex_[k]);
            f[x] = static_cast<float>(values_[vertex_[k]] + square_ * steps * steps);
        }
    }

private:
    // Where the parabola of q begins to lie below that of p < q.
    double crossing(const float* f, int64_t p, int64_t q) const {
        const auto a = static_cast<double>(p), b = static_cast<double>(q);
        return 0.5 * ((static_cast<double>(f[q]) - f[p]) / (square_ * (b - a)) + a + b);
    }

    int64_t n_;
    double square_;
    std::vector<int64_t> vertex_;
    std::vector<double> left_;
    std::vector<float> values_;
};

// Lowers `count` neighbouring lines whose n voxels lie `stride` numbers apart.
void lower_lines(float* first, int64_t n, int64_t stride, int64_t count, Envelope& envelope, std::vector<float>& room) {
    room.resize(lanes * n);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t c = 0; c < count; ++c) room[c * n + i] = first[i * stride + c];
    }
    for (int64_t c = 0; c < count; ++c) envelope.lower(room.data() + c * n);
    for (int64_t i = 0; i < n; ++i) {
        for (int64_t c = 0; c < count; ++c) first[i * stride + c] = room[c * n + i];
    }
}

}  // namespace

void distance(const uint8_t* mask, const std::array<int64_t, 3>& shape, const std::array<double, 3>& spacing,
              float* out, const Poll& poll) {
    const int64_t nx = shape[0], ny = shape[1], nz = shape[2];
    FirstError first(poll);
#pragma omp parallel for schedule(static)
    for (int64_t x = 0; x < nx; ++x) {
        first.run([&] {
            Envelope envelope(ny, spacing[1]);
            std::vector<float> room;
            float* plane = out + x * ny * nz;
            for (int64_t y = 0; y < ny; ++y) along_row(mask + (x * ny + y) * nz, nz, spacing[2], plane + y * nz);
            for (int64_t z = 0; z < nz; z += lanes) {
                lower_lines(plane + z, ny, nz, std::min(lanes, nz - z), envelope, room);
            }
        });
    }
    first.rethrow();
#pragma omp parallel for schedule(static)
    for (int64_t y = 0; y < ny; ++y) {
        first.run([&] {
            Envelope envelope(nx, spacing[0]);
            std::vector<float> room;
            for (int64_t z = 0; z < nz; z += lanes) {
                lower_lines(out + y * nz + z, nx, ny * nz, std::min(lanes, nz - z), envelope, room);
            }
        });
    }
    first.rethrow();
    const int64_t n = nx * ny * nz;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; ++i) out[i] = std::sqrt(out[i]);
}

}  // namespace headfield
