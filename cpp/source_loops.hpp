// SPDX-License-Identifier: BSD-3-Clause
// Sums over all dipoles and pieces of wire of a coil at one point, on CPU cores, one source a lane. Compiled once per
// instruction set.
#pragma once

#include "kernels.hpp"
#include "simd.hpp"
#include "source.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// Lanes of a sum over sources: 64 bytes for every instruction set, so that all add up in the same order. SourceView is
// padded to it.
template <class T>
constexpr int source_lanes = 64 / static_cast<int>(sizeof(T));

// Calls add(d, v, sum) for a pack of sources at a time: d = r − r_k, v their moments or lengths; lane l of `sum` takes
// every source_lanes-th source from l on.
template <class T, class Add>
inline void add_sources(SourceView<T> sources, const T r[3], Pack<T, source_lanes<T>> sum[3], Add add) {
    using P = Pack<T, source_lanes<T>>;
    const int64_t n = sources.padded;
    const T* x = sources.data;
    for (int64_t k = 0; k < n; k += source_lanes<T>) {
        const P d[3] = {P::all(r[0]) - P::load(x + k), P::all(r[1]) - P::load(x + n + k),
                        P::all(r[2]) - P::load(x + 2 * n + k)};
        const P v[3] = {P::load(x + 3 * n + k), P::load(x + 4 * n + k), P::load(x + 5 * n + k)};
        add(d, v, sum);
    }
}

// A(r) = μ0/4π (Σ m × (r − r_k) / |r − r_k|³ + Σ dl / |r − r_k|), T·m per A.
template <class T>
inline void sum_sources(const SourcesView<T>& sources, const T r[3], T a[3]) {
    using P = Pack<T, source_lanes<T>>;
    P sum[3] = {P::all(0), P::all(0), P::all(0)};
    add_sources(sources.dipoles, r, sum, add_dipole<P>);
    add_sources(sources.segments, r, sum, add_segment<P>);
    for (int q = 0; q < 3; ++q) a[q] = T(mu0_over_4pi) * sum[q].sum();
}

// B(r) = ∇ × A(r), T per A.
template <class T>
inline void sum_fields(const SourcesView<T>& sources, const T r[3], T b[3]) {
    using P = Pack<T, source_lanes<T>>;
    P sum[3] = {P::all(0), P::all(0), P::all(0)};
    add_sources(sources.dipoles, r, sum, add_dipole_field<P>);
    add_sources(sources.segments, r, sum, add_segment_field<P>);
    for (int q = 0; q < 3; ++q) b[q] = T(mu0_over_4pi) * sum[q].sum();
}

// A(r) and the gradient of v · A at r.
template <class T>
inline void sum_slopes(const SourcesView<T>& sources, const T r[3], const T v[3], T a[3], T slope[3]) {
    using P = Pack<T, source_lanes<T>>;
    P sum[3] = {P::all(0), P::all(0), P::all(0)}, slopes[3] = {P::all(0), P::all(0), P::all(0)};
    const P along[3] = {P::all(v[0]), P::all(v[1]), P::all(v[2])};
    add_sources(sources.dipoles, r, sum,
                [&](const P d[3], const P m[3], P to[3]) { add_dipole_slope(d, m, along, to, slopes); });
    add_sources(sources.segments, r, sum,
                [&](const P d[3], const P dl[3], P to[3]) { add_segment_slope(d, dl, along, to, slopes); });
    for (int q = 0; q < 3; ++q) {
        a[q] = T(mu0_over_4pi) * sum[q].sum();
        slope[q] = T(mu0_over_4pi) * slopes[q].sum();
    }
}

// The smallest of `least` and the squared distances from r to the sources, m². Plain loops of fixed length, which the
// compiler turns into vectors.
inline float nearest(SourceView<float> sources, const float r[3], float least) {
    constexpr int L = source_lanes<float>;
    const int64_t n = sources.padded;
    const float* x = sources.data;
    float best[L];
    for (int i = 0; i < L; ++i) best[i] = least;
    for (int64_t k = 0; k < n; k += L) {
        for (int i = 0; i < L; ++i) {
            const float dx = r[0] - x[k + i], dy = r[1] - x[n + k + i], dz = r[2] - x[2 * n + k + i];
            const float r2 = dx * dx + dy * dy + dz * dz;
            best[i] = r2 < best[i] ? r2 : best[i];
        }
    }
    for (int i = 0; i < L; ++i) least = best[i] < least ? best[i] : least;
    return least;
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
