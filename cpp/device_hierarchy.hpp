// SPDX-License-Identifier: BSD-3-Clause
// A hierarchy where the loops work: what the solver reads in every iteration. Its constructor is each device's own
// (device_hierarchy.cpp, cuda/device_hierarchy.cpp).
#pragma once

#include <tuple>
#include <vector>

#include "amg.hpp"
#include "device.hpp"

namespace headfield {

// Views of a level of the V-cycle, see Level. The last level has only `a`.
struct LevelView {
    Matrix a, p, ap, pt;
    Smoother smoother;
};

class DeviceHierarchy {
public:
    explicit DeviceHierarchy(Hierarchy&& host);

    std::vector<LevelView> levels;
    DenseView coarse_inverse{};  // of the last level; null where that level was too large to invert
    FineMatrix fine32{};         // the scaled fine matrix
    CsrView<double> fine64{};
    const double *scale = nullptr, *unscale = nullptr, *weight = nullptr;  // see Hierarchy
    double typical_weight = 1.0;                                           // mean of `weight` over the free nodes

    int32_t size() const { return fine64.rows; }
    // `scale`, where the host can read it.
    std::vector<double> scale_on_host() const;
    // Nonzeros of all levels over those of the first.
    double operator_complexity() const { return operator_complexity_; }
    // The sizes of each level: rows, and nonzeros of A, P and A P.
    using Sizes = std::tuple<int32_t, int64_t, int64_t, int64_t>;
    const std::vector<Sizes>& sizes() const { return sizes_; }

private:
    void measure(const Hierarchy& host) {
        double nonzeros = 0.0;
        for (const Level& l : host.levels) {
            sizes_.emplace_back(l.a.rows, l.a.nnz(), l.p.nnz(), l.ap.nnz());
            nonzeros += static_cast<double>(l.a.nnz());
        }
        const Level& fine = host.levels.front();
        operator_complexity_ = nonzeros / static_cast<double>(fine.a.nnz());
        // Averages over free nodes, since many fixed ones may lie in metal, where D is far larger. The first fixed node
        // counts all the same: where there is but one, a ground, it hardly changes the mean.
        double sum = 0.0;
        int32_t counted = 0, fixed = 0;
        for (int32_t i = 0; i < fine.a.rows; ++i) {
            if (host.scale[i] == 0.0 && fixed++ > 0) continue;
            sum += host.weight[i];
            ++counted;
        }
        typical_weight = sum / counted;
    }

    Kept<Hierarchy> memory_;
    RowOrders orders_;
    double operator_complexity_ = 1.0;
    std::vector<Sizes> sizes_;
};

}  // namespace headfield
