// SPDX-License-Identifier: BSD-3-Clause
// Sums over the sources of one cluster at a register, or two, of targets. Compiled once per instruction set.
//
// Per source and register, k functionals: B of a proxy 6k + 11 + 4k/p instructions, of a node 6k + 18; A 3k + 8, 3k + 14.
#pragma once

#include "current_loops.hpp"
#include "simd.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

constexpr int target_lanes = register_bytes / static_cast<int>(sizeof(float));
using Lanes = Register<float, target_lanes>::type;

inline Lanes all_lanes(float s) { return Pack<float, target_lanes>::all(s).v[0]; }

// An estimate y of 1 / √v, to 11 bits or better.
inline Lanes estimate_inverse_root(Lanes v) {
#if defined(__AVX512F__)
    return _mm512_rsqrt14_ps(v);
#elif defined(__AVX__)
    return _mm256_rsqrt_ps(v);
#elif defined(__SSE__)
    return _mm_rsqrt_ps(v);
#else
    for (int i = 0; i < target_lanes; ++i) v[i] = 1.f / __builtin_sqrtf(v[i]);
    return v;
#endif
}

// 1 / √v³ with `cube`, else 1 / √v: what the estimate y lacks follows from e = 1 − v y², as (1 − e)^(−3/2) and
// (1 − e)^(−1/2) are 1 + 3/2 e + 15/8 e² and 1 + 1/2 e + 3/8 e² to within rounding.
template <bool cube>
inline Lanes inverse_power(Lanes v) {
    const Lanes y = estimate_inverse_root(v), y2 = y * y;
    const Lanes e = multiply_add(-v, y2, all_lanes(1.f));
    const Lanes slope = multiply_add(e, all_lanes(cube ? 1.875f : 0.375f), all_lanes(cube ? 1.5f : 0.5f));
    const Lanes rest = multiply_add(slope, e, all_lanes(1.f));
    return (cube ? y2 * y : y) * rest;
}

// R registers of targets, from the centre of the cluster, m, and their sums (3k, R).
template <int R>
struct TargetTile {
    Lanes x[3][R];
    Lanes sums[3 * most_functionals][R];
};

// Nodes whose weights stay in the first cache while all functionals are done.
constexpr int chunk_of_nodes = 32;

// weight[s][…]: d / |d|³ (three) with `curl`, else 1 / |d| (one) of `count` nodes; 0 where |d|² < closest, and not a number
// where d is 0 and that is not left out.
template <int R, bool curl>
inline void weigh_nodes(const float* places, int count, float closest, const TargetTile<R>& t, Lanes (*weight)[3][R]) {
    for (int s = 0; s < count; ++s) {
        for (int r = 0; r < R; ++r) {
            Lanes d[3];
            for (int q = 0; q < 3; ++q) d[q] = t.x[q][r] - all_lanes(places[3 * s + q]);
            const Lanes r2 = multiply_add(d[0], d[0], multiply_add(d[1], d[1], d[2] * d[2]));
            const Lanes w = r2 < all_lanes(closest) ? all_lanes(0.f) : inverse_power<curl>(r2);
            for (int q = 0; q < (curl ? 3 : 1); ++q) weight[s][q][r] = curl ? w * d[q] : w;
        }
    }
}

// Adds what `count` nodes with such weights are to one functional; their currents lie `stride` numbers apart.
template <int R, bool curl>
inline void add_nodes(const Lanes (*weight)[3][R], const float* currents, int count, int stride, Lanes (*sums)[R]) {
    Lanes plus[3][R] = {}, minus[3][R] = {};
    for (int s = 0; s < count; ++s) {
        const float* at = currents + static_cast<int64_t>(s) * stride;
        const Lanes c[3] = {all_lanes(at[0]), all_lanes(at[1]), all_lanes(at[2])};
        for (int r = 0; r < R; ++r) {
            for (int q = 0; q < 3; ++q) {
                const int next = (q + 1) % 3, last = (q + 2) % 3;
                plus[q][r] = multiply_add(c[curl ? next : q], weight[s][curl ? last : 0][r], plus[q][r]);
                if (curl) minus[q][r] = multiply_add(c[last], weight[s][next][r], minus[q][r]);
            }
        }
    }
    for (int q = 0; q < 3; ++q) {
        for (int r = 0; r < R; ++r) sums[q][r] = sums[q][r] + (curl ? plus[q][r] - minus[q][r] : plus[q][r]);
    }
}

template <int R, bool curl>
inline void add_leaf(const LeafView& leaf, int k, float closest, TargetTile<R>& t) {
    Lanes weight[chunk_of_nodes][3][R];
    for (int64_t first = 0; first < leaf.count; first += chunk_of_nodes) {
        const int count = static_cast<int>(leaf.count - first < chunk_of_nodes ? leaf.count - first : chunk_of_nodes);
        weigh_nodes<R, curl>(leaf.places + 3 * first, count, closest, t, weight);
        for (int f = 0; f < k; ++f) {
            add_nodes<R, curl>(weight, leaf.currents + 3 * (k * first + f), count, 3 * k, t.sums + 3 * f);
        }
    }
}

