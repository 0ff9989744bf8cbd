// SPDX-License-Identifier: BSD-3-Clause
// Weighted least squares with few unknowns, by normal equations: for functionals of the solution as weights of the data.
#pragma once

#include <algorithm>
#include <cmath>

namespace headfield {

class LeastSquares {
public:
    static constexpr int most = 15;

    explicit LeastSquares(int unknowns) : n_(unknowns) {}

    // One datum: what the unknowns are multiplied with, and its weight.
    void add(const double* row, double weight) {
        for (int i = 0; i < n_; ++i) {
            for (int j = 0; j <= i; ++j) a_[i][j] += weight * row[i] * row[j];
        }
    }

    // Holds the unknowns from `first` on at zero as far as the data don't say: by a share of their mean diagonal.
    void damp(int first, double share) {
        double sum = 0.0;
        for (int i = first; i < n_; ++i) sum += a_[i][i];
        for (int i = first; i < n_; ++i) a_[i][i] += share * sum / (n_ - first);
    }

    // Cholesky; to be called once, before solve.
    void factor() {
        for (int i = 0; i < n_; ++i) {
            const double least = 1e-13 * a_[i][i];
            for (int j = 0; j <= i; ++j) {
                double sum = a_[i][j];
                for (int k = 0; k < j; ++k) sum -= a_[i][k] * a_[j][k];
                a_[i][j] = j < i ? sum / a_[j][j] : std::sqrt(std::max({sum, least, 1e-300}));
            }
        }
    }

    // x = (Σ weight row rowᵀ)⁻¹ x: with x = e_k, datum (row, weight) enters unknown k by weight · row·x.
    void solve(double* x) const {
        for (int i = 0; i < n_; ++i) {
            for (int k = 0; k < i; ++k) x[i] -= a_[i][k] * x[k];
            x[i] /= a_[i][i];
        }
        for (int i = n_ - 1; i >= 0; --i) {
            for (int k = i + 1; k < n_; ++k) x[i] -= a_[k][i] * x[k];
            x[i] /= a_[i][i];
        }
    }

private:
    int n_;
    double a_[most][most] = {};
};

}  // namespace headfield
