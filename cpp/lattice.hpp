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

// Coordinate q of a point of the head in the frame of a coil, Rᵀ (node − t), for a row-major 4x4 pose; all m.
HEADFIELD_HD inline double in_coil_frame(const double* pose, const double* node, int q) {
    return pose[q] * (node[0] - pose[3]) + pose[4 + q] * (node[1] - pose[7]) + pose[8 + q] * (node[2] - pose[11]);
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
