// SPDX-License-Identifier: BSD-3-Clause
// How the vector potential of a coil changes with where the coil is, on CPU cores: slopes of direct sums, and of the
// lattices. Called by way of SlopeKernels (kernels.hpp), which has shapes and formulas. Compiled once per instruction
// set.
#include "lattice.hpp"
#include "source_loops.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

template <class T>
void slopes(int64_t n, const double* points, const double* vectors, SourcesView<T> sources, T* out) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; ++i) {
        T r[3], v[3];
        for (int q = 0; q < 3; ++q) {
            r[q] = static_cast<T>(points[3 * i + q]);
            v[q] = static_cast<T>(vectors[3 * i + q]);
        }
        sum_slopes(sources, r, v, out + 6 * i, out + 6 * i + 3);
    }
}

// The pull (7,) of the currents, column c of W, at `count` nodes on a coil at one pose, see add_pull.
void pull_nodes(int width, int64_t count, const double* nodes, const GridView& grid, const double* pose,
                const float* currents, double* pull) {
    // Plain loops, the first two of which run on vectors of nodes: into the frame of the coil, A there, and the sums.
    constexpr int64_t most = pulled_together;
    double x[3][most];
    float c[3][most], a[most][3], slope[most][3];
    for (int q = 0; q < 3; ++q) {
        const auto r0 = static_cast<float>(pose[q]), r1 = static_cast<float>(pose[4 + q]),
                   r2 = static_cast<float>(pose[8 + q]);
        for (int64_t i = 0; i < count; ++i) x[q][i] = in_coil_frame(pose, nodes + 3 * i, q);
        for (int64_t i = 0; i < count; ++i) {
            const float* at = currents + 3 * i * width;
            c[q][i] = r0 * at[0] + r1 * at[width] + r2 * at[2 * width];
        }
    }
    for (int64_t i = 0; i < count; ++i) {
        const double at[3] = {x[0][i], x[1][i], x[2][i]};
        const float own[3] = {c[0][i], c[1][i], c[2][i]};
        if (interpolate_slope<Pack<float, 16>, Pack<float, 4>>(grid, at, own, a[i], slope[i])) continue;
        const float r[3] = {float(at[0]), float(at[1]), float(at[2])};
        sum_slopes(grid.sources, r, own, a[i], slope[i]);
    }
    for (int v = 0; v < 7; ++v) pull[v] = 0.0;
    for (int64_t i = 0; i < count; ++i) {
        const float at[3] = {float(x[0][i]), float(x[1][i]), float(x[2][i])}, own[3] = {c[0][i], c[1][i], c[2][i]};
        add_pull(at, own, a[i], slope[i], pull);
    }
}

void pull_grid(int width, int64_t n, const double* nodes, const GridView& grid, const Placements& placements,
               const float* currents, double* partial, double* out, const Poll& poll) {
    const int64_t chunks = (n + pulled_together - 1) / pulled_together, k = placements.k;
    constexpr int64_t some = 64;  // chunks between polls
    in_pieces(chunks, some, poll, [&](int64_t first, int64_t last) {
#pragma omp parallel for schedule(dynamic, 2)
        for (int64_t t = first; t < last; ++t) {
            const int64_t begin = t * pulled_together, left = n - begin;
            const int64_t count = left < pulled_together ? left : pulled_together;
            for (int64_t c = 0; c < k; ++c) {
                pull_nodes(width, count, nodes + 3 * begin, grid, placements.poses + 16 * c,
                           currents + 3 * begin * width + c, partial + 7 * (t * k + c));
            }
        }
    });
    for (int64_t v = 0; v < 7 * k; ++v) out[v] = 0.0;
    for (int64_t t = 0; t < chunks; ++t) {
        for (int64_t v = 0; v < 7 * k; ++v) out[v] += partial[7 * k * t + v];
    }
}

}  // namespace

SlopeKernels slope_kernels() { return {slopes<double>, slopes<float>, pull_grid}; }

}  // namespace HEADFIELD_ISA
}  // namespace headfield
