// SPDX-License-Identifier: BSD-3-Clause
// From ∂A/∂t to right-hand sides, and from potentials to E: what a row or an element of each loop does, written once
// for the CPU and the GPU. See rows.hpp for C, F and D; the device brings DotProduct<C>, a sum of products of float32
// numbers.
#pragma once

#include <type_traits>

#include "element.hpp"
#include "kernels.hpp"
#include "rows.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// Stands for ∂A/∂t where sources have none: nothing is read, and it counts as zero. It is a type of its own, so that
// loops for coils need not ask at every element.
struct NoRates {};
template <class Rates>
constexpr bool has_rates = !std::is_same_v<Rates, NoRates>;

// ∂A/∂t whose means over elements are those of edges.
struct EdgeRates {
    const float* adot;
    HEADFIELD_HD const float* operator+(int64_t place) const { return adot + place; }
};

// Calls f with ∂A/∂t, or with NoRates where that is null.
template <class F>
void with_rates(const float* adot, F f) {
    adot ? f(adot) : f(NoRates{});
}

// The same for loops that take means of it over elements.
template <class F>
void with_means(NodalRates rates, F f) {
    rates.adot&& rates.edges ? f(EdgeRates{rates.adot}) : with_rates(rates.adot, f);
}

// Vectors of the tetrahedron at place i of a loop, as many as what is computed there reads; room for one where it reads
// none.
template <class Value>
using VectorsOf = TetVectors<(Value::vectors > 0 ? Value::vectors : 1)>;
template <class Value>
HEADFIELD_HD VectorsOf<Value> vectors_of(const Value& value, const MeshView& mesh, int64_t i) {
    if constexpr (Value::vectors > 0) {
        return tet_vectors<Value::vectors>(mesh, value.element(i));
    } else {
        return {};
    }
}

// b_i = −Σ_j S_ij · Ȧ_j, S (nnz, 3), Ȧ (n, 3, W). S and Ȧ are float32, but terms cancel, so the sum is taken in
// float64, or nearly as well (DotProduct).
template <class C>
struct RightHandSide {
    CsrView<float> source;
    const float* adot;
    double* b;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        DotProduct<C> dot;
        for (int32_t k = source.ptr[i]; k < source.ptr[i + 1]; ++k) {
            const float *s = source.val + 3 * int64_t(k), *a = adot + c.at(3 * int64_t(source.col[k]));
            for (int d = 0; d < 3; ++d) dot.add(-s[d], a + d * C::width);
        }
        put(c, i, dot.sum(), b);
    }
};

// E = −∇φ − mean Ȧ in one of the chosen elements, from the gradients `grad` (4, 3) of its barycentric coordinates.
// These sum to zero, so the potential may count from that of the first node: E = Σ_k ∇λ_k (φ_0 − φ_k) − mean Ȧ, k = 1,
// 2, 3. The differences are small, and taken in float64; the rest is float32, as Ȧ is.
template <class Rates>
struct ElementField {
    static constexpr int numbers = 3;
    static constexpr int vectors = 4;
    MeshView mesh;
    const double* phi;
    Rates adot;
    const int32_t* elements;
    HEADFIELD_HD int64_t element(int64_t i) const { return elements ? elements[i] : i; }
    template <class C>
    HEADFIELD_HD void operator()(C c, int64_t i, const float (*grad)[3], typename C::F field[3]) const {
        using F = typename C::F;
        using D = typename C::D;
        const int32_t* node = mesh.tets + 4 * element(i);
        const D first = load_as<D>(phi + c.at(node[0]));
        F fall[3];
        [[maybe_unused]] F sum[3];
        for (int d = 0; d < 3; ++d) {
            fall[d] = F::all(0.f);
            if constexpr (has_rates<Rates>) sum[d] = load_as<F>(adot + c.at(3 * int64_t(node[0]) + d));
        }
        for (int k = 1; k < 4; ++k) {
            const F drop = convert<F>(first - load_as<D>(phi + c.at(node[k])));
            for (int d = 0; d < 3; ++d) {
                fall[d] = fma(F::all(grad[k][d]), drop, fall[d]);
                if constexpr (has_rates<Rates>) sum[d] = sum[d] + load_as<F>(adot + c.at(3 * int64_t(node[k]) + d));
            }
        }
        for (int d = 0; d < 3; ++d) {
            if constexpr (has_rates<Rates>) {
                field[d] = fma(F::all(-0.25f), sum[d], fall[d]);
            } else {
                field[d] = fall[d];
            }
        }
    }
};

