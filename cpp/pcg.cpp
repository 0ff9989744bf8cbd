// SPDX-License-Identifier: BSD-3-Clause
// The iteration runs in float32: x, r, p and A p of the scaled system, φ = D^-½ φ̂. Every `period` iterations, and when
// a column seems done, x is added to φ̂ in float64, and the residual is computed anew in float64 from φ̂, rounded, and
// handed back to the iteration, which keeps its search direction ("reliable updates": van der Vorst & Ye 2000; Clark et
// al. 2010). A column is done only when a residual computed in float64 says so. What happens to a column depends on
// that column alone.
//
// The V-cycle, which only has to be good to a few digits, may store what comes down in it in 16 bits (Real). It then
// sees r times a power of two that follows the residual down, so that its numbers stay in range.
//
// One iteration is z = M r; x += α p of the step before and p = z + β p; q = A p; r −= α q. The step of x is taken one
// iteration late, so that p is read once for x and for itself. α and β are formed where the sums lie, and the host
// reads all sums once, at the end.
#include "pcg.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace headfield {

namespace {
constexpr int period = 6;            // iterations between float64 residuals: about three digits, all that float32 holds
constexpr double stop_early = 0.95;  // share of the tolerance at which the float32 residual calls for a check
constexpr int most_fruitless = 4;    // float64 residuals in a row that are hardly below the smallest before

bool any(const std::vector<double>& values) {
    return std::any_of(values.begin(), values.end(), [](double v) { return v != 0.0; });
}

constexpr double most_stale = 64.0;  // by so much may the factor be off before what was stored with it is stored again
}  // namespace

Solver::Solver(const DeviceHierarchy& hierarchy, int width, const Mixture* mixture)
    : h_(hierarchy), steps_(device_iteration()), mixture_(mixture), width_(width),
      factors_(mixture ? size_t(mixture->tissues()) * width : 0), cycle_(hierarchy, width), c_(width) {
    const size_t w = width, n = hierarchy.size();
    for (DeviceBuffer<float>* v : {&x_, &r_, &p_}) *v = DeviceBuffer<float>(n * w);
    if constexpr (scaled_cycle) scaled_r_ = DeviceBuffer<Real>(n * w);
    partial_ = DeviceBuffer<double>(steps_.reduction_rows(n) * w);
    if (mixture) mix(std::vector<double>(size_t(mixture->tissues()) * w, 1.0));
}

void Solver::mix(const std::vector<double>& factors) {
    std::copy(factors.begin(), factors.end(), factors_.host());
    factors_.push(0, factors.size());
}

// q = A p, with the matrix of each column.
void Solver::apply_dot(const float* p, float* q, Sums dot) {
    if (mixture_) return steps_.apply_mixed_dot(width_, mixture_->fine32(factors_.device()), p, q, dot);
    steps_.apply_dot(width_, h_.fine32, p, q, dot);
}

// r = b − A φ̂, with the matrix of each column.
void Solver::true_residual(const ColumnValues& v, const double* b, const double* phi, Sums norm) {
    if (mixture_) {
        return steps_.true_mixed_residual(width_, mixture_->fine64(factors_.device()), v, b, phi, r_.data(),
                                          scaled_r_.data(), h_.weight, norm);
    }
    steps_.true_residual(width_, h_.fine64, v, b, phi, r_.data(), scaled_r_.data(), h_.weight, norm);
}

// Sets the power of two that the next residual is to be multiplied by for the V-cycle, from the norm of this one, since
// the next is stored while its norm is summed. Returns whether this one has turned out so much smaller or larger than
// the one before that it is to be stored again, with its own factor. Where the V-cycle works in float all factors stay
// 1.
bool Solver::set_next_cycle() {
    bool stale = false;
    if constexpr (scaled_cycle) {
        for (int j = 0; j < width_; ++j) {
            const double size = std::sqrt(c_.norm2()[j] / h_.typical_weight) * c_.scale[j];
            if (!(size > 0.0) || !std::isfinite(size)) continue;
            const double cycle = std::ldexp(1.0, std::clamp(cycle_exponent - std::ilogb(size), -60, 60));
            c_.next_cycle[j] = cycle;
            if (cycle > most_stale * c_.cycle[j] || c_.cycle[j] > most_stale * cycle) {
                c_.cycle[j] = cycle;
                stale = true;
            }
        }
    }
    return stale;
}

