// SPDX-License-Identifier: BSD-3-Clause
// The transposes of right-hand sides and fields: what an element or a row of each loop does, written once for the CPU
// and the GPU. Each number of a result is a sum that one thread takes in the order of the entries, gathered over a
// pattern that was transposed once (TransposedView). See rows.hpp for C, F and D, field_rows.hpp for what is
// transposed.
//
// The bytes that a comment counts are those that have to move, each array once; in brackets stands what gathers ask the
// caches for.
#pragma once

#include "field_rows.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// ---- What is made of weights of elements or points for the gathers: 24 bytes a place and column, 12 in, 12 out ----

// The loads of an element on its corners 1, 2 and 3, −∇λ · w. The load on corner 0 is minus their sum, as ElementField
// counts from its potential; so all four together are zero, however they are rounded.
struct ElementLoads {
    static constexpr int vectors = 4;
    const int32_t* elements;
    HEADFIELD_HD int64_t element(int64_t i) const { return elements ? elements[i] : i; }
    template <class F>
    HEADFIELD_HD void operator()(const float (*grad)[3], F w[3]) const {
        F load[3];
        for (int k = 0; k < 3; ++k) {
            load[k] = F::all(0.f);
            for (int d = 0; d < 3; ++d) load[k] = fma(F::all(-grad[k + 1][d]), w[d], load[k]);
        }
        for (int k = 0; k < 3; ++k) w[k] = load[k];
    }
};

// Keeps the weights as they are.
struct AsTheyAre {
    static constexpr int vectors = 0;
    template <class F>
    HEADFIELD_HD void operator()(const float (*)[3], F*) const {}
};

// ---- Gathers ----

// b_i = the sum of the loads (e, 3, W) of the elements around node i on it; entry 4 e + j is corner j of element e. 12
// (24) bytes an element and column, 8 a node and column; 32 an element.
template <class C>
struct GatherLoads {
    TransposedView corners;
    const float* loads;
    double* b;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        DotProduct<C> dot;
        for (int32_t k = corners.ptr[i]; k < corners.ptr[i + 1]; ++k) {
            const float* of = loads + c.at(3 * int64_t(corners.row[k]));
            const int corner = corners.entry[k] & 3;
            if (corner) {
                dot.add(1.f, of + (corner - 1) * C::width);
            } else {
                for (int d = 0; d < 3; ++d) dot.add(-1.f, of + d * C::width);
            }
        }
        put(c, i, dot.sum(), b);
    }
};

// out_i = Σ weight · values (p, 3, W) of the points that row i is a corner of; entry 4 p + j is corner j of point p.
// Where `weight` is null each corner has a quarter: the transpose of a mean. 12 (48) bytes a point and column, 12 a row
// and column; 48 a point, or 32.
template <class C>
struct Spread {
    TransposedView corners;
    const float *weight, *values;
    float* out;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        DotProduct<C> dot[3];
        for (int32_t k = corners.ptr[i]; k < corners.ptr[i + 1]; ++k) {
            const float share = weight ? weight[corners.entry[k]] : 0.25f;
            const float* value = values + c.at(3 * int64_t(corners.row[k]));
            for (int d = 0; d < 3; ++d) dot[d].add(share, value + d * C::width);
        }
        for (int d = 0; d < 3; ++d) put(c, 3 * i + d, dot[d].sum(), out);
    }
};

// out_j = Σ W_jᵀ values (e, 3, W) of the elements around node j, W_j = (1 + 4 ∇λ_j (x_j − x̄)ᵀ) / 8: the transpose of the
// mean of edges. Geometry is computed anew at each corner, which is a small part of an adjoint problem. 12 (36) bytes an
// element and column, 12 a node and column; 48 an element.
template <class C>
struct EdgeShares {
    MeshView mesh;
    const int32_t* elements;
    TransposedView corners;
    const float* values;
    float* out;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        DotProduct<C> dot[3];
        for (int32_t k = corners.ptr[i]; k < corners.ptr[i + 1]; ++k) {
            const int64_t place = corners.row[k];
            const int corner = corners.entry[k] & 3;
            const TetVectors<8> of = tet_vectors<8>(mesh, elements ? elements[place] : place);
            const float* value = values + c.at(3 * place);
            for (int d = 0; d < 3; ++d) {
                for (int q = 0; q < 3; ++q) {
                    const float share = of.row[corner][q] * of.row[4 + corner][d];
                    dot[d].add(q == d ? 0.125f + share : share, value + q * C::width);
                }
            }
        }
        for (int d = 0; d < 3; ++d) put(c, 3 * i + d, dot[d].sum(), out);
    }
};

