// SPDX-License-Identifier: BSD-3-Clause
// A coil's vector potential at one point from its lattices, for the host and the device alike.
#pragma once

#include <cmath>

#include "kernels.hpp"
#include "source.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// Where a point is: in a cell that is good, in one where a finer lattice is needed, or beyond the lattice.
enum class Place { good, refine, outside };

// Finds where x (m) lies along axis d: its cell, and the place t in it, 0 to 1. Returns false unless the lattice has
// the four points around it, cell − 1 to cell + 2, and where x is not a number. CPUs take this one.
HEADFIELD_HD inline bool locate(const LatticeView& g, int d, double x, int64_t& cell, float& t) {
    const double u = x * g.per_metre[d] + g.steps[d];
    if (!(u >= 1.0 && u < g.shape[d] - 2)) return false;
    cell = static_cast<int64_t>(u);
    t = static_cast<float>(u - static_cast<double>(cell));
    return true;
}
// The same in float32, for GPUs. Cells are counted from the lattice point next to the origin of the coil: close to it,
// where A is steep, x is small, and the place in the cell is known well.
HEADFIELD_HD inline bool locate(const LatticeView& g, int d, float x, int64_t& cell, float& t) {
    const float u = x * g.per_metre32[d] - g.fraction[d], whole = std::floor(u);
    if (!(whole >= float(1 - g.before[d]) && whole < float(g.shape[d] - 2 - g.before[d]))) return false;
    cell = static_cast<int64_t>(whole) + g.before[d];
    t = u - whole;
    return true;
}

// Interpolates A at x (m) into a by tricubic Lagrange polynomials, where the lattice is good there. P holds 16 floats,
// four points along z with four numbers each, which lie side by side: x and y are summed over 16 loads of that, then z
// within the result. T is the type of x.
template <class P, class T>
HEADFIELD_HD inline Place interpolate(const LatticeView& g, const T x[3], float a[3]) {
    int64_t cell[3];
    float t[3];
    for (int d = 0; d < 3; ++d) {
        if (!locate(g, d, x[d], cell[d], t[d])) return Place::outside;
    }
    if (!g.good[(cell[0] * (g.shape[1] - 1) + cell[1]) * (g.shape[2] - 1) + cell[2]]) return Place::refine;
    float w[3][4];
    for (int d = 0; d < 3; ++d) cubic_weights(t[d], w[d]);
    P line = P::all(0.f);
    for (int i = 0; i < 4; ++i) {
        const float* at = g.values + 4 * (((cell[0] + i - 1) * g.shape[1] + cell[1] - 1) * g.shape[2] + cell[2] - 1);
        const int64_t row = 4 * int64_t(g.shape[2]);
        P plane = P::all(w[1][0]) * P::load(at);
        for (int j = 1; j < 4; ++j) plane = fma(P::all(w[1][j]), P::load(at + j * row), plane);
        line = i == 0 ? P::all(w[0][0]) * plane : fma(P::all(w[0][i]), plane, line);
    }
    float v[16];
    line.store(v);
    for (int d = 0; d < 3; ++d) {
        a[d] = (w[2][0] * v[d] + w[2][1] * v[4 + d]) + (w[2][2] * v[8 + d] + w[2][3] * v[12 + d]);
    }
    return Place::good;
}

// A at x in the coil frame. Returns false where no lattice is good, and the direct sum has to be taken. A lattice spans
// the cells in which the one before it is not good, so beyond one there is nothing to look for in the next.
template <class P, class T>
HEADFIELD_HD inline bool interpolate(const GridView& grid, const T x[3], float a[3]) {
    for (int32_t l = 0; l < grid.n_lattices; ++l) {
        const Place place = interpolate<P>(grid.lattices[l], x, a);
        if (place == Place::good) return true;
        if (place == Place::outside) return false;
    }
    return false;
}

// The four numbers of four points along z, with weights; Q holds four floats.
template <class Q>
HEADFIELD_HD inline void along_z(const float points[16], const float w[4], float sums[4]) {
    Q sum = Q::all(w[0]) * Q::load(points);
    for (int l = 1; l < 4; ++l) sum = fma(Q::all(w[l]), Q::load(points + 4 * l), sum);
    sum.store(sums);
}

