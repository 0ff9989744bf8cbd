// SPDX-License-Identifier: BSD-3-Clause
// Moments of clusters of currents at Chebyshev points, and their sums at targets. Compiled once per instruction set.
#include "current_loops.hpp"

#include "current_sums.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

namespace {

using Line = Pack<float, most_points>;  // along the last axis of a cube of moments
constexpr int plane_points = most_points * most_points;

// Nodes whose weights stay in the first cache while all functionals are done.
constexpr int chunk_of_places = 64;

struct ChunkWeights {
    float planes[chunk_of_places][plane_points];  // ℓ_i(x) ℓ_j(y), number 8 i + j
    Line lines[chunk_of_places];                  // ℓ_l(z)
    Line currents[chunk_of_places][3];            // times those of one functional
};

// The Lagrange polynomials of all points at x.
Line lagrange(const Chebyshev& chebyshev, float x) {
    float before = 1.f, now = x;
    Line w = Line::load(chebyshev.from_powers[0]);
    for (int m = 1; m < most_points; ++m) {
        w = fma(Line::all(now), Line::load(chebyshev.from_powers[m]), w);
        const float next = 2.f * x * now - before;
        before = now;
        now = next;
    }
    return w;
}

void weigh(const Chebyshev& chebyshev, const float* places, int count, float half, ChunkWeights& weights) {
    for (int s = 0; s < count; ++s) {
        float x[most_points];
        lagrange(chebyshev, places[3 * s] / half).store(x);
        const Line y = lagrange(chebyshev, places[3 * s + 1] / half);
        for (int i = 0; i < most_points; ++i) (Line::all(x[i]) * y).store(weights.planes[s] + i * most_points);
        weights.lines[s] = lagrange(chebyshev, places[3 * s + 2] / half);
    }
}

// Adds one functional of a chunk, `stride` numbers from node to node, to its moments (3, 8, 8, 8): four lines along z at a
// time, whose sums stay in registers.
void gather_chunk(ChunkWeights& weights, int count, const float* currents, int stride, float* moments) {
    constexpr int side = 4;
    for (int s = 0; s < count; ++s) {
        const float* c = currents + static_cast<int64_t>(s) * stride;
        for (int q = 0; q < 3; ++q) weights.currents[s][q] = Line::all(c[q]) * weights.lines[s];
    }
    for (int line = 0; line < plane_points; line += side) {
        float* at = moments + line * most_points;
        Line sum[side][3];
        for (int a = 0; a < side; ++a) {
            for (int q = 0; q < 3; ++q) sum[a][q] = Line::load(at + q * cube_points + a * most_points);
        }
        for (int s = 0; s < count; ++s) {
            for (int a = 0; a < side; ++a) {
                const Line w = Line::all(weights.planes[s][line + a]);
                for (int q = 0; q < 3; ++q) sum[a][q] = fma(w, weights.currents[s][q], sum[a][q]);
            }
        }
        for (int a = 0; a < side; ++a) {
            for (int q = 0; q < 3; ++q) sum[a][q].store(at + q * cube_points + a * most_points);
        }
    }
}

void gather(const Chebyshev& chebyshev, const LeafView& leaf, float half, int k, float* moments) {
    for (int64_t i = 0; i < int64_t(3) * k * cube_points; ++i) moments[i] = 0.f;
    ChunkWeights weights;
    for (int64_t first = 0; first < leaf.count; first += chunk_of_places) {
        const int count = static_cast<int>(leaf.count - first < chunk_of_places ? leaf.count - first : chunk_of_places);
        weigh(chebyshev, leaf.places + 3 * first, count, half, weights);
        for (int f = 0; f < k; ++f) {
            gather_chunk(weights, count, leaf.currents + 3 * (k * first + f), 3 * k,
                         moments + int64_t(3) * f * cube_points);
        }
    }
}

// Matrices [i][a] along the three axes, from 8 points to p.
struct Axes {
    const Chebyshev::Square *x, *y, *z;
};

// to[a][b][c] = Σ from[i][j][l] x[i][a] y[j][b] z[l][c], a, b, c < p, in arrays of 8 × 8 × 8.
void contract(const float* from, const Axes& axes, int p, float* to) {
    float first[cube_points], second[cube_points];
    for (int a = 0; a < p; ++a) {
        for (int j = 0; j < plane_points; j += most_points) {
            Line sum = Line::all(0.f);
            for (int i = 0; i < most_points; ++i) {
                sum = fma(Line::all((*axes.x)[i][a]), Line::load(from + i * plane_points + j), sum);
            }
            sum.store(first + a * plane_points + j);
        }
        for (int b = 0; b < p; ++b) {
            Line sum = Line::all(0.f);
            for (int j = 0; j < most_points; ++j) {
                sum = fma(Line::all((*axes.y)[j][b]), Line::load(first + a * plane_points + j * most_points), sum);
            }
            sum.store(second + a * plane_points + b * most_points);
        }
        for (int b = 0; b < p; ++b) {
            const float* line = second + a * plane_points + b * most_points;
            Line sum = Line::all(0.f);
            for (int l = 0; l < most_points; ++l) sum = fma(Line::all(line[l]), Line::load((*axes.z)[l]), sum);
            sum.store(to + a * plane_points + b * most_points);
        }
    }
}

void raise(const Chebyshev& chebyshev, int octant, int k, const float* child, float* parent) {
    const Axes axes{&chebyshev.halves[octant & 1], &chebyshev.halves[octant >> 1 & 1], &chebyshev.halves[octant >> 2]};
    float part[cube_points];
    for (int64_t c = 0; c < 3 * k; ++c) {
        contract(child + c * cube_points, axes, most_points, part);
        float* sum = parent + c * cube_points;
        for (int i = 0; i < cube_points; ++i) sum[i] += part[i];
    }
}

void reduce(const Chebyshev& chebyshev, int p, int k, const float* moments, float* currents) {
    const Axes axes{&chebyshev.fewer[p], &chebyshev.fewer[p], &chebyshev.fewer[p]};
    float part[cube_points];
    for (int64_t c = 0; c < 3 * k; ++c) {
        const float* of = moments + c * cube_points;
        if (p < most_points) {
            contract(of, axes, p, part);
            of = part;
        }
        float* row = currents + c;
        for (int a = 0; a < p; ++a) {
            for (int b = 0; b < p; ++b) {
                for (int l = 0; l < p; ++l, row += 3 * k) *row = of[(a * most_points + b) * most_points + l];
            }
        }
    }
}

// Calls add(tile) for up to R registers of targets from `first` on, and adds the sums to theirs.
template <int R, class Add>
void do_tile(const TargetsView& targets, int64_t first, const double centre[3], int k, Add add) {
    constexpr int width = R * target_lanes;
    const int64_t left = targets.count - first;
    const int count = left < width ? static_cast<int>(left) : width;
    TargetTile<R> tile;
    float x[3][width];
    for (int t = 0; t < width; ++t) {
        const double* at = targets.points + int64_t(3) * targets.index[first + (t < count ? t : 0)];
        for (int q = 0; q < 3; ++q) x[q][t] = static_cast<float>(at[q] - centre[q]);
    }
    std::memcpy(tile.x, x, sizeof(x));
    for (int c = 0; c < 3 * k; ++c) {
        for (int r = 0; r < R; ++r) tile.sums[c][r] = Lanes{};
    }
    add(tile);
    float sums[width];
    for (int c = 0; c < 3 * k; ++c) {
        std::memcpy(sums, tile.sums[c], sizeof(sums));
        for (int t = 0; t < count; ++t) {
            targets.sums[int64_t(3) * k * targets.index[first + t] + c] += static_cast<double>(sums[t]);
        }
    }
}

// All targets, two registers at a time while that many are left.
template <class Add>
void do_tiles(const TargetsView& targets, const double centre[3], int k, Add add) {
    for (int64_t first = 0; first < targets.count;) {
        const bool two = targets.count - first > target_lanes;
        two ? do_tile<2>(targets, first, centre, k, add) : do_tile<1>(targets, first, centre, k, add);
        first += two ? 2 * target_lanes : target_lanes;
    }
}

void far(const ProxyView& proxies, const double centre[3], const TargetsView& targets, int k, bool curl) {
    do_tiles(targets, centre, k, [&](auto& tile) {
        constexpr int R = sizeof(tile.x[0]) / sizeof(Lanes);
        curl ? add_proxies<R, true>(proxies, k, tile) : add_proxies<R, false>(proxies, k, tile);
    });
}

void near(const LeafView& leaf, const double centre[3], const TargetsView& targets, int k, bool curl, float closest) {
    do_tiles(targets, centre, k, [&](auto& tile) {
        constexpr int R = sizeof(tile.x[0]) / sizeof(Lanes);
        curl ? add_leaf<R, true>(leaf, k, closest, tile) : add_leaf<R, false>(leaf, k, closest, tile);
    });
}

}  // namespace

CurrentKernels current_loops() { return {gather, raise, reduce, far, near}; }

}  // namespace HEADFIELD_ISA
}  // namespace headfield
