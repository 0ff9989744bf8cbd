// SPDX-License-Identifier: BSD-3-Clause
// The primary field ∂A/∂t = dI/dt A of a coil, and its B, on CPU cores: direct sums over its sources, and interpolation
// on nested lattices in the coil's own frame. Called by way of PrimaryKernels (kernels.hpp), which has shapes and
// formulas. Compiled once per instruction set.
#include "lattice.hpp"
#include "source_loops.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

// Calls sum(r, out + 3 i) for points r, one point a thread at a time. They arrive in float64 and are rounded where T is
// float.
template <class T, class Sum>
void at_points(int64_t n, const double* points, T* out, Sum sum) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; ++i) {
        const T r[3] = {T(points[3 * i]), T(points[3 * i + 1]), T(points[3 * i + 2])};
        sum(r, out + 3 * i);
    }
}

template <class T>
void potential(int64_t n, const double* points, SourcesView<T> sources, T* a) {
    at_points(n, points, a, [&](const T r[3], T* out) { sum_sources(sources, r, out); });
}

template <class T>
void magnetic_field(int64_t n, const double* points, SourcesView<T> sources, T* b) {
    at_points(n, points, b, [&](const T r[3], T* out) { sum_fields(sources, r, out); });
}

void nearest_source(int64_t n, const double* points, SourcesView<float> sources, float* distance) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; ++i) {
        const float r[3] = {float(points[3 * i]), float(points[3 * i + 1]), float(points[3 * i + 2])};
        const float r2 = nearest(sources.segments, r, nearest(sources.dipoles, r, 1e30f));
        distance[i] = __builtin_sqrtf(r2);
    }
}

// A at x in the coil frame. Returns false if it came from the direct sum.
bool sample(const GridView& grid, const double x[3], float a[3]) {
    if (interpolate<Pack<float, 16>>(grid, x, a)) return true;
    const float r[3] = {float(x[0]), float(x[1]), float(x[2])};
    sum_sources(grid.sources, r, a);
    return false;
}

constexpr int64_t tile = 128;  // nodes whose rows of adot stay in cache while all poses are done at them

// Computes dI/dt A of one pose at `count` nodes of a tile, in head coordinates, a row of `world` a component. Returns
// how many nodes took the direct sum.
int64_t sample_tile(int64_t count, const double* nodes, const GridView& grid, const double* pose, double rate,
                    float world[3][tile]) {
    // Three plain loops: into the coil frame, A there, and back. The first and the last run on vectors of nodes.
    double x[3][tile];
    float a[3][tile];
    int64_t direct = 0;
    for (int q = 0; q < 3; ++q) {
        for (int64_t i = 0; i < count; ++i) x[q][i] = in_coil_frame(pose, nodes + 3 * i, q);
    }
    for (int64_t i = 0; i < count; ++i) {
        const double at[3] = {x[0][i], x[1][i], x[2][i]};
        float value[3];
        if (!sample(grid, at, value)) ++direct;
        for (int q = 0; q < 3; ++q) a[q][i] = value[q];
    }
    for (int q = 0; q < 3; ++q) {
        const auto r0 = static_cast<float>(rate * pose[4 * q]), r1 = static_cast<float>(rate * pose[4 * q + 1]),
                   r2 = static_cast<float>(rate * pose[4 * q + 2]);
        for (int64_t i = 0; i < count; ++i) world[q][i] = r0 * a[0][i] + r1 * a[1][i] + r2 * a[2][i];
    }
    return direct;
}

// A thread takes four tiles of nodes at a time, as those near the coil take longer; each is done for all poses, a
// column at a time.
int64_t sample_grid(int width, int64_t n, const double* nodes, const GridView& grid, const Placements& placements,
                    bool add, float* adot) {
    int64_t direct = 0;
#pragma omp parallel for schedule(dynamic, 4) reduction(+ : direct)
    for (int64_t t = 0; t < (n + tile - 1) / tile; ++t) {
        const int64_t first = t * tile, count = first + tile < n ? tile : n - first;
        float world[3][tile];
        float* rows = adot + 3 * first * width;
        for (int32_t c = 0; c < placements.k; ++c) {
            direct +=
                sample_tile(count, nodes + 3 * first, grid, placements.poses + 16 * c, placements.rates[c], world);
            for (int q = 0; q < 3; ++q) {
                float* column = rows + q * width + c;
                for (int64_t i = 0; i < count; ++i) {
                    column[3 * i * width] = add ? column[3 * i * width] + world[q][i] : world[q][i];
                }
            }
        }
        for (int64_t row = 0; row < 3 * count && !add; ++row) {
            for (int32_t c = placements.k; c < width; ++c) rows[row * width + c] = 0.f;
        }
    }
    return direct;
}

}  // namespace

PrimaryKernels primary_kernels() {
    return {potential<double>,     potential<float>, magnetic_field<double>,
            magnetic_field<float>, nearest_source,   sample_grid};
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
