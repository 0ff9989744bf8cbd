// SPDX-License-Identifier: BSD-3-Clause
// Quadratics that are fitted to φ around a node, in one tissue or in two under the condition at their interface: the
// mathematics of recovery.cpp, which finds the patches. docs/numerics.md says why it is done in this way.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "element.hpp"
#include "least_squares.hpp"

namespace headfield {

constexpr double share = 1e-3;           // of their mean diagonal by which curvatures are damped, see LeastSquares
constexpr double most_amplified = 10.0;  // where errors of φ would enter a gradient by more, curvatures are damped more

using Nodes = std::vector<int32_t>;

// One node of a patch: its place relative to the node in the middle, m, what the unknowns of a fit are multiplied with
// there, and its weight, 1 / |d|².
struct Datum {
    double d[3], numbers[LeastSquares::most], weight;
};

// One tissue around a node. `out` (m²) is the sum of the outward area vectors of its faces that hold the node and do
// not lie within it. It is three times the sum of V ∇λ, as this is minus the area of the faces opposite to the node and
// the areas of a closed surface add up to zero. `sigma` is the mean conductivity by volume; `uniform` says that it is a
// number and the same in all tetrahedra.
struct Side {
    int32_t tissue, first;  // `first` is one of its tetrahedra
    double volume, out[3], sigma[9];
    bool uniform;
};

// Three numbers, as an element of a sum.
struct Triple {
    double v[3];
};

inline double length(const double v[3]) { return std::sqrt(dot3(v, v)); }

// out = m v, m (3, 3) row-major
inline void apply(const double* m, const double v[3], double out[3]) {
    for (int i = 0; i < 3; ++i) out[i] = dot3(m + 3 * i, v);
}

// The condition at an interface for the gradients of φ on its sides: g₂ = g₁ + n w·(g₁ + Ȧ), w = (σ₁ − σ₂) n / n·σ₂n.
// Then the tangential parts of E = −g − Ȧ agree, and so do the normal parts of σE. Side 1 conducts less along n, so
// that the division is by the larger conductivity.
struct Jump {
    double n[3] = {}, w[3] = {};
    // g becomes g + n w·g.
    void to_second(double g[3]) const {
        const double step = dot3(w, g);
        for (int i = 0; i < 3; ++i) g[i] += step * n[i];
    }
    // out = d + (d·n) w: what g₁ is multiplied with for a node on side 2, as d·g₂ = (d + (d·n) w)·g₁ + (d·n) w·Ȧ.
    void on_first(const double d[3], double out[3]) const {
        const double along = dot3(d, n);
        for (int i = 0; i < 3; ++i) out[i] = d[i] + along * w[i];
    }
};

// The second powers in a quadratic: five whose Laplacian is zero, and |d|². Where the conductivity is uniform φ is
// harmonic, as ∇·Ȧ = 0 for currents in air, and |d|² is left out: it would only take up errors of φ.
constexpr int curvatures = 6;
inline void curvature(const double d[3], int count, double* out) {
    for (int i = 0; i < 3; ++i) out[i] = d[i] * d[(i + 1) % 3];
    out[3] = d[0] * d[0] - d[2] * d[2];
    out[4] = d[1] * d[1] - d[2] * d[2];
    if (count == curvatures) out[5] = dot3(d, d);
}

// Quadratics that fit φ at the nodes of a patch, relative to its value at the node in the middle: one in a patch of one
// tissue, or two under the jump condition. The unknowns are the gradient on side 1, then the curvatures of each side.
// The data are the nodes of side 1, then those of side 2.
class Quadratics {
public:
    // `rings` are the nodes of each side, `sides` one tissue or two; `data` is work space that the object keeps using.
    Quadratics(const MeshView& mesh, int32_t node, const Nodes* rings, const std::vector<Side>& sides, const Jump& jump,
               std::vector<Datum>& data)
        : data_(data) {
        data.clear();
        int begin = 3;  // of the curvatures of a side
        for (std::size_t p = 0; p < sides.size(); ++p) {
            const int count = sides[p].uniform ? curvatures - 1 : curvatures;
            for (const int32_t j : rings[p]) {
                Datum datum{};
                for (int i = 0; i < 3; ++i)
                    datum.d[i] = mesh.nodes[3 * int64_t(j) + i] - mesh.nodes[3 * int64_t(node) + i];
                p == 0 ? void(std::copy(datum.d, datum.d + 3, datum.numbers)) : jump.on_first(datum.d, datum.numbers);
                curvature(datum.d, count, datum.numbers + begin);
                datum.weight = 1.0 / dot3(datum.d, datum.d);
                reach_ = std::max(reach_, 1.0 / datum.weight);
                data.push_back(datum);
            }
            begin += count;
        }
        solve(begin);
    }

    // The weight, 1/m, by which φ at datum k, less φ in the middle, enters the gradient on side 1.
    Triple weight(std::size_t k) const {
        Triple c{};
        for (int i = 0; i < 3; ++i) {
            for (int u = 0; u < LeastSquares::most; ++u) c.v[i] += solved_[i][u] * data_[k].numbers[u];
            c.v[i] *= data_[k].weight;
        }
        return c;
    }

private:
    // Solves for the three rows of the inverse that belong to the gradient. Lengths are in units of the patch, or
    // curvatures would be damped by other amounts in other units. Damps ten times as much, up to the mean diagonal
    // itself, while the gradient would amplify errors of φ too much.
    void solve(int unknowns) {
        const double unit = 1.0 / std::sqrt(reach_);
        LeastSquares fit(unknowns);
        for (Datum& datum : data_) {
            for (int i = 0; i < 3; ++i) datum.numbers[i] *= unit;
            for (int i = 3; i < unknowns; ++i) datum.numbers[i] *= unit * unit;
            fit.add(datum.numbers, datum.weight);
        }
        for (double damping = share; damping <= 1.0; damping *= 10.0) {
            LeastSquares damped = fit;
            damped.damp(3, damping);
            damped.factor();
            for (int i = 0; i < 3; ++i) {
                std::fill(solved_[i], solved_[i] + LeastSquares::most, 0.0);
                solved_[i][i] = unit;
                damped.solve(solved_[i]);
            }
            if (amplification() <= most_amplified) break;
        }
    }

    // By how much more than a difference quotient the gradient takes up errors of φ: Σ |weight| |d|.
    double amplification() const {
        double sum = 0.0;
        for (std::size_t k = 0; k < data_.size(); ++k) sum += length(weight(k).v) * length(data_[k].d);
        return sum;
    }

    std::vector<Datum>& data_;
    double reach_ = 0.0;  // m², of the farthest node
    double solved_[3][LeastSquares::most] = {};
};

}  // namespace headfield
