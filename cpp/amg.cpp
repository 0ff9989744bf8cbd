// SPDX-License-Identifier: BSD-3-Clause
// The set-up of smoothed aggregation, from the scaled fine matrix to the inverse of the coarsest. The order of every
// sum depends on the matrix alone and not on the number of threads, so the same head gives the same hierarchy, bit for
// bit.
#include "amg.hpp"

#include <cmath>
#include <memory>

#include "lanczos.hpp"

namespace headfield {

namespace {

constexpr int32_t dense_limit = 500;     // a level of at most so many rows is the last one, and is inverted densely
constexpr int32_t dense_maximum = 4000;  // up to so many rows it is inverted too where coarsening stalls before that
constexpr int max_levels = 20;
constexpr double coarser = 0.8;  // of the rows of a level that the next has at most

// Returns Â = D^-½ K D^-½, and D^-½ and D as `scale` and `weight` (n,). Couplings of fixed nodes become zeros, so that
// φ = 0 exactly at a fixed node where b = 0. Such a node is coupled to nothing: no aggregate takes it, and the
// near-null vector is that of the free nodes. The zeros stay in the pattern, which the float64 fine matrix shares.
Csr<double> scaled_and_cut(const CsrView<double>& k, const uint8_t* fixed, Buffer<double>& scale,
                           Buffer<double>& weight) {
    scale = Buffer<double>(k.rows);
    weight = Buffer<double>(k.rows);
#pragma omp parallel for schedule(static)
    for (int32_t i = 0; i < k.rows; ++i) {
        double diagonal = 0.0;
        for (int32_t e = k.ptr[i]; e < k.ptr[i + 1]; ++e) diagonal += k.col[e] == i ? k.val[e] : 0.0;
        weight[i] = diagonal;
        scale[i] = 1.0 / std::sqrt(diagonal);
    }
    for (int32_t i = 0; i < k.rows; ++i) {  // outside of the parallel loop, which an exception must not leave
        if (weight[i] > 0.0) continue;
        throw std::invalid_argument("stiffness: the diagonal of row " + std::to_string(i) + " is not positive");
    }
    Csr<double> a;
    a.rows = k.rows;
    a.cols = k.cols;
    const size_t nnz = k.ptr[k.rows];
    a.ptr = Buffer<int32_t>(static_cast<size_t>(k.rows) + 1);
    a.col = Buffer<int32_t>(nnz);
    a.val = Buffer<double>(nnz);
    std::copy(k.ptr, k.ptr + k.rows + 1, a.ptr.data());
#pragma omp parallel for schedule(static)
    for (int32_t i = 0; i < k.rows; ++i) {
        std::copy(k.col + k.ptr[i], k.col + k.ptr[i + 1], a.col.data() + k.ptr[i]);
        for (int32_t e = k.ptr[i]; e < k.ptr[i + 1]; ++e) {
            const int32_t j = k.col[e];
            const bool cut = i != j && (fixed[i] || fixed[j]);
            a.val[e] = i == j ? 1.0 : cut ? 0.0 : scale[i] * k.val[e] * scale[j];
        }
    }
    return a;
}

// Returns the smoother x += (c0 + c1 A) r whose error 1 − λ (c0 + c1 λ) is the Chebyshev polynomial of degree 2 on
// [λmax/10, λmax], scaled to 1 at λ = 0. It is still a contraction well above λmax, so it does no harm that Lanczos'
// method estimates λmax from below.
Smoother chebyshev(double lambda_max) {
    const double b = lambda_max, a = lambda_max / 10.0;
    const double theta = 0.5 * (a + b), delta2 = 0.25 * (b - a) * (b - a);
    const double d = 2.0 * theta * theta / delta2 - 1.0;
    return {static_cast<float>(4.0 * theta / (delta2 * d)), static_cast<float>(-2.0 / (delta2 * d))};
}

// Returns the aggregate of each node, −1 for a node without strong neighbours, which is left to the smoother; `count`
// is how many aggregates there are. Makes three passes over the nodes in order. The first makes an aggregate of every
// neighbourhood that is still free as a whole. The second adds each straggler to the aggregate of its strongest
// coupling, of those of the first pass alone, so that aggregates don't grow along chains of stragglers. The third makes
// aggregates of what is left. Within the function −2 marks a node that has not been reached.
std::vector<int32_t> aggregate(const Csr<double>& a, double theta, int32_t& count) {
    const int32_t n = a.rows;
    std::vector<int32_t> agg(n, -2);
    count = 0;
    auto strong = [&](int32_t i, int32_t k) { return a.col[k] != i && std::abs(a.val[k]) > theta; };
    for (int32_t i = 0; i < n; ++i) {
        bool any = false, free = agg[i] == -2;
        for (int32_t k = a.ptr[i]; k < a.ptr[i + 1]; ++k) {
            if (!strong(i, k)) continue;
            any = true;
            free = free && agg[a.col[k]] == -2;
        }
        if (!any) {
            agg[i] = -1;
        } else if (free) {
            agg[i] = count;
            for (int32_t k = a.ptr[i]; k < a.ptr[i + 1]; ++k) {
                if (strong(i, k)) agg[a.col[k]] = count;
            }
            ++count;
        }
    }
    const std::vector<int32_t> first = agg;
    for (int32_t i = 0; i < n; ++i) {
        if (agg[i] != -2) continue;
        double best = 0.0;
        for (int32_t k = a.ptr[i]; k < a.ptr[i + 1]; ++k) {
            if (strong(i, k) && first[a.col[k]] >= 0 && std::abs(a.val[k]) > best) {
                best = std::abs(a.val[k]);
                agg[i] = first[a.col[k]];
            }
        }
    }
    for (int32_t i = 0; i < n; ++i) {
        if (agg[i] != -2) continue;
        agg[i] = count;
        for (int32_t k = a.ptr[i]; k < a.ptr[i + 1]; ++k) {
            if (strong(i, k) && agg[a.col[k]] == -2) agg[a.col[k]] = count;
        }
        ++count;
    }
    return agg;
}

// Sums the terms of one row of a product by column, with one slot a column, then appends them in the order in which
// columns first came. That order depends on the row alone, and nothing that follows needs columns to be sorted.
class Accumulator {
public:
    explicit Accumulator(int32_t cols) : slot_(cols, -1), col_(new int32_t[cols]), sum_(new double[cols]) {}