// As interpolate, and leaves in `slope` the gradient of v · A there, per m: that of the polynomials. Q is as P, of four.
template <class P, class Q, class T>
HEADFIELD_HD inline Place interpolate_slope(const LatticeView& g, const T x[3], const float v[3], float a[3],
                                            float slope[3]) {
    int64_t cell[3];
    float t[3];
    for (int d = 0; d < 3; ++d) {
        if (!locate(g, d, x[d], cell[d], t[d])) return Place::outside;
    }
    if (!g.good[(cell[0] * (g.shape[1] - 1) + cell[1]) * (g.shape[2] - 1) + cell[2]]) return Place::refine;
    float w[3][4], u[3][4];
    for (int d = 0; d < 3; ++d) {
        cubic_weights(t[d], w[d]);
        cubic_slopes(t[d], u[d]);
    }
    P line = P::all(0.f), along_x = P::all(0.f), along_y = P::all(0.f);
    for (int i = 0; i < 4; ++i) {
        const float* at = g.values + 4 * (((cell[0] + i - 1) * g.shape[1] + cell[1] - 1) * g.shape[2] + cell[2] - 1);
        const int64_t row = 4 * int64_t(g.shape[2]);
        P plane = P::all(0.f), slopes = P::all(0.f);
        for (int j = 0; j < 4; ++j) {
            const P there = P::load(at + j * row);
            plane = fma(P::all(w[1][j]), there, plane);
            slopes = fma(P::all(u[1][j]), there, slopes);
        }
        line = fma(P::all(w[0][i]), plane, line);
        along_x = fma(P::all(u[0][i]), plane, along_x);
        along_y = fma(P::all(w[0][i]), slopes, along_y);
    }
    alignas(16) float of[3][16], sums[4];
    line.store(of[2]);
    along_z<Q>(of[2], w[2], sums);
    for (int d = 0; d < 3; ++d) a[d] = sums[d];
    along_x.store(of[0]);
    along_y.store(of[1]);
    for (int d = 0; d < 3; ++d) {
        along_z<Q>(of[d], d == 2 ? u[2] : w[2], sums);
        slope[d] = (v[0] * sums[0] + v[1] * sums[1] + v[2] * sums[2]) * g.per_metre32[d];
    }
    return Place::good;
}

// The same over the lattices of a coil, as interpolate.
template <class P, class Q, class T>
HEADFIELD_HD inline bool interpolate_slope(const GridView& grid, const T x[3], const float v[3], float a[3],
                                           float slope[3]) {
    for (int32_t l = 0; l < grid.n_lattices; ++l) {
        const Place place = interpolate_slope<P, Q>(grid.lattices[l], x, v, a, slope);
        if (place == Place::good) return true;
        if (place == Place::outside) return false;
    }
    return false;
}

// What currents c at a place x in the frame of a coil are to it, from A and the gradient of c · A there: c · A, and
// how that changes as the coil moves along its axes, per m, and turns about them, per rad. A coil that moves by δ sees
// the place move by −δ; one that turns by ω takes A with it, and sees the place turn by −ω.
HEADFIELD_HD inline void add_pull(const float x[3], const float c[3], const float a[3], const float slope[3],
                                  double pull[7]) {
    pull[0] += double(c[0] * a[0] + c[1] * a[1] + c[2] * a[2]);
    for (int q = 0; q < 3; ++q) {
        const int next = (q + 1) % 3, last = (q + 2) % 3;
        pull[1 + q] -= double(slope[q]);
        pull[4 + q] +=
            double((a[next] * c[last] - a[last] * c[next]) - (x[next] * slope[last] - x[last] * slope[next]));
    }
}

// Coordinate q of a point of the head in the frame of a coil, Rᵀ (node − t), for a row-major 4x4 pose; all m.
HEADFIELD_HD inline double in_coil_frame(const double* pose, const double* node, int q) {
    return pose[q] * (node[0] - pose[3]) + pose[4 + q] * (node[1] - pose[7]) + pose[8 + q] * (node[2] - pose[11]);
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
