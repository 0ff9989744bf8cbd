// SPDX-License-Identifier: BSD-3-Clause
// Conjugate gradients for many right-hand sides at once, preconditioned by one V-cycle, written over the verbs.
#pragma once

#include <vector>

#include "columns.hpp"
#include "device_hierarchy.hpp"
#include "poll.hpp"
#include "verbs.hpp"

namespace headfield {

struct ColumnReport {
    int32_t iterations = 0;
    double residual = 0.0;  // ‖b − K φ‖ / ‖b‖, evaluated in float64 from the result; 0 where b = 0
    bool converged = false;
};

// Work space for `width` columns over a hierarchy that outlives it.
class Solver {
public:
    Solver(const DeviceHierarchy& hierarchy, int width);

    // Solves K φ = b for b (n, W) and φ (n, W) to a relative residual (W,) of each column, in the rows of free nodes: numbers
    // of b at fixed nodes are ignored, if they are finite. If `guessed`, φ comes in as the first guess, 0 at fixed nodes;
    // else what it holds is not looked at. `b` is used as work space. Polls within and between iterations.
    std::vector<ColumnReport> solve(double* b, double* phi, bool guessed, const std::vector<double>& tolerance,
                                    int max_iterations, const Poll& poll);

    int width() const { return width_; }
    // How iterations were given to the device so far.
    const Recording& recording() const { return iteration_; }
    int32_t size() const { return h_.size(); }

private:
    struct LevelVectors {
        DeviceBuffer<Real> b, x, r;
        DeviceBuffer<float> z;  // the solution; none where x can hold it
    };

    float* solution(size_t level);
    void between_loops() const;
    void v_cycle(size_t level, const Real* b, Sums dot);
    void iterate();
    void start(double* b, double* phi, bool guessed, int max_iterations);
    void add_and_measure(const double* b, double* phi);
    void judge(int max_iterations);
    bool review(int max_iterations);
    bool set_next_cycle();

    const DeviceHierarchy& h_;
    const CycleVerbs& cycle_;
    const IterationVerbs& steps_;
    int width_;
    std::vector<LevelVectors> vectors_;
    DeviceBuffer<float> x_, r_, p_;
    DeviceBuffer<Real> scaled_r_;  // r times its cycle, the V-cycle's input; empty where r itself is
    DeviceBuffer<double> partial_;
    Columns c_;
    std::vector<double> tolerance_;    // relative residual wanted
    std::vector<double> reference2_;   // norm² of b
    std::vector<double> last_check_;   // norm² when a check last failed, to see stagnation …
    std::vector<double> last_period_;  // … and when it was last measured
    std::vector<ColumnReport> report_;
    Poll poll_ = never;  // of the solve under way
    Recording iteration_;
};

}  // namespace headfield