// flux_j = −Σ_i S_ij φ_i, S (nnz, 3), φ (n, W). Columns of S sum to zero, as those of a source operator do, so the
// potential may count from that of node j. The differences are small, and taken in float64; the rest is float32, as S
// is. 20 bytes a node and column (8 an entry and column); 20 an entry.
template <class C>
struct NodalFlux {
    TransposedView columns;
    const float* source;
    const double* phi;
    float* flux;
    HEADFIELD_HD void operator()(C c, int64_t j) const {
        using F = typename C::F;
        using D = typename C::D;
        F sum[3] = {F::all(0.f), F::all(0.f), F::all(0.f)};
        const D level = load_as<D>(phi + c.at(j));
        for (int32_t k = columns.ptr[j]; k < columns.ptr[j + 1]; ++k) {
            const F drop = convert<F>(level - load_as<D>(phi + c.at(columns.row[k])));
            const float* s = source + 3 * int64_t(columns.entry[k]);
            for (int d = 0; d < 3; ++d) sum[d] = fma(F::all(s[d]), drop, sum[d]);
        }
        for (int d = 0; d < 3; ++d) put(c, 3 * j + d, sum[d], flux);
    }
};

// b_i = −Σ weight_ri · g_r over the entries of column i, + Σ_j weight_rj · g_r over all entries of the rows r whose
// node is i, as the differences in these rows count from its potential. All b together are zero, since both sums have
// the same products. 12 bytes a row and column (24 an entry and column), 8 a node and column; 20 (32) an entry.
template <class C>
struct RecoveredLoads {
    const int32_t* ptr;  // of the rows of the recovery
    const float* weight;
    TransposedView columns, nodes;
    const float* rows;
    double* b;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        DotProduct<C> dot;
        for (int32_t k = columns.ptr[i]; k < columns.ptr[i + 1]; ++k)
            add(c, columns.entry[k], columns.row[k], -1.f, dot);
        for (int32_t l = nodes.ptr[i]; l < nodes.ptr[i + 1]; ++l) {
            const int32_t r = nodes.row[l];
            for (int32_t k = ptr[r]; k < ptr[r + 1]; ++k) add(c, k, r, 1.f, dot);
        }
        put(c, i, dot.sum(), b);
    }
    HEADFIELD_HD void add(C c, int32_t k, int32_t r, float sign, DotProduct<C>& dot) const {
        const float *w = weight + 3 * int64_t(k), *g = rows + c.at(3 * int64_t(r));
        for (int d = 0; d < 3; ++d) dot.add(sign * w[d], g + d * C::width);
    }
};

// out_i = −Σ rateᵀ g_r over the rows r with node i. 12 bytes a row and column, 12 a node and column; 40 a row.
template <class C>
struct RecoveredRates {
    TransposedView nodes;
    const float *rate, *rows;
    float* out;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using F = typename C::F;
        F sum[3] = {F::all(0.f), F::all(0.f), F::all(0.f)};
        for (int32_t l = nodes.ptr[i]; l < nodes.ptr[i + 1]; ++l) {
            const int64_t r = nodes.row[l];
            for (int d = 0; d < 3; ++d) {
                const F g = load_as<F>(rows + c.at(3 * r + d));
                for (int q = 0; q < 3; ++q) sum[q] = fma(F::all(-rate[9 * r + 3 * d + q]), g, sum[q]);
            }
        }
        for (int q = 0; q < 3; ++q) put(c, 3 * i + q, sum[q], out);
    }
};

}  // namespace HEADFIELD_ISA
}  // namespace headfield