// Adds x to φ̂ and computes the float64 residual of the columns that ask for it; the others keep the norm they have,
// since their φ̂ lacks x.
void Solver::add_and_measure(const double* b, double* phi) {
    const std::vector<double> running(c_.norm2(), c_.norm2() + width_);
    const ColumnValues v = c_.values();
    c_.push();
    steps_.flush(width_, h_.size(), v, p_.data(), x_.data(), phi);
    true_residual(v, b, phi, {v.norm2, partial_.data()});
    c_.pull();
    for (int j = 0; j < width_; ++j) {
        if (c_.check[j] == 0.0) c_.norm2()[j] = running[j];
    }
    c_.cycle = c_.next_cycle;
}

// Decides what becomes of the columns whose residual was just measured in float64: done, given up, or going on. A
// column that seemed done in float32 and is not goes on from its residual, unless that has not even halved since it
// last seemed so.
void Solver::judge(int max_iterations) {
    for (int j = 0; j < width_; ++j) {
        if (c_.check[j] == 0.0) continue;
        const double norm2 = c_.norm2()[j];
        c_.check[j] = c_.pending[j] = 0.0;
        ColumnReport& report = report_[j];
        report.residual = norm2 == 0.0 ? 0.0 : std::sqrt(norm2 / reference2_[j]);
        report.converged = report.residual <= tolerance_[j];
        const bool seemed_done = c_.active[j] == 0.0;
        // With its rounding errors the preconditioner is not quite the same operator in every iteration, and directions
        // that are no longer conjugate can hold each other up: a column that stands still starts anew from its
        // residual.
        const bool jammed = norm2 > 0.8 * last_period_[j];
        fruitless_[j] = norm2 > 0.8 * best_[j] ? fruitless_[j] + 1 : 0;
        best_[j] = std::min(best_[j], norm2);
        const bool stagnates = (seemed_done && !(norm2 < 0.25 * last_check_[j])) || fruitless_[j] >= most_fruitless;
        const bool go_on = !report.converged && !stagnates && report.iterations < max_iterations;
        report.stopped = report.converged ? Stop::converged : stagnates ? Stop::stagnation : Stop::iterations;
        last_period_[j] = norm2;
        if (seemed_done) last_check_[j] = norm2;
        if (seemed_done || jammed) c_.direction[j] = 0.0;
        c_.active[j] = go_on ? 1.0 : 0.0;
    }
}

// One iteration of all columns; those that are not active keep x and r.
void Solver::iterate() {
    const std::vector<double> running(c_.norm2(), c_.norm2() + width_);
    const bool stale = set_next_cycle();
    c_.push();
    // Not in the recording, which is the same in every iteration.
    if (stale) steps_.narrow(width_, h_.size(), c_.values(), r_.data(), scaled_r_.data());
    iteration_.run([&] {
        float* z = cycle_.solution();
        const ColumnValues v = c_.values();
        cycle_.run(if_scaled(scaled_r_.data(), r_.data()), {v.rz, partial_.data()}, poll_);
        steps_.step_direction(width_, h_.size(), v, z, p_.data(), x_.data());
        poll_between_loops(poll_);
        // z has gone into p, so its memory may take q = A p.
        apply_dot(p_.data(), z, {v.pq, partial_.data()});
        poll_between_loops(poll_);
        steps_.step_residual(width_, h_.size(), v, z, r_.data(), scaled_r_.data(), h_.weight,
                             {v.norm2, partial_.data()});
    });
    c_.pull();
    for (int j = 0; j < width_; ++j) {
        const double rz = c_.rz()[j] / (c_.cycle[j] * c_.cycle[j]);
        c_.cycle[j] = c_.next_cycle[j];
        c_.pending[j] = c_.direction[j] = c_.active[j];
        if (c_.active[j] != 0.0) {
            c_.rz_old[j] = rz;
            c_.norm2()[j] /= c_.scale[j] * c_.scale[j];  // r is kept scaled
            ++report_[j].iterations;
        } else {
            c_.norm2()[j] = running[j];
        }
    }
}

