// SPDX-License-Identifier: BSD-3-Clause
// The system is the scaled one of pcg.cpp, Â φ̂ = b̂ with φ = D^-½ φ̂. One iteration is z = M r, p = z + β p, q = Â p,
// φ̂ += α p, r −= α q. The host forms α and β: it waits for the sums of each step.
#include "column64.hpp"

#include <algorithm>
#include <cmath>

#include "vcycle.hpp"

namespace headfield {

namespace {

class Column {
public:
    Column(const DeviceHierarchy& h, double* b, double* x, const Poll& poll)
        : h_(h), verbs_(device_iteration().column), b_(b), x_(x), poll_(poll), cycle_(h, 1), r_(n_), p_(n_), q_(n_),
          seen_(n_), partial_(device_iteration().reduction_rows(n_)), sums_(1) {}

    ColumnReport solve(double tolerance, int max_iterations) {
        ColumnReport report;
        const IterationVerbs& steps = device_iteration();
        steps.scale_and_measure(1, n_, h_.scale, b_, h_.weight, sums());
        const double reference2 = summed();
        steps.scale_rows(1, n_, h_.unscale, x_, x_);
        double norm2 = true_residual();
        double last_check = INFINITY, rz_old = 0.0;
        bool fresh = true;  // whether the next direction is that of the residual alone
        report.stopped = Stop::iterations;
        while (true) {
            if (norm2 <= tolerance * tolerance * reference2) {  // by the recurrence, which rounding parts from b − Â φ̂
                norm2 = true_residual();
                report.converged = norm2 <= tolerance * tolerance * reference2;
                if (report.converged) report.stopped = Stop::converged;
                if (!report.converged && !(norm2 < 0.25 * last_check)) report.stopped = Stop::stagnation;
                last_check = norm2;
                fresh = true;
            }
            if (report.stopped != Stop::iterations || report.iterations >= max_iterations) break;
            poll_();
            if (!step(norm2, rz_old, fresh)) {
                report.stopped = Stop::breakdown;
                break;
            }
            fresh = false;
            ++report.iterations;
        }
        if (report.stopped == Stop::iterations || report.stopped == Stop::breakdown) norm2 = true_residual();
        report.residual = norm2 == 0.0 ? 0.0 : std::sqrt(norm2 / reference2);
        steps.scale_rows(1, n_, h_.scale, x_, x_);
        return report;
    }

private:
    // Makes one step, and norm2 = ‖r‖² that of the new residual. Returns false, and makes none, where a sum is not
    // positive that has to be.
    bool step(double& norm2, double& rz_old, bool fresh) {
        const double size = std::sqrt(norm2 / h_.typical_weight);
        if (!(size > 0.0) || !std::isfinite(size)) return false;
        const double factor = std::ldexp(1.0, std::clamp(cycle_exponent - std::ilogb(size), -1000, 1000));
        verbs_.narrow(n_, factor, r_.data(), seen_.data());
        cycle_.run(seen_.data(), sums(), poll_);
        const double rz = summed() / factor / factor;
        if (!(rz > 0.0) || !std::isfinite(rz)) return false;
        verbs_.step_direction(n_, fresh ? 0.0 : rz / rz_old, 1.0 / factor, cycle_.solution(), p_.data());
        verbs_.apply_dot(h_.fine64, p_.data(), q_.data(), sums());
        const double pq = summed();
        if (!(pq > 0.0) || !std::isfinite(pq)) return false;
        verbs_.step(n_, rz / pq, p_.data(), q_.data(), x_, r_.data(), h_.weight, sums());
        norm2 = summed();
        rz_old = rz;
        return true;
    }

    // Computes r = b̂ − Â φ̂, and returns ‖r‖².
    double true_residual() {
        verbs_.residual(h_.fine64, b_, x_, r_.data(), h_.weight, sums());
        return summed();
    }

    Sums sums() { return {sums_.device(), partial_.data()}; }
    double summed() {
        sums_.pull(0, 1);
        return sums_.host()[0];
    }

    const DeviceHierarchy& h_;
    const ColumnVerbs& verbs_;
    double *b_, *x_;
    const Poll& poll_;
    int64_t n_ = h_.size();
    VCycle cycle_;
    DeviceBuffer<double> r_, p_, q_;
    DeviceBuffer<Real> seen_;  // r times a power of two, the V-cycle's input
    DeviceBuffer<double> partial_;
    Mirror sums_;
};

}  // namespace

ColumnReport solve_in_float64(const DeviceHierarchy& hierarchy, double* b, double* phi, double tolerance,
                              int max_iterations, const Poll& poll) {
    return Column(hierarchy, b, phi, poll).solve(tolerance, max_iterations);
}

}  // namespace headfield
