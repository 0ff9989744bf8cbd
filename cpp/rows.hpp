// SPDX-License-Identifier: BSD-3-Clause
// One row of each verb of verbs.hpp, which has the formulas, written once for the CPU and the GPU. C is a block of
// columns: all W of them on the CPU, a few on a thread of a GPU; c.at(i) is where its first column of row i lies. F and
// D hold one float or double a column. What is the same for all rows is computed once, in prepare(). Every multiply-add
// is explicit, and the compiler contracts none by itself, so a column sees the same operations whatever the width.
//
// The device brings row_times(c, m, i, x) = Σ_j m_ij x_j, row_residual(c, a, i, x, b) = b − Σ_j a_ij x_j, both of a
// mixture too, and
// put(c, i, value, x), which stores a row: where several threads of a GPU share one, only one of them does; and
// stored<P>(c, i, value, x), which is what put() has just stored.
#pragma once

#include <type_traits>

#include "device_loops.hpp"
#include "verbs.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

// Most bodies have nothing to prepare; those that do overload this below.
template <class Body, class C>
HEADFIELD_HD inline void prepare(Body& /*body*/, C /*c*/) {}

// factor × other for each column; 0 where the factor is 0, even where the other is infinite or not a number, as r·z and
// p·q of a column that has stopped may be.
template <class D>
HEADFIELD_HD inline D masked_product(const D& factor, const D& other) {
    return select(factor, factor * other, D::all(0.0));
}

// Stores a row of the residual, and of what the V-cycle will see of it, where that is stored apart.
template <class C, class P>
HEADFIELD_HD inline void put_residual(C c, int64_t i, const P& value, const P& next_cycle, float* r, Real* h) {
    put(c, i, value, r);
    if constexpr (!std::is_same_v<Real, float>) put(c, i, next_cycle * value, h);
}

// ---- V-cycle: the same names as in CycleVerbs ----

template <class C>
struct Apply {
    Matrix m;
    const Real* x;
    Real* y;
    HEADFIELD_HD void operator()(C c, int64_t i) const { put(c, i, row_times(c, m, i, x), y); }
};

template <class C>
struct ApplyDense {
    DenseView m;
    const Real* x;
    float* y;
    HEADFIELD_HD void operator()(C c, int64_t i) const { put(c, i, row_times(c, m, i, x), y); }
};

template <class C>
struct SmoothFromZero {
    Matrix a;
    Smoother s;
    const Real* b;
    Real* x;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using F = typename C::F;
        put(c, i, fma(F::all(s.c1), row_times(c, a, i, b), F::all(s.c0) * load_as<F>(b + c.at(i))), x);
    }
};

template <class C>
struct Residual {
    Matrix a;
    const Real *b, *x;
    Real* r;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        put(c, i, load_as<typename C::F>(b + c.at(i)) - row_times(c, a, i, x), r);
    }
};

template <class C>
struct Correct {
    Matrix ap;
    const float* e;
    Real* r;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        put(c, i, load_as<typename C::F>(r + c.at(i)) - row_times(c, ap, i, e), r);
    }
};

template <class C>
struct Smooth {
    Matrix a, p;
    Smoother s;
    const float* e;
    const Real *x, *r;
    float* z;
    HEADFIELD_HD typename C::F operator()(C c, int64_t i) const {
        using F = typename C::F;
        F sum = load_as<F>(x + c.at(i));
        if (e) sum = sum + row_times(c, p, i, e);
        sum = fma(F::all(s.c0), load_as<F>(r + c.at(i)), sum);
        sum = fma(F::all(s.c1), row_times(c, a, i, r), sum);
        put(c, i, sum, z);
        return sum;
    }
};

// The sum is of z as it was rounded for storing, since that is what the iteration works with.
template <class C>
struct SmoothDot {
    Smooth<C> smooth;
    const Real* b;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        sum = fma(stored<D>(c, i, smooth(c, i), smooth.z), load_as<D>(b + c.at(i)), sum);
    }
};

// sum_products
template <class C>
struct Products {
    const Real* x;
    const float* y;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        sum = fma(load_as<D>(x + c.at(i)), load_as<D>(y + c.at(i)), sum);
    }
};

// ---- conjugate gradients: the same names as in IterationVerbs ----

// Of the fine matrix, or of a mixture.
template <class C, class M = FineMatrix>
struct ApplyDot {
    M a;
    const float* p;
    float* q;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        const auto product = row_times(c, a, i, p);
        put(c, i, product, q);
        sum = fma(stored<D>(c, i, product, q), load_as<D>(p + c.at(i)), sum);
    }
};

template <class C>
struct StepResidual {
    ColumnValues v;
    const float* q;
    float* r;
    Real* h;
    const double* weight;
    typename C::F minus_alpha{}, next_cycle{};
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using F = typename C::F;
        using D = typename C::D;
        const F next = fma(minus_alpha, load_as<F>(q + c.at(i)), load_as<F>(r + c.at(i)));
        put_residual(c, i, next, next_cycle, r, h);
        const D r64 = stored<D>(c, i, next, r);
        sum = fma(D::all(weight[i]) * r64, r64, sum);
    }
};
template <class C>
HEADFIELD_HD inline void prepare(StepResidual<C>& b, C c) {
    using F = typename C::F;
    using D = typename C::D;
    const D quotient = load_as<D>(b.v.rz + c.at(0)) / load_as<D>(b.v.pq + c.at(0));
    // α is formed here, from sums that earlier verbs have left where the block vectors lie, so that the host need not
    // wait.
    b.minus_alpha = convert<F>(D::all(0.0) - masked_product(load_as<D>(b.v.residual_factor + c.at(0)), quotient));
    b.next_cycle = load_as<F>(b.v.next_cycle + c.at(0));
}

