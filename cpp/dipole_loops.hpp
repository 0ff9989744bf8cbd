// SPDX-License-Identifier: BSD-3-Clause
// Sums over all dipoles of a coil at one point, one dipole a lane.
#pragma once

#include "dipole.hpp"
#include "kernels.hpp"
#include "simd.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// Lanes of a sum over dipoles, the same for every instruction set; DipoleView is padded to it.
template <class T>
constexpr int dipole_lanes = 64 / static_cast<int>(sizeof(T));

// A(r) = μ0/4π Σ m × (r − r_k) / |r − r_k|³, T·m per A.
template <class T>
inline void sum_dipoles(DipoleView<T> dipoles, const T r[3], T a[3]) {
    constexpr int L = dipole_lanes<T>;
    using P = Pack<T, L>;
    const int64_t n = dipoles.padded;
    const T* x = dipoles.data;
    P sum[3] = {P::all(0), P::all(0), P::all(0)};
    for (int64_t k = 0; k < n; k += L) {
        const P d[3] = {P::all(r[0]) - P::load(x + k), P::all(r[1]) - P::load(x + n + k),
                        P::all(r[2]) - P::load(x + 2 * n + k)};
        const P m[3] = {P::load(x + 3 * n + k), P::load(x + 4 * n + k), P::load(x + 5 * n + k)};
        add_dipole(d, m, sum);
    }
    for (int q = 0; q < 3; ++q) a[q] = T(mu0_over_4pi) * sum[q].sum();
}

// Distance from r to the nearest dipole, m.
inline float nearest(DipoleView<float> dipoles, const float r[3]) {
    constexpr int L = dipole_lanes<float>;
    const int64_t n = dipoles.padded;
    const float* x = dipoles.data;
    float best[L];
    for (int i = 0; i < L; ++i) best[i] = 1e30f;
    for (int64_t k = 0; k < n; k += L) {
        for (int i = 0; i < L; ++i) {
            const float dx = r[0] - x[k + i], dy = r[1] - x[n + k + i], dz = r[2] - x[2 * n + k + i];
            const float r2 = dx * dx + dy * dy + dz * dz;
            best[i] = r2 < best[i] ? r2 : best[i];
        }
    }
    float least = best[0];
    for (int i = 1; i < L; ++i) least = best[i] < least ? best[i] : least;
    return __builtin_sqrtf(least);
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
