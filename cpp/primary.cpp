// SPDX-License-Identifier: BSD-3-Clause
// The primary field ∂A/∂t = dI/dt A of a coil: direct sums over its dipoles, and interpolation on nested lattices in the
// coil's own frame. Compiled once per instruction set.
#include "dipole_loops.hpp"
#include "kernels.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

template <class T>
void potential(int64_t n, const double* points, DipoleView<T> dipoles, T* a) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; ++i) {
        const T r[3] = {T(points[3 * i]), T(points[3 * i + 1]), T(points[3 * i + 2])};
        sum_dipoles(dipoles, r, a + 3 * i);
    }
}

void potential64(int64_t n, const double* points, DipoleView<double> dipoles, double* a) {
    potential(n, points, dipoles, a);
}

void potential32(int64_t n, const double* points, DipoleView<float> dipoles, float* a) {
    potential(n, points, dipoles, a);
}

void nearest_dipole(int64_t n, const double* points, DipoleView<float> dipoles, float* distance) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; ++i) {
        const float r[3] = {float(points[3 * i]), float(points[3 * i + 1]), float(points[3 * i + 2])};
        distance[i] = nearest(dipoles, r);
    }
}

enum class Place { good, refine, outside };

// Tricubic Lagrange interpolation at x (m) into a, where the lattice is good there.
Place interpolate(const LatticeView& g, const double x[3], float a[3]) {
    int64_t cell[3];
    double t[3];
    for (int d = 0; d < 3; ++d) {
        const double u = (x[d] - g.origin[d]) * g.per_metre;
        if (!(u >= 1.0 && u < g.shape[d] - 2)) return Place::outside;  // the 4 points around x must be there
        cell[d] = static_cast<int64_t>(u);
        t[d] = u - static_cast<double>(cell[d]);
    }
    if (!g.good[(cell[0] * (g.shape[1] - 1) + cell[1]) * (g.shape[2] - 1) + cell[2]]) return Place::refine;
    float w[3][4];
    for (int d = 0; d < 3; ++d) cubic_weights(static_cast<float>(t[d]), w[d]);
    using P = Pack<float, 16>;  // four points along z, four numbers each
    const P wy[4] = {P::all(w[1][0]), P::all(w[1][1]), P::all(w[1][2]), P::all(w[1][3])};
    P plane[4];
    for (int i = 0; i < 4; ++i) {
        const float* at = g.values + 4 * (((cell[0] + i - 1) * g.shape[1] + cell[1] - 1) * g.shape[2] + cell[2] - 1);
        const int64_t row = 4 * int64_t(g.shape[2]);
        plane[i] = wy[0] * P::load(at);
        for (int j = 1; j < 4; ++j) plane[i] = fma(wy[j], P::load(at + j * row), plane[i]);
    }
    P line = P::all(w[0][0]) * plane[0];
    for (int i = 1; i < 4; ++i) line = fma(P::all(w[0][i]), plane[i], line);
    float v[16];
    line.store(v);
    for (int d = 0; d < 3; ++d) {
        a[d] = (w[2][0] * v[d] + w[2][1] * v[4 + d]) + (w[2][2] * v[8 + d] + w[2][3] * v[12 + d]);
    }
    return Place::good;
}

// A at x in the coil frame. Returns false if it came from the direct sum.
bool sample(const GridView& grid, const double x[3], float a[3]) {
    for (int32_t l = 0; l < grid.n_lattices; ++l) {
        const Place place = interpolate(grid.lattices[l], x, a);
        if (place == Place::good) return true;
        if (place == Place::outside) break;
    }
    const float r[3] = {float(x[0]), float(x[1]), float(x[2])};
    sum_dipoles(grid.dipoles, r, a);
    return false;
}

int64_t sample_grid(int width, int64_t n, const double* nodes, const GridView& grid, int32_t k, const double* poses,
                    double rate, float* adot) {
    constexpr int64_t tile = 128;  // nodes whose rows of adot stay in cache while the poses pass
    int64_t direct = 0;
#pragma omp parallel for schedule(dynamic, 4) reduction(+ : direct)
    for (int64_t t = 0; t < (n + tile - 1) / tile; ++t) {
        const int64_t first = t * tile, count = first + tile < n ? tile : n - first;
        for (int32_t c = 0; c < k; ++c) {
            const double* pose = poses + 16 * c;
            // Into the coil frame, A there, and back: three plain loops, of which the outer two run on vectors.
            double x[3][tile];
            float a[3][tile], world[3][tile];
            for (int q = 0; q < 3; ++q) {
                for (int64_t i = 0; i < count; ++i) {
                    const double* node = nodes + 3 * (first + i);
                    x[q][i] = pose[q] * (node[0] - pose[3]) + pose[4 + q] * (node[1] - pose[7]) +
                              pose[8 + q] * (node[2] - pose[11]);
                }
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
                for (int64_t i = 0; i < count; ++i) adot[(3 * (first + i) + q) * width + c] = world[q][i];
            }
        }
    }
    return direct;
}

}  // namespace

PrimaryKernels primary_kernels() { return {potential64, potential32, nearest_dipole, sample_grid}; }

}  // namespace HEADFIELD_ISA
}  // namespace headfield
