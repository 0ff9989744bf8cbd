// SPDX-License-Identifier: BSD-3-Clause
// The loops of a tree of currents (current_tree.hpp), and the views that they take. They run on the host in both
// modules, and are compiled once per instruction set.
#pragma once

#include <cstdint>

namespace headfield {

// Chebyshev points along an edge of a cube: most_points when nodes are summed, from which fewer follow.
constexpr int least_points = 5, most_points = 8;
constexpr int most_functionals = 64;
constexpr int cube_points = most_points * most_points * most_points;

// Points −cos((2i + 1) π / 2p) of [−1, 1], p along an edge, and what Lagrange polynomials through them are there.
struct Chebyshev {
    using Square = float[most_points][most_points];
    float points[most_points + 1][most_points];  // [p][i]
    Square from_powers;                          // [m][i]: ℓ_i(x) = Σ_m from_powers[m][i] T_m(x), p = most_points
    Square halves[2];                            // [half][i][a]: ℓ_a at point i of the lower or the upper half
    Square fewer[most_points + 1];               // [p][i][a]: ℓ_a through p points, at point i of most_points
};

// Nodes of a leaf: places (count, 3) from its centre, m, currents (count, 3k), A·m.
struct LeafView {
    int64_t count;
    const float* places;
    const float* currents;
};

// Currents (p³, 3k) at the Chebyshev points of a cube that stand for those of the nodes in it; point (i, j, l) is row
// (i p + j) p + l. `places` (p,) along each axis, from the centre, m.
struct ProxyView {
    int p;
    float places[most_points];
    const float* currents;
};

// Points that one cluster adds to: rows index (count,) of points (any, 3) and of sums (any, 3k), float64.
struct TargetsView {
    int64_t count;
    const int32_t* index;
    const double* points;
    double* sums;
};

// Sums are Σ c × d / |d|³ with `curl`, else Σ c / |d|, d = x − r. A register holds as many targets; sources follow each
// other. Sums over a cluster are float32, from its centre on, and are added to float64: a target sees the same
// operations in the same order whichever others share its register.
struct CurrentKernels {
    // moments (3k, 8, 8, 8): the currents of a leaf of half an edge `half` at its Chebyshev points; they are set.
    void (*gather)(const Chebyshev& chebyshev, const LeafView& leaf, float half, int k, float* moments);
    // Adds the moments of the child in an octant, bit d set for the upper half along axis d, to those of its parent.
    void (*raise)(const Chebyshev& chebyshev, int octant, int k, const float* child, float* parent);
    // currents (p³, 3k) from moments.
    void (*reduce)(const Chebyshev& chebyshev, int p, int k, const float* moments, float* currents);
    void (*far)(const ProxyView& proxies, const double centre[3], const TargetsView& targets, int k, bool curl);
    // Leaves out nodes whose distance from a target, m, has a square of less than `closest`.
    void (*near)(const LeafView& leaf, const double centre[3], const TargetsView& targets, int k, bool curl,
                 float closest);
};

const CurrentKernels& current_kernels();

}  // namespace headfield
