// SPDX-License-Identifier: BSD-3-Clause
// The iteration runs in float32: x, r, p and A p of the scaled system  φ = D^-½ φ̂. Every `period` iterations, and when
// a column seems done, x is added to φ̂ in float64, and the residual is computed anew in float64 from φ̂, rounded, and
// handed back to the iteration, which keeps its search direction ("reliable updates": van der Vorst & Ye 2000; Clark et
// al. 2010). A column is done only when a residual computed in float64 says so. What happens to a column depends on that
// column alone.
#include "pcg.hpp"

#include <algorithm>
#include <cmath>

namespace headfield {

namespace {
constexpr int period = 6;            // iterations between float64 residuals: about three digits, all that float32 holds
constexpr double stop_early = 0.95;  // the float32 residual may be this much closer than asked before a check

bool any(const std::vector<double>& values) {
    return std::any_of(values.begin(), values.end(), [](double v) { return v != 0.0; });
}

}  // namespace

struct Solver::Columns {
    using Values = std::vector<double>;
    Values rz, rz_old, pq, norm2, reference2, scale;
    Values active, pending, direction, check;  // masks: it iterates; x lacks α p; p is kept; wants a float64 residual
    Values last_check;                         // norm² when a check last failed, to see stagnation
    std::vector<ColumnReport> report;