// The same with the mean Ȧ of edges, Σ_j W_j Ȧ_j (add_tet in element.hpp): with s_j = (x_j − x̄) · Ȧ_j / 2 it is
// Σ_j (Ȧ_j / 8 + ∇λ_j s_j), and so E = Σ_k ∇λ_k (φ_0 + s_0 − φ_k − s_k) − Σ_j Ȧ_j / 8, k = 1, 2, 3. Where Ȧ is the
// gradient of a χ that is quadratic along edges, s_0 − s_k is χ_0 − χ_k less what of it the other term holds.
template <>
struct ElementField<EdgeRates> {
    static constexpr int numbers = 3;
    static constexpr int vectors = 8;
    MeshView mesh;
    const double* phi;
    EdgeRates adot;
    const int32_t* elements;
    HEADFIELD_HD int64_t element(int64_t i) const { return elements ? elements[i] : i; }
    template <class C>
    HEADFIELD_HD void operator()(C c, int64_t i, const float (*vector)[3], typename C::F field[3]) const {
        using F = typename C::F;
        using D = typename C::D;
        const int32_t* node = mesh.tets + 4 * element(i);
        const D first = load_as<D>(phi + c.at(node[0]));
        F fall[3], sum[3], along = F::all(0.f);
        for (int d = 0; d < 3; ++d) {
            fall[d] = F::all(0.f);
            sum[d] = load_as<F>(adot + c.at(3 * int64_t(node[0]) + d));
            along = fma(F::all(vector[4][d]), sum[d], along);
        }
        for (int k = 1; k < 4; ++k) {
            F drop = along + convert<F>(first - load_as<D>(phi + c.at(node[k])));
            for (int d = 0; d < 3; ++d) {
                const F rate = load_as<F>(adot + c.at(3 * int64_t(node[k]) + d));
                sum[d] = sum[d] + rate;
                drop = fma(F::all(-vector[4 + k][d]), rate, drop);
            }
            for (int d = 0; d < 3; ++d) fall[d] = fma(F::all(vector[k][d]), drop, fall[d]);
        }
        for (int d = 0; d < 3; ++d) field[d] = fma(F::all(-0.125f), sum[d], fall[d]);
    }
};

// Row r of a recovery (recovery.hpp): E_r = −Σ_j weight_rj (φ_j − φ_node) − rate_r Ȧ_node; differences are taken in
// float64, as above.
template <class C, class Rates>
struct Recover {
    CsrView<float> weight;
    const int32_t* node;
    const float* rate;
    Rates adot;
    const double* phi;
    float* rows;
    HEADFIELD_HD void operator()(C c, int64_t r) const {
        using F = typename C::F;
        using D = typename C::D;
        F field[3] = {F::all(0.f), F::all(0.f), F::all(0.f)};
        const int64_t here = node[r];
        if constexpr (has_rates<Rates>) {
            for (int i = 0; i < 3; ++i) {
                const F a = load_as<F>(adot + c.at(3 * here + i));
                for (int d = 0; d < 3; ++d) field[d] = fma(F::all(-rate[9 * r + 3 * d + i]), a, field[d]);
            }
        }
        const D level = load_as<D>(phi + c.at(here));
        for (int32_t k = weight.ptr[r]; k < weight.ptr[r + 1]; ++k) {
            const F drop = convert<F>(level - load_as<D>(phi + c.at(weight.col[k])));
            for (int d = 0; d < 3; ++d) field[d] = fma(F::all(weight.val[3 * int64_t(k) + d]), drop, field[d]);
        }
        for (int d = 0; d < 3; ++d) store_as(field[d], rows + c.at(3 * r + d));
    }
};

// The value at point i: Σ_j weight_ij rows[corner_ij] over the four corners of the tetrahedron that holds it.
struct Interpolated {
    static constexpr int numbers = 3;
    static constexpr int vectors = 0;
    const int32_t* corner;
    const float *weight, *rows;
    template <class C>
    HEADFIELD_HD void operator()(C c, int64_t i, const float (*)[3], typename C::F field[3]) const {
        using F = typename C::F;
        for (int d = 0; d < 3; ++d) {
            F sum = F::all(0.f);
            for (int j = 0; j < 4; ++j) {
                const int64_t row = 3 * int64_t(corner[4 * i + j]) + d;
                sum = fma(F::all(weight[4 * i + j]), load_as<F>(rows + c.at(row)), sum);
            }
            field[d] = sum;
        }
    }
};