template <class C>
struct StepDirection {
    ColumnValues v;
    const float* z;
    float *p, *x;
    typename C::F alpha{}, beta{}, unit{};
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using F = typename C::F;
        const F old = load_as<F>(p + c.at(i));
        put(c, i, fma(alpha, old, load_as<F>(x + c.at(i))), x);
        put(c, i, fma(beta, old, unit * load_as<F>(z + c.at(i))), p);
    }
};
template <class C>
HEADFIELD_HD inline void prepare(StepDirection<C>& b, C c) {
    using F = typename C::F;
    using D = typename C::D;
    b.alpha = load_as<F>(b.v.pending_alpha + c.at(0));
    b.beta = convert<F>(masked_product(load_as<D>(b.v.direction_factor + c.at(0)), load_as<D>(b.v.rz + c.at(0))));
    b.unit = load_as<F>(b.v.unit + c.at(0));
}

// ---- float64 around it ----

template <class C>
struct Flush {
    ColumnValues v;
    const float* p;
    float* x;
    double* x64;
    typename C::F alpha{}, flushed32{};
    typename C::D factor{}, flushed{};
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using F = typename C::F;
        using D = typename C::D;
        // Takes the step that x still lacks in float32, as step_direction would: which of the two takes it depends on
        // the other columns of the batch, and must not show in the bits.
        const F step = fma(alpha, load_as<F>(p + c.at(i)), load_as<F>(x + c.at(i)));
        const D old = load_as<D>(x64 + c.at(i));
        put(c, i, select(flushed, fma(factor, convert<D>(step), old), old), x64);
        put(c, i, select(flushed32, F::all(0.f), step), x);
    }
};
template <class C>
HEADFIELD_HD inline void prepare(Flush<C>& b, C c) {
    using F = typename C::F;
    using D = typename C::D;
    b.flushed = load_as<D>(b.v.check + c.at(0));
    b.flushed32 = convert<F>(b.flushed);
    b.factor = load_as<D>(b.v.flush_factor + c.at(0));
    b.alpha = convert<F>(b.flushed * load_as<D>(b.v.pending_alpha + c.at(0)));
}

template <class C, class M = CsrView<double>>
struct TrueResidual {
    M a;
    ColumnValues v;
    const double *b, *x64;
    float* r;
    Real* h;
    const double* weight;
    typename C::D use{}, factor{}, next_cycle{};
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        const D r64 = row_residual(c, a, i, x64, load_as<D>(b + c.at(i)));
        sum = fma(D::all(weight[i]) * r64, r64, sum);
        put_residual(c, i, select(use, factor * r64, load_as<D>(r + c.at(i))), next_cycle, r, h);
    }
};
template <class C, class M>
HEADFIELD_HD inline void prepare(TrueResidual<C, M>& b, C c) {
    using D = typename C::D;
    b.use = load_as<D>(b.v.check + c.at(0));
    b.factor = load_as<D>(b.v.scale + c.at(0));
    b.next_cycle = load_as<D>(b.v.next_cycle + c.at(0));
}

template <class C>
struct Begin {
    ColumnValues v;
    const double* b;
    float* r;
    Real* h;
    float *x, *p;
    double* x64;
    typename C::D factor{}, next_cycle{};
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using F = typename C::F;
        using D = typename C::D;
        put_residual(c, i, factor * load_as<D>(b + c.at(i)), next_cycle, r, h);
        put(c, i, F::all(0.f), x);
        put(c, i, F::all(0.f), p);
        if (x64) put(c, i, D::all(0.0), x64);
    }
};
template <class C>
HEADFIELD_HD inline void prepare(Begin<C>& b, C c) {
    using D = typename C::D;
    b.factor = load_as<D>(b.v.scale + c.at(0));
    b.next_cycle = load_as<D>(b.v.next_cycle + c.at(0));
}

template <class C>
struct Narrow {
    ColumnValues v;
    const float* r;
    Real* h;
    typename C::F cycle{};
    HEADFIELD_HD void operator()(C c, int64_t i) const { put(c, i, cycle * load_as<typename C::F>(r + c.at(i)), h); }
};
template <class C>
HEADFIELD_HD inline void prepare(Narrow<C>& b, C c) {
    using D = typename C::D;
    b.cycle = convert<typename C::F>(D::all(1.0) / load_as<D>(b.v.unit + c.at(0)));
}

template <class C>
struct ScaleRows {
    const double *s, *x;
    double* y;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using D = typename C::D;
        put(c, i, D::all(s[i]) * load_as<D>(x + c.at(i)), y);
    }
};

template <class C>
struct ScaleAndMeasure {
    const double *s, *weight;
    double* x;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        const D scaled = D::all(s[i]) * load_as<D>(x + c.at(i));
        put(c, i, scaled, x);
        sum = fma(D::all(weight[i]) * scaled, scaled, sum);
    }
};

}  // namespace HEADFIELD_ISA
}  // namespace headfield
