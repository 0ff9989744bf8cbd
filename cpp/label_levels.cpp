// SPDX-License-Identifier: BSD-3-Clause
// Each label is smoothed in the box around it, in its own level, so that no other memory of the image's size is needed.
#include "label_levels.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "first_error.hpp"

namespace headfield {

namespace {

constexpr int64_t piece = 1024;  // blocks whose levels are made of their u at a time: they fit the first cache

struct Span {
    int64_t begin, end;
};
using Box = std::array<Span, 3>;

// Half of a Gaussian: the weights at 0, 1, 2, …; both halves add up to 1.
std::vector<float> half_gaussian(double sigma) {
    const auto radius = static_cast<int64_t>(4 * sigma + 0.5);
    std::vector<double> w(radius + 1);
    double sum = 0;
    for (int64_t t = 0; t <= radius; ++t) {
        const double at = static_cast<double>(t) / sigma;
        w[t] = std::exp(-0.5 * at * at);
        sum += t ? 2 * w[t] : w[t];
    }
    std::vector<float> weight(radius + 1);
    for (int64_t t = 0; t <= radius; ++t) weight[t] = static_cast<float>(w[t] / sum);
    return weight;
}

// Makes `box` hold a voxel too.
void stretch(Box& box, int64_t x, int64_t y, int64_t z) {
    const int64_t at[3] = {x, y, z};
    for (int d = 0; d < 3; ++d) box[d] = {std::min(box[d].begin, at[d]), std::max(box[d].end, at[d] + 1)};
}

// The box of blocks around each label, empty where begin is not below end.
std::vector<Box> boxes_of(const LabelImage& image, int64_t step) {
    const int64_t nx = image.shape[0], ny = image.shape[1], nz = image.shape[2];
    const int64_t n_labels = image.n_tissues + 1;
    const Box empty{{{nx, 0}, {ny, 0}, {nz, 0}}};
    std::vector<Box> of_x(nx * n_labels, empty), boxes(n_labels, empty);
#pragma omp parallel for schedule(static)
    for (int64_t x = 0; x < nx; ++x) {
        const uint8_t* row = image.labels + x * ny * nz;
        for (int64_t y = 0; y < ny; ++y, row += nz) {
            for (int64_t z = 0; z < nz; ++z) stretch(of_x[x * n_labels + row[z]], x, y, z);
        }
    }
    for (int64_t i = 0; i < nx * n_labels; ++i) {
        const auto& [x, y, z] = of_x[i];
        if (x.begin >= x.end) continue;
        stretch(boxes[i % n_labels], x.begin, y.begin, z.begin);
        stretch(boxes[i % n_labels], x.end - 1, y.end - 1, z.end - 1);
    }
    for (Box& box : boxes) {
        for (Span& s : box) s = {s.begin / step, (s.end + step - 1) / step};
    }
    return boxes;
}

Span widened(Span s, int64_t radius, int64_t n) {
    return {std::max<int64_t>(s.begin - radius, 0), std::min(s.end + radius, n)};
}

// One label: `from` is the box around it, `to` the box that its Gaussian reaches.
struct Smoothing {
    const LabelImage& image;
    int32_t label;
    int64_t step;
    std::array<int64_t, 3> shape;  // of blocks
    Box from, to;
    const std::vector<float>& weight;
    float* u;

    int64_t radius() const { return static_cast<int64_t>(weight.size()) - 1; }
    float* row(int64_t x, int64_t y) const { return u + (x * shape[1] + y) * shape[2]; }

    // Counts the label in the blocks of a row, and smooths along it.
    void along_z(int64_t x, int64_t y, std::vector<float>& count) const {
        const auto [nx, ny, nz] = image.shape;
        count.assign(shape[2], 0.0F);
        for (int64_t i = x * step; i < std::min(nx, (x + 1) * step); ++i) {
            for (int64_t j = y * step; j < std::min(ny, (y + 1) * step); ++j) {
                const uint8_t* p = image.labels + (i * ny + j) * nz;
                for (int64_t k = from[2].begin * step; k < std::min(nz, from[2].end * step); ++k) {
                    if (p[k] == label) count[k / step] += 1.0F;
                }
            }
        }
        const float share = 1.0F / static_cast<float>(step * step * step);
        float* out = row(x, y);
        for (int64_t k = from[2].begin; k < from[2].end; ++k) {
            if (count[k] == 0.0F) continue;
            const Span near = widened({k, k + 1}, radius(), shape[2]);
            for (int64_t z = near.begin; z < near.end; ++z) out[z] += share * count[k] * weight[std::abs(z - k)];
        }
    }