// Computes the residuals of the first guess, in float64 unless the guess is zero, and judges them. b becomes D^-½ b,
// and a guess D^½ φ. Each column gets a power of two that brings its residual to about 1 in float32.
void Solver::start(double* b, double* phi, bool guessed, int max_iterations) {
    const int64_t n = h_.size();
    c_.reset();
    last_check_.assign(width_, INFINITY);
    last_period_.assign(width_, INFINITY);
    best_.assign(width_, INFINITY);
    fruitless_.assign(width_, 0);
    report_.assign(width_, {});
    steps_.scale_and_measure(width_, n, h_.scale, b, h_.weight, {c_.values().norm2, partial_.data()});
    c_.pull();
    reference2_.assign(c_.norm2(), c_.norm2() + width_);
    for (int j = 0; j < width_; ++j) {
        if (reference2_[j] > 0.0 && std::isfinite(reference2_[j])) {
            c_.scale[j] = std::ldexp(1.0, -std::ilogb(std::sqrt(reference2_[j])));
        }
        c_.check[j] = 1.0;
    }
    set_next_cycle();
    c_.push();
    steps_.begin(width_, n, c_.values(), b, r_.data(), scaled_r_.data(), x_.data(), p_.data(), guessed ? nullptr : phi);
    if (guessed) {
        steps_.scale_rows(width_, n, h_.unscale, phi, phi);
        add_and_measure(b, phi);
    } else {
        c_.pull();
        c_.cycle = c_.next_cycle;
    }
    judge(max_iterations);
}

// Stops the columns that seem done or have broken down, and marks those that want a float64 residual. Returns whether
// one is due now: a pass over the float64 matrix serves all columns, so those that seem done wait for the next period,
// unless no column is left that iterates.
bool Solver::review(int max_iterations) {
    bool due = false;
    for (int j = 0; j < width_; ++j) {
        if (c_.active[j] == 0.0) continue;
        const int iterations = report_[j].iterations;
        const double limit = stop_early * tolerance_[j];
        if (!(c_.pq()[j] > 0.0) || !std::isfinite(c_.norm2()[j])) {  // breakdown: what was added so far stays
            c_.active[j] = c_.pending[j] = 0.0;
            report_[j].stopped = Stop::breakdown;
        } else if (c_.norm2()[j] <= limit * limit * reference2_[j] || iterations >= max_iterations) {
            c_.active[j] = 0.0;
            c_.check[j] = 1.0;
        } else if (iterations % period == 0) {
            c_.check[j] = 1.0;
            due = true;
        }
    }
    return due || (!any(c_.active) && any(c_.check));
}

std::vector<ColumnReport> Solver::solve(double* b, double* phi, bool guessed, const std::vector<double>& tolerance,
                                        int max_iterations, const Poll& poll) {
    tolerance_ = tolerance;
    poll_ = poll;
    start(b, phi, guessed, max_iterations);
    while (any(c_.active)) {
        poll_();
        iterate();
        if (review(max_iterations)) {
            poll_();
            add_and_measure(b, phi);
            judge(max_iterations);
        }
    }
    steps_.scale_rows(width_, h_.size(), h_.scale, phi, phi);
    return report_;
}

}  // namespace headfield