// What the proxies in a plane x = const of a cube have in common, d = x − r: dx, dy (p,), dz (p,) and dz².
template <int R>
struct PlaneOfProxies {
    int p;
    Lanes dx[R], dy[most_points][R], dz[most_points][R], dz2[most_points][R];
    Lanes weight[most_points * most_points][2][R];  // |d|⁻³ and dz |d|⁻³, or 1 / |d|
};

template <int R, bool curl>
inline void weigh_plane(PlaneOfProxies<R>& plane) {
    for (int j = 0; j < plane.p; ++j) {
        for (int r = 0; r < R; ++r) {
            const Lanes xy = multiply_add(plane.dx[r], plane.dx[r], plane.dy[j][r] * plane.dy[j][r]);
            for (int l = 0; l < plane.p; ++l) {
                const Lanes w = inverse_power<curl>(xy + plane.dz2[l][r]);
                plane.weight[j * plane.p + l][0][r] = w;
                if (curl) plane.weight[j * plane.p + l][1][r] = w * plane.dz[l][r];
            }
        }
    }
}

// Adds c × d / |d|³ of a plane's proxies to one functional: along a line, where dx and dy are constant, what they multiply
// is summed first, which leaves five products a proxy.
template <int R>
inline void add_plane_curl(const PlaneOfProxies<R>& plane, const float* currents, int stride, Lanes (*sums)[R]) {
    Lanes b[3][R] = {}, minus[R] = {};
    for (int j = 0; j < plane.p; ++j) {
        Lanes u[3][R] = {};
        for (int l = 0; l < plane.p; ++l) {
            const Lanes(*w)[R] = plane.weight[j * plane.p + l];
            const float* at = currents + static_cast<int64_t>(j * plane.p + l) * stride;
            const Lanes c[3] = {all_lanes(at[0]), all_lanes(at[1]), all_lanes(at[2])};
            for (int r = 0; r < R; ++r) {
                for (int q = 0; q < 3; ++q) u[q][r] = multiply_add(c[q], w[0][r], u[q][r]);
                b[0][r] = multiply_add(c[1], w[1][r], b[0][r]);
                minus[r] = multiply_add(c[0], w[1][r], minus[r]);
            }
        }
        for (int r = 0; r < R; ++r) {
            b[0][r] = multiply_add(-plane.dy[j][r], u[2][r], b[0][r]);
            b[1][r] = multiply_add(plane.dx[r], u[2][r], b[1][r]);
            b[2][r] = multiply_add(plane.dy[j][r], u[0][r], multiply_add(-plane.dx[r], u[1][r], b[2][r]));
        }
    }
    for (int r = 0; r < R; ++r) b[1][r] = b[1][r] - minus[r];
    for (int q = 0; q < 3; ++q) {
        for (int r = 0; r < R; ++r) sums[q][r] = sums[q][r] + b[q][r];
    }
}

// Adds c / |d| of a plane's proxies to one functional.
template <int R>
inline void add_plane(const PlaneOfProxies<R>& plane, const float* currents, int stride, Lanes (*sums)[R]) {
    Lanes u[3][R] = {};
    for (int s = 0; s < plane.p * plane.p; ++s) {
        const float* at = currents + static_cast<int64_t>(s) * stride;
        for (int q = 0; q < 3; ++q) {
            for (int r = 0; r < R; ++r) u[q][r] = multiply_add(all_lanes(at[q]), plane.weight[s][0][r], u[q][r]);
        }
    }
    for (int q = 0; q < 3; ++q) {
        for (int r = 0; r < R; ++r) sums[q][r] = sums[q][r] + u[q][r];
    }
}

template <int R, bool curl>
inline void add_proxies(const ProxyView& proxies, int k, TargetTile<R>& t) {
    PlaneOfProxies<R> plane;
    plane.p = proxies.p;
    for (int i = 0; i < plane.p; ++i) {
        for (int r = 0; r < R; ++r) {
            plane.dy[i][r] = t.x[1][r] - all_lanes(proxies.places[i]);
            plane.dz[i][r] = t.x[2][r] - all_lanes(proxies.places[i]);
            plane.dz2[i][r] = plane.dz[i][r] * plane.dz[i][r];
        }
    }
    for (int i = 0; i < plane.p; ++i) {
        for (int r = 0; r < R; ++r) plane.dx[r] = t.x[0][r] - all_lanes(proxies.places[i]);
        weigh_plane<R, curl>(plane);
        const float* currents = proxies.currents + static_cast<int64_t>(i) * plane.p * plane.p * 3 * k;
        for (int f = 0; f < k; ++f) {
            if constexpr (curl) {
                add_plane_curl<R>(plane, currents + 3 * f, 3 * k, t.sums + 3 * f);
            } else {
                add_plane<R>(plane, currents + 3 * f, 3 * k, t.sums + 3 * f);
            }
        }
    }
}

}  // namespace HEADFIELD_ISA
}  // namespace headfield
