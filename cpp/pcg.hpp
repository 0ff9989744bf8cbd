// SPDX-License-Identifier: BSD-3-Clause
// Conjugate gradients for many right-hand sides at once, preconditioned by one V-cycle, written over the verbs.
#pragma once

#include <vector>

#include "amg.hpp"
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
    Solver(const Hierarchy& hierarchy, int width, const Verbs& verbs);

    // Solves K φ = b for b (n, W) and φ (n, W), which comes in as the first guess with φ_ground = 0. `b` is used as work
    // space.
    std::vector<ColumnReport> solve(double* b, double* phi, double tolerance, int max_iterations);

    int width() const { return width_; }
    int32_t size() const { return h_.size(); }

private:
    struct LevelVectors {
        Buffer<float> b, x, r;
    };
    struct Columns;  // one number a column, see pcg.cpp

    void v_cycle(size_t level, const float* b, float* x, Sums dot);
    void iterate(Columns& c);
    void start(double* b, double* phi, Columns& c, double tolerance, int max_iterations);
    void add_and_measure(const double* b, double* phi, Columns& c);
    void judge(Columns& c, double tolerance, int max_iterations) const;
    bool review(Columns& c, double tolerance, int max_iterations) const;

    const Hierarchy& h_;
    const Verbs& verbs_;
    int width_;
    std::vector<LevelVectors> vectors_;
    Buffer<float> x_, r_, p_;
    Buffer<double> partial_;
};

}  // namespace headfield
