// SPDX-License-Identifier: BSD-3-Clause
// One row of each of the verbs on a single column in float64: the same names as in ColumnVerbs (verbs.hpp), which has
// the formulas.
#pragma once

#include "device_loops.hpp"
#include "verbs.hpp"

namespace headfield {
inline namespace HEADFIELD_ISA {

template <class C>
struct Residual64 {
    CsrView<double> a;
    const double *b, *x, *weight;
    double* r;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        const D value = row_residual(c, a, i, x, load_as<D>(b + c.at(i)));
        put(c, i, value, r);
        sum = fma(D::all(weight[i]) * value, value, sum);
    }
};

template <class C>
struct Narrow64 {
    double factor;
    const double* r;
    Real* h;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using D = typename C::D;
        put(c, i, D::all(factor) * load_as<D>(r + c.at(i)), h);
    }
};

template <class C>
struct StepDirection64 {
    double beta, unit;
    const float* z;
    double* p;
    HEADFIELD_HD void operator()(C c, int64_t i) const {
        using D = typename C::D;
        const D step = D::all(unit) * load_as<D>(z + c.at(i));
        put(c, i, beta == 0.0 ? step : fma(D::all(beta), load_as<D>(p + c.at(i)), step), p);
    }
};

template <class C>
struct ApplyDot64 {
    CsrView<double> a;
    const double* p;
    double* q;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        const D zero = D::all(0.0);
        const D value = zero - row_residual(c, a, i, p, zero);
        put(c, i, value, q);
        sum = fma(value, load_as<D>(p + c.at(i)), sum);
    }
};

template <class C>
struct Step64 {
    double alpha;
    const double *p, *q, *weight;
    double *x, *r;
    HEADFIELD_HD void operator()(C c, int64_t i, typename C::D& sum) const {
        using D = typename C::D;
        const D next = fma(D::all(-alpha), load_as<D>(q + c.at(i)), load_as<D>(r + c.at(i)));
        put(c, i, fma(D::all(alpha), load_as<D>(p + c.at(i)), load_as<D>(x + c.at(i))), x);
        put(c, i, next, r);
        sum = fma(D::all(weight[i]) * next, next, sum);
    }
};

}  // namespace HEADFIELD_ISA
}  // namespace headfield