    // Adds factor × values[k] to column cols[k], k = 0…n−1. Works on local copies of the members, which the compiler
    // would otherwise have to load again after every store through these arrays.
    void add(const int32_t* cols, const double* values, int32_t n, double factor) {
        int32_t* const slot = slot_.data();
        int32_t* const col = col_.get();
        double* const sum = sum_.get();
        int32_t count = count_;
        for (int32_t k = 0; k < n; ++k) {
            const int32_t j = cols[k];
            int32_t at = slot[j];
            if (at < 0) {
                at = slot[j] = count++;
                col[at] = j;
                sum[at] = 0.0;
            }
            sum[at] += factor * values[k];
        }
        count_ = count;
    }
    // Appends the row, and is empty again.
    void emit(std::vector<int32_t>& out_col, std::vector<double>& out_val) {
        out_col.insert(out_col.end(), col_.get(), col_.get() + count_);
        out_val.insert(out_val.end(), sum_.get(), sum_.get() + count_);
        for (int32_t k = 0; k < count_; ++k) slot_[col_[k]] = -1;
        count_ = 0;
    }

private:
    std::vector<int32_t> slot_;  // column -> position in col_ and sum_, −1 if absent
    std::unique_ptr<int32_t[]> col_;
    std::unique_ptr<double[]> sum_;
    int32_t count_ = 0;
};

// A B, row by row (Gustavson 1978).
Csr<double> product(const Csr<double>& a, const Csr<double>& b, const Poll& poll) {
    auto scratch = [&] { return Accumulator(b.cols); };
    auto row = [&](int32_t i, Accumulator& acc, std::vector<int32_t>& col, std::vector<double>& val) {
        for (int32_t k = a.ptr[i]; k < a.ptr[i + 1]; ++k) {
            const int32_t begin = b.ptr[a.col[k]], end = b.ptr[a.col[k] + 1];
            acc.add(b.col.data() + begin, b.val.data() + begin, end - begin, a.val[k]);
        }
        acc.emit(col, val);
    };
    return build_rows<double>(a.rows, b.cols, scratch, row, poll);
}

// P = (I − ω/λmax A) T, where T is the tentative prolongation: column c is the near-null vector `null` on aggregate c,
// scaled to norm 1. `null` becomes that of the coarse level, the norms, from which T makes the fine one again.
Csr<double> smoothed_prolongation(const Csr<double>& a, const std::vector<int32_t>& agg, int32_t count,
                                  double lambda_max, std::vector<double>& null, const Poll& poll) {
    constexpr double omega = 1.9;  // measured on heads: 10 to 11 iterations, against 11 to 12 with the customary 4/3
    std::vector<double> norm(count, 0.0);
    for (int32_t i = 0; i < a.rows; ++i) {
        if (agg[i] >= 0) norm[agg[i]] += null[i] * null[i];
    }
    for (double& x : norm) x = std::sqrt(x);
    std::vector<double> tentative(a.rows, 0.0);  // T has one nonzero a row
    for (int32_t i = 0; i < a.rows; ++i) {
        if (agg[i] >= 0) tentative[i] = null[i] / norm[agg[i]];
    }
    auto scratch = [&] { return Accumulator(count); };
    auto row = [&](int32_t i, Accumulator& acc, std::vector<int32_t>& col, std::vector<double>& val) {
        if (agg[i] >= 0) acc.add(&agg[i], &tentative[i], 1, 1.0);
        for (int32_t k = a.ptr[i]; k < a.ptr[i + 1]; ++k) {
            const int32_t j = a.col[k];
            if (agg[j] >= 0) acc.add(&agg[j], &tentative[j], 1, -omega / lambda_max * a.val[k]);
        }
        acc.emit(col, val);
    };
    Csr<double> p = build_rows<double>(a.rows, count, scratch, row, poll);
    null = std::move(norm);
    return p;
}

// A given prolongation of potentials as one of D^½ φ. `null` becomes that of its columns, a constant.
Csr<double> scaled_prolongation(const CsrView<double>& first, const Buffer<double>& unscale,
                                std::vector<double>& null) {
    Csr<double> p;
    p.rows = first.rows;
    p.cols = first.cols;
    const size_t nnz = first.ptr[first.rows];
    p.ptr = Buffer<int32_t>(static_cast<size_t>(p.rows) + 1);
    p.col = Buffer<int32_t>(nnz);
    p.val = Buffer<double>(nnz);
    std::copy(first.ptr, first.ptr + p.rows + 1, p.ptr.data());
    std::copy(first.col, first.col + nnz, p.col.data());
    for (int32_t i = 0; i < p.rows; ++i) {
        for (int32_t k = p.ptr[i]; k < p.ptr[i + 1]; ++k) p.val[k] = unscale[i] * first.val[k];
    }
    null.assign(p.cols, 1.0);
    return p;
}

// Scales the coarse matrix to a unit diagonal, S Pᵀ A P S with a diagonal S, and carries S into P, Pᵀ, A P and the
// near-null vector.
void normalise(Csr<double>& coarse, Csr<double>& p, Csr<double>& pt, Csr<double>& ap, std::vector<double>& null) {
    std::vector<double> s(coarse.rows, 1.0);
#pragma omp parallel for schedule(static) if (coarse.rows > few_rows)
    for (int32_t i = 0; i < coarse.rows; ++i) {
        for (int32_t k = coarse.ptr[i]; k < coarse.ptr[i + 1]; ++k) {
            if (coarse.col[k] == i) s[i] = 1.0 / std::sqrt(coarse.val[k]);
        }
        null[i] /= s[i];
    }
#pragma omp parallel for schedule(static) if (coarse.rows > few_rows)
    for (int32_t i = 0; i < coarse.rows; ++i) {
        for (int32_t k = coarse.ptr[i]; k < coarse.ptr[i + 1]; ++k) coarse.val[k] *= s[i] * s[coarse.col[k]];
        for (int32_t k = pt.ptr[i]; k < pt.ptr[i + 1]; ++k) pt.val[k] *= s[i];
    }
    for (Csr<double>* m : {&p, &ap}) {
#pragma omp parallel for schedule(static)
        for (int64_t k = 0; k < m->nnz(); ++k) m->val[k] *= s[m->col[k]];
    }
}

// Inverse (n, n) of a symmetric positive-definite matrix by Cholesky, dense and in float64, rounded at the end.
Buffer<float> dense_inverse(const Csr<double>& a, const Poll& poll) {
    const int32_t n = a.rows;
    std::vector<double> l(static_cast<size_t>(n) * n, 0.0);
    auto at = [&](int32_t i, int32_t j) -> double& { return l[static_cast<size_t>(i) * n + j]; };
    for (int32_t i = 0; i < n; ++i) {
        for (int32_t k = a.ptr[i]; k < a.ptr[i + 1]; ++k) at(i, a.col[k]) = a.val[k];
    }
    // Each column is taken out of all columns right of it at once, as additions along rows, which run on vectors.
    // Threads share a large matrix only: to wake them for every column of a small one would take longer than the work.
    std::vector<double> column(n);
    for (int32_t j = 0; j < n; ++j) {
        poll();
        if (!(at(j, j) > 0.0)) throw std::invalid_argument("stiffness: the matrix is not positive definite");
        at(j, j) = std::sqrt(at(j, j));
        for (int32_t i = j + 1; i < n; ++i) column[i] = at(i, j) /= at(j, j);
#pragma omp parallel for schedule(static) if (n > dense_limit)
        for (int32_t i = j + 1; i < n; ++i) {
            double* const row = &at(i, 0);
            const double factor = column[i];
            for (int32_t k = j + 1; k <= i; ++k) row[k] -= factor * column[k];
        }
    }
    Buffer<float> inverse(static_cast<size_t>(n) * n);
    Buffer<double> columns(static_cast<size_t>(n) * n);
#pragma omp parallel for schedule(dynamic, 8)
    for (int32_t c = 0; c < n; ++c) {  // column c: L Lᵀ x = e_c
        double* x = columns.data() + static_cast<size_t>(c) * n;
        for (int32_t i = c; i < n; ++i) {
            double sum = i == c ? 1.0 : 0.0;
            for (int32_t k = c; k < i; ++k) sum -= at(i, k) * x[k];
            x[i] = sum / at(i, i);
        }
        for (int32_t i = n - 1; i >= 0; --i) {
            x[i] /= at(i, i);
            for (int32_t k = 0; k < i; ++k) x[k] -= at(i, k) * x[i];
        }
        for (int32_t i = 0; i < n; ++i) inverse[static_cast<size_t>(i) * n + c] = static_cast<float>(x[i]);
    }
    return inverse;
}

}  // namespace

Hierarchy build_hierarchy(const CsrView<double>& stiffness, const uint8_t* fixed, double theta,
                          const CsrView<double>* first, const Poll& poll) {
    Hierarchy h;
    Csr<double> a = scaled_and_cut(stiffness, fixed, h.scale, h.weight);
    std::vector<double> null(a.rows);  // the constant potential, φ = D^-½ φ̂
    h.unscale = Buffer<double>(a.rows);
    for (int32_t i = 0; i < a.rows; ++i) null[i] = h.unscale[i] = std::sqrt(h.weight[i]);
    int32_t n_fixed = 0;
    for (int32_t i = 0; i < a.rows; ++i) {
        if (!fixed[i]) continue;
        h.scale[i] = h.unscale[i] = 0.0;
        ++n_fixed;
    }
    while (true) {
        Level level;
        const double lambda_max = largest_eigenvalue(a, poll);
        level.smoother = chebyshev(lambda_max);
        int32_t count = 0;
        bool smoothed = false;  // whether smoothing alone solves it: few nodes are free, and none has a strong coupling
        Csr<double> coarse;
        if (a.rows > dense_limit && h.levels.size() + 1 < max_levels) {
            // One that hardly coarsens, as where few elements are quadratic, would be worth no level of its own.
            const bool given = first && h.levels.empty() && first->cols < coarser * a.rows;
            std::vector<int32_t> agg;
            if (given) {
                count = first->cols;
            } else {
                agg = aggregate(a, theta, count);
            }
            poll();
            smoothed = h.levels.empty() && count == 0 && n_fixed > a.rows / 2;
            if (count > 0 && count < coarser * a.rows) {  // else coarsening has stalled, and this level is the last
                Csr<double> p = given ? scaled_prolongation(*first, h.unscale, null)
                                      : smoothed_prolongation(a, agg, count, lambda_max, null, poll);
                Csr<double> ap = product(a, p, poll);
                Csr<double> pt = transposed(p);
                coarse = product(pt, ap, poll);
                normalise(coarse, p, pt, ap, null);
                level.p = rounded(p);
                level.ap = rounded(ap);
                level.pt = rounded(pt);
            } else {
                count = 0;
            }
        }
        const bool last = count == 0;
        if (last && !smoothed && a.rows <= dense_maximum) h.coarse_inverse = dense_inverse(a, poll);
        level.a = rounded(a);
        if (h.levels.empty()) h.values64 = std::move(a.val);
        h.levels.push_back(std::move(level));
        if (last) return h;
        a = std::move(coarse);
    }
}

}  // namespace headfield
