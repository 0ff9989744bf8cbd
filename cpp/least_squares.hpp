// SPDX-License-Identifier: BSD-3-Clause
// Weighted least squares with few unknowns, by normal equations. Recovery does not solve for particular data: it asks
// for the weights by which data enter a solution, so that one fit serves all potentials.
#pragma once

#include <algorithm>
#include <cmath>

namespace headfield {

// A fit of `unknowns` numbers: add() each datum, damp(), factor(), then solve() as often as needed.
class LeastSquares {
public:
    static constexpr int most = 15;  // unknowns: three of a gradient and six curvatures on each of two sides

    explicit LeastSquares(int unknowns) : n_(unknowns) {}

    // Adds a datum, which is row · unknowns, with its weight.
    void add(const double* row, double weight) {
        for (int i = 0; i < n_; ++i) {
            for (int j = 0; j <= i; ++j) a_[i][j] += weight * row[i] * row[j];
        }
    }

    // Draws the unknowns from `first` on towards zero, by a share of their mean diagonal: this settles those that the
    // data leave open.
    void damp(int first, double share) {
        double sum = 0.0;
        for (int i = first; i < n_; ++i) sum += a_[i][i];
        for (int i = first; i < n_; ++i) a_[i][i] += share * sum / (n_ - first);
    }

    // Factors by Cholesky, once, before solve(). Pivots that rounding has made zero or negative, since data leave an
    // unknown open, are held above a share of the diagonal.
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

    // x becomes (Σ weight row rowᵀ)⁻¹ x. From x = e_k comes what a datum (row, weight) is multiplied with in unknown k:
    // weight · row·x.
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
