// SPDX-License-Identifier: BSD-3-Clause
// From a mesh to matrices: a row of the stiffness matrix and of the source operator at a time.
#include <algorithm>
#include <vector>

#include "element.hpp"
#include "first_error.hpp"
#include "kernels.hpp"

namespace headfield {

namespace {

// Sums of one row in float64.
struct RowSums {
    std::vector<double> stiffness, source;
};

// Row i of both operators. `position` is work space, (n,), of where a column is within the row.
void assemble_row(const MeshView& mesh, const PatternView& p, const double* sigma, bool tensor, int64_t i,
                  std::vector<int32_t>& position, RowSums& sums) {
    const int32_t begin = p.ptr[i], end = p.ptr[i + 1];
    sums.stiffness.assign(end - begin, 0.0);
    sums.source.assign(3 * (end - begin), 0.0);
    for (int32_t k = begin; k < end; ++k) position[p.col[k]] = k - begin;
    for (int64_t k = p.start[i]; k < p.start[i + 1]; ++k) {
        const int64_t t = p.around[k];
        const Conductivity s{sigma + t * (tensor ? 9 : 1), tensor};
        add_tet(
            mesh, s, static_cast<int32_t>(i), t, [&](int32_t j) { return position[j]; }, sums.stiffness.data(),
            sums.source.data());
    }
}

}  // namespace

void assemble(const MeshView& mesh, const PatternView& p, const double* sigma, bool tensor, double* stiffness,
              float* source, const Poll& poll) {
    constexpr int64_t chunk = 1024;
    const int64_t n = mesh.n_nodes;
    FirstError error(poll);
#pragma omp parallel
    {
        std::vector<int32_t> position;  // stale where a node is no column of the row
        RowSums sums;
        error.run([&] { position.resize(n); });
#pragma omp for schedule(dynamic, 1)
        for (int64_t c = 0; c < (n + chunk - 1) / chunk; ++c) {
            error.run([&] {
                for (int64_t i = c * chunk; !position.empty() && i < std::min(n, (c + 1) * chunk); ++i) {
                    assemble_row(mesh, p, sigma, tensor, i, position, sums);
                    std::copy(sums.stiffness.begin(), sums.stiffness.end(), stiffness + p.ptr[i]);
                    std::transform(sums.source.begin(), sums.source.end(), source + 3 * int64_t(p.ptr[i]),
                                   [](double v) { return static_cast<float>(v); });
                }
            });
        }
    }
    error.rethrow();
}

}  // namespace headfield