    // Smooths across rows: those in `a`, `stride` numbers apart, become those in `b`.
    void across(float* first, int64_t stride, Span a, Span b, std::vector<float>& copy) const {
        const int64_t width = to[2].end - to[2].begin;
        copy.resize((a.end - a.begin) * width);
        for (int64_t i = a.begin; i < a.end; ++i) {
            std::copy_n(first + i * stride, width, copy.data() + (i - a.begin) * width);
        }
        for (int64_t i = b.begin; i < b.end; ++i) {
            float* out = first + i * stride;
            std::fill_n(out, width, 0.0F);
            for (int64_t j = std::max(a.begin, i - radius()); j < std::min(a.end, i + radius() + 1); ++j) {
                const float w = weight[std::abs(i - j)];
                const float* in = copy.data() + (j - a.begin) * width;
                for (int64_t k = 0; k < width; ++k) out[k] += w * in[k];
            }
        }
    }

    void run(const Poll& poll) const {
        FirstError first(poll);
#pragma omp parallel for schedule(dynamic)
        for (int64_t x = from[0].begin; x < from[0].end; ++x) {
            first.run([&] {
                std::vector<float> room;
                for (int64_t y = from[1].begin; y < from[1].end; ++y) along_z(x, y, room);
                across(row(x, 0) + to[2].begin, shape[2], from[1], to[1], room);
            });
        }
        first.rethrow();
#pragma omp parallel for schedule(dynamic)
        for (int64_t y = to[1].begin; y < to[1].end; ++y) {
            first.run([&] {
                std::vector<float> room;
                across(row(0, y) + to[2].begin, shape[1] * shape[2], from[0], to[0], room);
            });
        }
        first.rethrow();
    }
};

// Turns the u of all labels at blocks begin…end − 1 into levels, in place; `outer` is room for (n_tissues, piece).
void levels_of(int64_t begin, int64_t end, int64_t n, int32_t n_tissues, float* u, float* outer) {
    const int64_t count = end - begin;
    float inner[piece], rest[piece];
    std::fill_n(rest, count, 1.0F);
    for (int32_t l = 0; l < n_tissues; ++l) {
        for (int64_t i = 0; i < count; ++i) rest[i] -= u[l * n + begin + i];
    }
    for (int32_t l = n_tissues - 1; l >= 0; --l) {  // outer[l] becomes the largest of those outside of l
        const float* next = u + l * n + begin;
        std::copy_n(rest, count, outer + l * piece);
        for (int64_t i = 0; i < count; ++i) rest[i] = std::max(rest[i], next[i]);
    }
    std::fill_n(inner, count, 0.0F);
    for (int32_t l = 0; l < n_tissues; ++l) {
        float* level = u + l * n + begin;
        for (int64_t i = 0; i < count; ++i) {
            inner[i] = std::max(inner[i], level[i]);
            level[i] = std::min(1.0F, std::max(-1.0F, inner[i] - outer[l * piece + i]));
        }
    }
}

}  // namespace

std::array<int64_t, 3> blocks(const std::array<int64_t, 3>& shape, int64_t step) {
    return {(shape[0] + step - 1) / step, (shape[1] + step - 1) / step, (shape[2] + step - 1) / step};
}

void label_levels(const LabelImage& image, double sigma, int64_t step, float* levels, const Poll& poll) {
    const std::array<int64_t, 3> shape = blocks(image.shape, step);
    const int64_t n = shape[0] * shape[1] * shape[2];
    const std::vector<float> weight = half_gaussian(sigma);
    const std::vector<Box> boxes = boxes_of(image, step);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n * image.n_tissues; ++i) levels[i] = 0.0F;
    for (int32_t l = 1; l <= image.n_tissues; ++l) {
        const Box& from = boxes[l];
        if (from[0].begin >= from[0].end) continue;
        Box to;
        for (int d = 0; d < 3; ++d) to[d] = widened(from[d], static_cast<int64_t>(weight.size()) - 1, shape[d]);
        Smoothing{image, l, step, shape, from, to, weight, levels + (l - 1) * n}.run(poll);
    }
    FirstError first(poll);
    const int64_t pieces = (n + piece - 1) / piece;
#pragma omp parallel for schedule(static)
    for (int64_t p = 0; p < pieces; ++p) {
        first.run([&] {
            std::vector<float> outer(image.n_tissues * piece);
            levels_of(p * piece, std::min(n, (p + 1) * piece), n, image.n_tissues, levels, outer.data());
        });
    }
    first.rethrow();
}

}  // namespace headfield
