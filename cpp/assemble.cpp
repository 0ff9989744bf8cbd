// SPDX-License-Identifier: BSD-3-Clause
// From a mesh to matrices on CPU cores. A row is gathered at a time from the tetrahedra around its node, so that no two
// threads write to the same number, and sums are taken in the order of the tetrahedra. Geometry is computed four times,
// once for each node of a tetrahedron, which is the price of that.
#include <algorithm>
#include <vector>

#include "element.hpp"
#include "first_error.hpp"
#include "kernels.hpp"

namespace headfield {

namespace {

// Sums of one row in float64: stiffness (row,) and source (row, 3).
struct RowSums {
    std::vector<double> stiffness, source;
};

// Sums row i of both operators. `position` (n,) is work space that says where a column lies within the row; a look-up
// takes the place of a search.
void assemble_row(const MeshView& mesh, const PatternView& p, const Media& media, int64_t i,
                  std::vector<int32_t>& position, RowSums& sums) {
    const int32_t begin = p.ptr[i], end = p.ptr[i + 1];
    sums.stiffness.assign(end - begin, 0.0);
    sums.source.assign(3 * (end - begin), 0.0);
    for (int32_t k = begin; k < end; ++k) position[p.col[k]] = k - begin;
    for (int64_t k = p.start[i]; k < p.start[i + 1]; ++k) {
        const int64_t t = p.around[k];
        const Conductivity s{media.sigma + t * (media.tensor ? 9 : 1), media.tensor};
        add_tet(
            mesh, s, media.edges, static_cast<int32_t>(i), t, [&](int32_t j) { return position[j]; },
            sums.stiffness.data(), sums.source.data());
    }
}

}  // namespace

void assemble(const MeshView& mesh, const PatternView& p, const Media& media, double* stiffness, float* source,
              const Poll& poll) {
    constexpr int64_t chunk = 1024;
    const int64_t n = mesh.n_nodes;
    FirstError error(poll);
#pragma omp parallel
    {
        std::vector<int32_t> position;  // stale where a node is not a column of the row, and not read there
        RowSums sums;
        error.run([&] { position.resize(n); });
#pragma omp for schedule(dynamic, 1)
        for (int64_t c = 0; c < (n + chunk - 1) / chunk; ++c) {
            error.run([&] {
                for (int64_t i = c * chunk; !position.empty() && i < std::min(n, (c + 1) * chunk); ++i) {
                    assemble_row(mesh, p, media, i, position, sums);
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
