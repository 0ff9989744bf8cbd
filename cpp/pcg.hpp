// SPDX-License-Identifier: BSD-3-Clause
// Conjugate gradients for many right-hand sides at once, preconditioned by one V-cycle, written over the verbs
// (verbs.hpp) and compiled for each device as it stands.
#pragma once

#include <vector>

#include "columns.hpp"
#include "device_hierarchy.hpp"
#include "mixture.hpp"
#include "poll.hpp"
#include "vcycle.hpp"
#include "verbs.hpp"

namespace headfield {

// Why a column ended: it is as good as was asked for, it was given no more iterations, its residual no longer became
// smaller, or p · A p was not positive, or something was not finite.
enum class Stop { converged, iterations, stagnation, breakdown };

// What became of one right-hand side.
struct ColumnReport {
    int32_t iterations = 0;
    double residual = 0.0;  // ‖b − K φ‖ / ‖b‖, evaluated in float64 from the result; 0 where b = 0
    bool converged = false;
    Stop stopped = Stop::converged;
};

// Work space for `width` columns over a hierarchy that outlives it, kept for many solves. With a mixture, which outlives
// it too, each column has a matrix of its own, and the hierarchy's own matrix only preconditions.
class Solver {
public:
    Solver(const DeviceHierarchy& hierarchy, int width, const Mixture* mixture = nullptr);

    // Solves K φ = b for b (n, W) and φ (n, W) in the rows of free nodes, each column to the relative residual that
    // `tolerance` (W,) has for it. Numbers of b at fixed nodes are ignored as long as they are finite. If `guessed`, φ
    // comes in as the first guess, 0 at fixed nodes; else what it holds is not looked at. `b` is used as work space.
    // Polls within and between iterations.
    // Of a mixture K is Σ_t s_t K_t, as mix() has set it.
    std::vector<ColumnReport> solve(double* b, double* phi, bool guessed, const std::vector<double>& tolerance,
                                    int max_iterations, const Poll& poll);

    // Sets the factors s (tissues, W) of a mixture.
    void mix(const std::vector<double>& factors);

    int width() const { return width_; }
    int tissues() const { return mixture_ ? mixture_->tissues() : 0; }
    // How iterations have been given to the device so far.
    const Recording& recording() const { return iteration_; }
    int32_t size() const { return h_.size(); }

private:
    void iterate();
    void start(double* b, double* phi, bool guessed, int max_iterations);
    void add_and_measure(const double* b, double* phi);
    void judge(int max_iterations);
    bool review(int max_iterations);
    bool set_next_cycle();
    void apply_dot(const float* p, float* q, Sums dot);
    void true_residual(const ColumnValues& v, const double* b, const double* phi, Sums norm);

    const DeviceHierarchy& h_;
    const IterationVerbs& steps_;
    const Mixture* mixture_;
    int width_;
    Mirror factors_;
    VCycle cycle_;
    DeviceBuffer<float> x_, r_, p_;
    DeviceBuffer<Real> scaled_r_;  // r times its cycle, the V-cycle's input; empty where r itself is
    DeviceBuffer<double> partial_;
    Columns c_;
    std::vector<double> tolerance_;    // relative residual wanted
    std::vector<double> reference2_;   // norm² of b
    std::vector<double> last_check_;   // norm² when a column that seemed done was last found not to be
    std::vector<double> last_period_;  // norm² when it was last measured in float64
    std::vector<double> best_;         // the smallest of those
    std::vector<int> fruitless_;       // how many in a row were hardly below the smallest before
    std::vector<ColumnReport> report_;
    Poll poll_ = never;  // of the solve under way
    Recording iteration_;
};

}  // namespace headfield