    explicit Columns(int w)
        : rz(w), rz_old(w), pq(w), norm2(w), reference2(w), scale(w, 1.0), active(w), pending(w), direction(w),
          check(w), last_check(w, INFINITY), report(w) {}
};

Solver::Solver(const Hierarchy& hierarchy, int width, const Verbs& verbs)
    : h_(hierarchy), verbs_(verbs), width_(width) {
    const size_t w = width, n = hierarchy.size();
    for (size_t l = 0; l < h_.levels.size(); ++l) {
        const size_t rows = h_.levels[l].a.rows;
        const bool last = l + 1 == h_.levels.size();
        LevelVectors v;
        v.b = Buffer<float>(l == 0 ? 0 : rows * w);
        v.x = Buffer<float>(rows * w);
        v.r = Buffer<float>(last ? 0 : rows * w);
        vectors_.push_back(std::move(v));
    }
    for (Buffer<float>* v : {&x_, &r_, &p_}) *v = Buffer<float>(n * w);
    partial_ = Buffer<double>(reduction_rows(n) * w);
}

// x = M b, M one symmetric V(2, 2) cycle from a zero guess; sums b · x on the finest level.
void Solver::v_cycle(size_t l, const float* b, float* x, Sums dot) {
    const Level& level = h_.levels[l];
    const auto a = level.a.view();
    const float* dot_with = l == 0 ? b : nullptr;
    if (l + 1 == h_.levels.size()) {
        if (h_.coarse_inverse.size()) {
            verbs_.apply_dense(width_, level.a.rows, h_.coarse_inverse.data(), b, x);
        } else {
            verbs_.smooth_from_zero(width_, a, level.smoother, b, x);
        }
        if (dot_with) verbs_.sum_products(width_, level.a.rows, b, x, dot);
        return;
    }
    LevelVectors& here = vectors_[l];
    LevelVectors& next = vectors_[l + 1];
    verbs_.smooth_from_zero(width_, a, level.smoother, b, x);
    verbs_.residual(width_, a, b, x, here.r.data());
    verbs_.apply(width_, level.pt.view(), here.r.data(), next.b.data());
    v_cycle(l + 1, next.b.data(), next.x.data(), dot);
    verbs_.correct(width_, level.p.view(), level.ap.view(), next.x.data(), x, here.r.data());
    verbs_.smooth(width_, a, level.smoother, here.r.data(), x, dot_with, dot);
}

// Adds x to φ̂ and computes the float64 residual of the columns that ask for it.
void Solver::add_and_measure(const double* b, double* phi, Columns& c) {
    const std::vector<double> running = c.norm2;
    verbs_.flush(width_, h_.size(), c.check.data(), c.pending.data(), c.rz_old.data(), c.pq.data(), c.scale.data(),
                 p_.data(), x_.data(), phi);
    verbs_.true_residual(width_, h_.fine64(), b, phi, c.check.data(), c.scale.data(), r_.data(), h_.weight.data(),
                         {c.norm2.data(), partial_.data()});
    for (int j = 0; j < width_; ++j) {
        if (c.check[j] == 0.0) c.norm2[j] = running[j];
    }
}

// Decides what becomes of the columns whose residual was just measured.
void Solver::judge(Columns& c, double tolerance, int max_iterations) const {
    for (int j = 0; j < width_; ++j) {
        if (c.check[j] == 0.0) continue;
        c.check[j] = c.pending[j] = 0.0;
        ColumnReport& report = c.report[j];
        report.residual = c.norm2[j] == 0.0 ? 0.0 : std::sqrt(c.norm2[j] / c.reference2[j]);
        report.converged = report.residual <= tolerance;
        const bool seemed_done = c.active[j] == 0.0;
        const bool stagnates = seemed_done && !(c.norm2[j] < 0.25 * c.last_check[j]);
        const bool go_on = !report.converged && !stagnates && report.iterations < max_iterations;
        if (seemed_done) {
            c.last_check[j] = c.norm2[j];
            c.direction[j] = 0.0;
        }
        c.active[j] = go_on ? 1.0 : 0.0;
    }
}

// One iteration of all columns; those that are not active keep x and r.
void Solver::iterate(Columns& c) {
    float* z = vectors_[0].x.data();
    float* q = z;  // z has gone into p when q = A p is formed
    const Sums rz{c.rz.data(), partial_.data()}, pq{c.pq.data(), partial_.data()},
        norm{c.norm2.data(), partial_.data()};
    const int64_t n = h_.size();
    const std::vector<double> running = c.norm2;
    v_cycle(0, r_.data(), z, rz);
    verbs_.step_direction(width_, n, c.pending.data(), c.direction.data(), c.rz_old.data(), c.pq.data(), c.rz.data(), z,
                          p_.data(), x_.data());
    verbs_.apply_dot(width_, h_.levels[0].a.view(), p_.data(), q, pq);
    verbs_.step_residual(width_, n, c.active.data(), c.rz.data(), c.pq.data(), q, r_.data(), h_.weight.data(), norm);
    for (int j = 0; j < width_; ++j) {
        c.pending[j] = c.direction[j] = c.active[j];
        if (c.active[j] != 0.0) {
            c.rz_old[j] = c.rz[j];
            c.norm2[j] /= c.scale[j] * c.scale[j];  // r is kept scaled
            ++c.report[j].iterations;
        } else {
            c.norm2[j] = running[j];
        }
    }
}

// Residuals of the first guess, in float64 unless the guess is zero.
void Solver::start(double* b, double* phi, Columns& c, double tolerance, int max_iterations) {
    const int64_t n = h_.size();
    const Sums sums{c.norm2.data(), partial_.data()};
    verbs_.norm(width_, n, phi, h_.weight.data(), sums);
    const bool guessed = any(c.norm2);
    verbs_.scale_rows(width_, n, h_.scale.data(), b, b);
    verbs_.norm(width_, n, b, h_.weight.data(), sums);
    c.reference2 = c.norm2;
    for (int j = 0; j < width_; ++j) {
        if (c.reference2[j] > 0.0 && std::isfinite(c.reference2[j])) {
            c.scale[j] = std::ldexp(1.0, -std::ilogb(std::sqrt(c.reference2[j])));
        }
        c.check[j] = 1.0;
    }
    verbs_.clear(width_, n, x_.data());
    verbs_.clear(width_, n, p_.data());
    verbs_.clear(width_, n, r_.data());
    if (guessed) {
        verbs_.scale_rows(width_, n, h_.unscale.data(), phi, phi);
        add_and_measure(b, phi, c);
    } else {
        verbs_.rounded(width_, n, c.scale.data(), b, r_.data());
    }
    judge(c, tolerance, max_iterations);
}

// Stops the columns that seem done or have broken down, and marks those that want a float64 residual. Returns whether
// one is due now.
bool Solver::review(Columns& c, double tolerance, int max_iterations) const {
    const double limit = stop_early * tolerance;
    bool due = false;
    for (int j = 0; j < width_; ++j) {
        if (c.active[j] == 0.0) continue;
        const int iterations = c.report[j].iterations;
        if (!(c.pq[j] > 0.0) || !std::isfinite(c.norm2[j])) {  // breakdown: what was added so far stays
            c.active[j] = c.pending[j] = 0.0;
        } else if (c.norm2[j] <= limit * limit * c.reference2[j] || iterations >= max_iterations) {
            c.active[j] = 0.0;
            c.check[j] = 1.0;
        } else if (iterations % period == 0) {
            c.check[j] = 1.0;
            due = true;
        }
    }
    return due || (!any(c.active) && any(c.check));
}

std::vector<ColumnReport> Solver::solve(double* b, double* phi, double tolerance, int max_iterations) {
    Columns c(width_);
    start(b, phi, c, tolerance, max_iterations);
    while (any(c.active)) {
        iterate(c);
        if (review(c, tolerance, max_iterations)) {
            add_and_measure(b, phi, c);
            judge(c, tolerance, max_iterations);
        }
    }
    verbs_.scale_rows(width_, h_.size(), h_.scale.data(), phi, phi);
    return c.report;
}

}  // namespace headfield
