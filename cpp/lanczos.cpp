// SPDX-License-Identifier: BSD-3-Clause
// Lanczos' method, whose sums are taken in an order that depends on the matrix alone.
#include "lanczos.hpp"

#include <cmath>
#include <vector>

namespace headfield {

namespace {

// Largest eigenvalue of the tridiagonal matrix T with diagonal alpha and off-diagonal beta, all of whose eigenvalues
// are at least 0. Bisects between 0 and Gershgorin's bound: T has an eigenvalue above `mid` where a pivot d of mid
// I − T is negative.
double largest_root(const std::vector<double>& alpha, const std::vector<double>& beta) {
    double low = 0.0, high = 0.0;
    for (size_t i = 0; i < alpha.size(); ++i) {
        const double radius = (i > 0 ? beta[i - 1] : 0.0) + (i + 1 < alpha.size() ? beta[i] : 0.0);
        high = std::max(high, alpha[i] + radius);
    }
    for (int it = 0; it < 60; ++it) {
        const double mid = 0.5 * (low + high);
        double d = 1.0;
        bool above = false;
        for (size_t i = 0; i < alpha.size(); ++i) {
            d = mid - alpha[i] - (i > 0 ? beta[i - 1] * beta[i - 1] / d : 0.0);
            if (d < 0.0) above = true;
            if (d == 0.0) d = 1e-300;  // the next pivot divides by it
        }
        (above ? low : high) = mid;
    }
    return high;
}

// Σ term(i), i = 0…n−1, over chunks of fixed length and then over the chunks in order, so that the result does not
// depend on the number of threads.
template <class Term>
double sum_over(int32_t n, Term term) {
    constexpr int32_t chunk = 4096;
    std::vector<double> partial((n + chunk - 1) / chunk);
#pragma omp parallel for schedule(static) if (n > few_rows)
    for (int32_t c = 0; c < static_cast<int32_t>(partial.size()); ++c) {
        const int32_t end = n - c * chunk < chunk ? n : (c + 1) * chunk;
        double sum = 0.0;
        for (int32_t i = c * chunk; i < end; ++i) sum += term(i);
        partial[c] = sum;
    }
    double total = 0.0;
    for (const double sum : partial) total += sum;
    return total;
}

}  // namespace

double largest_eigenvalue(const Csr<double>& a, const Poll& poll) {
    const int32_t n = a.rows;
    const int steps = std::min<int32_t>(12, n);
    std::vector<double> v(n), v_old(n, 0.0), w(n), alpha, beta;
    uint64_t state = 88172645463325252ULL;
    double norm = 0.0;
    for (double& x : v) {  // xorshift64 (Marsaglia 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        x = static_cast<double>(state >> 11) / 9007199254740992.0 - 0.5;
        norm += x * x;
    }
    for (double& x : v) x /= std::sqrt(norm);
    double b = 0.0;
    for (int s = 0; s < steps; ++s) {
        poll();
        const double al = sum_over(n, [&](int32_t i) {
            double sum = -b * v_old[i];
            for (int32_t k = a.ptr[i]; k < a.ptr[i + 1]; ++k) sum += a.val[k] * v[a.col[k]];
            w[i] = sum;
            return sum * v[i];
        });
        const double nb = sum_over(n, [&](int32_t i) {
            w[i] -= al * v[i];
            return w[i] * w[i];
        });
        alpha.push_back(al);
        b = std::sqrt(nb);
        if (b < 1e-12) break;
        beta.push_back(b);
        std::swap(v_old, v);
#pragma omp parallel for schedule(static) if (n > few_rows)
        for (int32_t i = 0; i < n; ++i) v[i] = w[i] / b;
    }
    return largest_root(alpha, beta);
}

}  // namespace headfield