// E at point i, from an operator of any sparsity: −Σ_j gradient_ij φ_j − Σ_j share_ij Ȧ_j. The gradients of a row sum to
// zero, as a constant potential has no field, so the potential may count from that of the row's first entry; the
// differences are taken in float64, as above. 12 bytes a point and column, 20 a node and column (20 an entry and
// column); 20 an entry, 4 a point.
template <class Rates>
struct PointField {
    static constexpr int numbers = 3;
    static constexpr int vectors = 0;
    CsrView<float> gradient;
    const float* share;
    const double* phi;
    Rates adot;
    template <class C>
    HEADFIELD_HD void operator()(C c, int64_t i, const float (*)[3], typename C::F field[3]) const {
        using F = typename C::F;
        using D = typename C::D;
        const int32_t begin = gradient.ptr[i], end = gradient.ptr[i + 1];
        for (int d = 0; d < 3; ++d) field[d] = F::all(0.f);
        if (begin == end) return;
        const D first = load_as<D>(phi + c.at(gradient.col[begin]));
        for (int32_t k = begin; k < end; ++k) {
            const int64_t j = gradient.col[k];
            const D here = load_as<D>(phi + c.at(j));
            [[maybe_unused]] F rate[3];  // all gathers of an entry are on their way before one is needed
            if constexpr (has_rates<Rates>) {
                for (int d = 0; d < 3; ++d) rate[d] = load_as<F>(adot + c.at(3 * j + d));
            }
            const F drop = convert<F>(first - here);
            for (int d = 0; d < 3; ++d) {
                field[d] = fma(F::all(gradient.val[3 * int64_t(k) + d]), drop, field[d]);
                if constexpr (has_rates<Rates>) field[d] = fma(F::all(-share[k]), rate[d], field[d]);
            }
        }
    }
};

// b_i −= Σ_j m_ij x_j in float64, for a matrix that may have more or fewer columns than rows, and most of whose rows
// are empty: of those b is not touched. Rows are as the caller has them, so that row_residual, which asks a GPU for
// padded ones, does not do. 16 bytes a row that is not empty and column (8 an entry and column); 12 an entry, 4 a row.
template <class C>
struct SubtractProduct {
    CsrView<double> m;
    const double* x;
    double* b;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using D = typename C::D;
        const int32_t begin = m.ptr[i], end = m.ptr[i + 1];
        if (begin == end) return;
        D left = load_as<D>(b + c.at(i));
        for (int32_t k = begin; k < end; ++k) {
            left = fma(D::all(-m.val[k]), load_as<D>(x + c.at(m.col[k])), left);
        }
        put(c, i, left, b);
    }
};

// Five numbers for one of the chosen elements, in which E* is linear between the rows of its corners: E* in the middle,
// the mean over the element of |E* − E|², where E is that of linear elements, and the mean of |E*|². The mean square of
// a linear v is (Σ|v_j|² + |Σ v_j|²)/20, with v_j its values at the four corners.
template <class Rates>
struct RecoveredField {
    static constexpr int numbers = 5;
    static constexpr int vectors = ElementField<Rates>::vectors;
    ElementField<Rates> linear;
    const int32_t* corner;
    const float* rows;
    HEADFIELD_HD int64_t element(int64_t i) const { return linear.element(i); }
    template <class C>
    HEADFIELD_HD void operator()(C c, int64_t i, const float (*grad)[3], typename C::F field[5]) const {
        using F = typename C::F;
        linear(c, i, grad, field);
        F squares = F::all(0.f), total = F::all(0.f);
        for (int d = 0; d < 3; ++d) {
            F sum = F::all(0.f);
            for (int j = 0; j < 4; ++j) {
                const F here = load_as<F>(rows + c.at(3 * int64_t(corner[4 * i + j]) + d));
                const F e = here - field[d];
                squares = fma(e, e, squares);
                total = fma(here, here, total);
                sum = sum + here;
            }
            const F e = fma(F::all(-4.f), field[d], sum);
            squares = fma(e, e, squares);
            total = fma(sum, sum, total);
            field[d] = F::all(0.25f) * sum;
        }
        field[3] = F::all(0.05f) * squares;
        field[4] = F::all(0.05f) * total;
    }
};

}  // namespace HEADFIELD_ISA
}  // namespace headfield
