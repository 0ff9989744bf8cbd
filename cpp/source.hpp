// SPDX-License-Identifier: BSD-3-Clause
// What is true of one magnetic dipole and of one piece of wire, for the host and the device alike. Sums over them are
// loops: source_loops.hpp, cuda/sources.hpp.
#pragma once

#include "device_loops.hpp"
#include "macros.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// μ0/4π, T·m/A.
constexpr double mu0_over_4pi = 1e-7;

// Adds m × d / |d|³ to a, d = r − r_k: the vector potential of a dipole m at r_k without the factor μ0/4π. T is a
// number, or a pack of numbers (one dipole a lane); inverse_cube(v) = v^-3/2 is the device's own.
template <class T>
HEADFIELD_HD inline void add_dipole(const T d[3], const T m[3], T a[3]) {
    const T r2 = fma(d[0], d[0], fma(d[1], d[1], d[2] * d[2]));
    const T w = inverse_cube(r2);  // |d|⁻³
    a[0] = fma(m[1] * d[2] - m[2] * d[1], w, a[0]);
    a[1] = fma(m[2] * d[0] - m[0] * d[2], w, a[1]);
    a[2] = fma(m[0] * d[1] - m[1] * d[0], w, a[2]);
}

// Adds dl / |d|, d = r − r_k: the vector potential of a piece of wire dl at r_k that carries 1 A, without the factor
// μ0/4π. As add_dipole.
template <class T>
HEADFIELD_HD inline void add_segment(const T d[3], const T dl[3], T a[3]) {
    const T r2 = fma(d[0], d[0], fma(d[1], d[1], d[2] * d[2]));
    const T w = r2 * inverse_cube(r2);  // |d|⁻¹
    for (int q = 0; q < 3; ++q) a[q] = fma(dl[q], w, a[q]);
}

// Adds 3 (m · d) d / |d|⁵ − m / |d|³ to b, d = r − r_k: the curl of what add_dipole adds. As add_dipole.
template <class T>
HEADFIELD_HD inline void add_dipole_field(const T d[3], const T m[3], T b[3]) {
    const T r2 = fma(d[0], d[0], fma(d[1], d[1], d[2] * d[2]));
    const T along = fma(m[0], d[0], fma(m[1], d[1], m[2] * d[2])) / r2;
    const T w = inverse_cube(r2), thrice = along + along + along;
    for (int q = 0; q < 3; ++q) b[q] = fma(thrice * d[q] - m[q], w, b[q]);
}

// Adds dl × d / |d|³ to b, d = r − r_k: the curl of what add_segment adds, which is Biot and Savart's law. The formula
// is that of A of a dipole.
template <class T>
HEADFIELD_HD inline void add_segment_field(const T d[3], const T dl[3], T b[3]) {
    add_dipole(d, dl, b);
}

// As add_dipole, and adds to s how v · a changes along the axes: ∇ (v · m × d / |d|³), d = r − r_k.
template <class T>
HEADFIELD_HD inline void add_dipole_slope(const T d[3], const T m[3], const T v[3], T a[3], T s[3]) {
    const T r2 = fma(d[0], d[0], fma(d[1], d[1], d[2] * d[2]));
    const T w = inverse_cube(r2);
    const T turned[3] = {v[1] * m[2] - v[2] * m[1], v[2] * m[0] - v[0] * m[2], v[0] * m[1] - v[1] * m[0]};
    const T along = fma(turned[0], d[0], fma(turned[1], d[1], turned[2] * d[2])) / r2;
    const T thrice = along + along + along;
    a[0] = fma(m[1] * d[2] - m[2] * d[1], w, a[0]);
    a[1] = fma(m[2] * d[0] - m[0] * d[2], w, a[1]);
    a[2] = fma(m[0] * d[1] - m[1] * d[0], w, a[2]);
    for (int q = 0; q < 3; ++q) s[q] = fma(turned[q] - thrice * d[q], w, s[q]);
}

// The same of add_segment: ∇ (v · dl / |d|).
template <class T>
HEADFIELD_HD inline void add_segment_slope(const T d[3], const T dl[3], const T v[3], T a[3], T s[3]) {
    const T r2 = fma(d[0], d[0], fma(d[1], d[1], d[2] * d[2]));
    const T cube = inverse_cube(r2), w = r2 * cube;
    const T along = fma(v[0], dl[0], fma(v[1], dl[1], v[2] * dl[2])) * cube;
    for (int q = 0; q < 3; ++q) {
        a[q] = fma(dl[q], w, a[q]);
        s[q] = s[q] - along * d[q];
    }
}

// Weights of cubic Lagrange interpolation at nodes −1, 0, 1, 2 for 0 ≤ t ≤ 1.
template <class T>
HEADFIELD_HD inline void cubic_weights(T t, T w[4]) {
    const T a = t + T(1), b = t, c = t - T(1), d = t - T(2);
    w[0] = T(-1.0 / 6) * b * c * d;
    w[1] = T(0.5) * a * c * d;
    w[2] = T(-0.5) * a * b * d;
    w[3] = T(1.0 / 6) * a * b * c;
}

// How these weights change with t.
template <class T>
HEADFIELD_HD inline void cubic_slopes(T t, T w[4]) {
    const T square = T(3) * t * t;
    w[0] = T(-1.0 / 6) * (square - T(6) * t + T(2));
    w[1] = T(0.5) * (square - T(4) * t - T(1));
    w[2] = T(-0.5) * (square - T(2) * t - T(2));
    w[3] = T(1.0 / 6) * (square - T(1));
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
