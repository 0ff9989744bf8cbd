// SPDX-License-Identifier: BSD-3-Clause
#include "assemble.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>

#include "element.hpp"
#include "first_error.hpp"

namespace headfield {

namespace {

// Columns of one row, with the position of each found by one look-up: `position` has one entry a node of the mesh.
struct RowIndex {
    std::vector<int32_t> position;
    std::vector<int32_t> columns;

    explicit RowIndex(int64_t n_nodes) : position(n_nodes, -1) {}
};

// Fills `columns` with the sorted distinct nodes of the tetrahedra around one node, the node itself included.
void collect_columns(const MeshView& mesh, const int32_t* begin, const int32_t* end, RowIndex& row) {
    row.columns.clear();
    for (const int32_t* t = begin; t != end; ++t) {
        for (int k = 0; k < 4; ++k) {
            const int32_t j = mesh.tets[4 * int64_t(*t) + k];
            if (row.position[j] >= 0) continue;
            row.position[j] = 0;
            row.columns.push_back(j);
        }
    }
    for (const int32_t j : row.columns) row.position[j] = -1;
    std::sort(row.columns.begin(), row.columns.end());
}

// Adds what tetrahedron t gives to row i.
void add_tet(const MeshView& mesh, Conductivity sigma, int32_t i, int64_t t, const int32_t* position, double* stiffness,
             double* source) {
    const int32_t* node = mesh.tets + 4 * t;
    const TetGeometry g = tet_geometry(mesh.nodes + 3 * int64_t(node[0]), mesh.nodes + 3 * int64_t(node[1]),
                                       mesh.nodes + 3 * int64_t(node[2]), mesh.nodes + 3 * int64_t(node[3]));
    int self = 0;
    while (node[self] != i) ++self;
    double flux[3];
    sigma.apply(g.volume, g.grad[self], flux);  // σ is symmetric: ∇λ_i·σ∇λ_j = (σ∇λ_i)·∇λ_j
    for (int k = 0; k < 4; ++k) {
        const int32_t at = position[node[k]];
        stiffness[at] += dot3(flux, g.grad[k]);
        for (int d = 0; d < 3; ++d) source[3 * at + d] += 0.25 * flux[d];
    }
}

struct Operators {
    const Pattern& pattern;
    double* stiffness;
    float* source;
};

// Row i of both operators; `position` is work space, (n,).
void assemble_row(const MeshView& mesh, const Incidence& inc, const double* sigma, bool tensor, int64_t i,
                  std::vector<int32_t>& position, const Operators& out) {
    const int32_t begin = out.pattern.ptr[i], end = out.pattern.ptr[i + 1];
    std::vector<double> stiffness(end - begin, 0.0), source(3 * (end - begin), 0.0);
    for (int32_t k = begin; k < end; ++k) position[out.pattern.col[k]] = k - begin;
    for (int64_t k = inc.start[i]; k < inc.start[i + 1]; ++k) {
        const int64_t t = inc.around[k];
        const Conductivity s{sigma + t * (tensor ? 9 : 1), tensor};
        add_tet(mesh, s, static_cast<int32_t>(i), t, position.data(), stiffness.data(), source.data());
    }
    std::copy(stiffness.begin(), stiffness.end(), out.stiffness + begin);
    for (size_t v = 0; v < source.size(); ++v) out.source[3 * int64_t(begin) + v] = static_cast<float>(source[v]);
}

}  // namespace

Incidence::Incidence(const MeshView& mesh) {
    start.assign(mesh.n_nodes + 1, 0);
    around.resize(4 * mesh.n_tets);
    for (int64_t k = 0; k < 4 * mesh.n_tets; ++k) ++start[mesh.tets[k] + 1];
    for (int64_t i = 0; i < mesh.n_nodes; ++i) start[i + 1] += start[i];
    std::vector<int64_t> next(start.begin(), start.end() - 1);
    for (int64_t k = 0; k < 4 * mesh.n_tets; ++k) around[next[mesh.tets[k]]++] = static_cast<int32_t>(k / 4);
}

Pattern coupling_pattern(const MeshView& mesh, const Incidence& inc) {
    constexpr int64_t chunk = 4096;
    const int64_t n = mesh.n_nodes, n_chunks = (n + chunk - 1) / chunk;
    Pattern p;
    p.ptr.assign(n + 1, 0);
    std::vector<std::vector<int32_t>> pieces(n_chunks);
    FirstError error;
#pragma omp parallel
    {
        std::optional<RowIndex> row;
        error.run([&] { row.emplace(n); });
#pragma omp for schedule(dynamic, 1)
        for (int64_t c = 0; c < n_chunks; ++c) {
            error.run([&] {
                pieces[c].reserve(16 * chunk);
                for (int64_t i = c * chunk; row && i < std::min(n, (c + 1) * chunk); ++i) {
                    collect_columns(mesh, inc.around.data() + inc.start[i], inc.around.data() + inc.start[i + 1], *row);
                    pieces[c].insert(pieces[c].end(), row->columns.begin(), row->columns.end());
                    p.ptr[i + 1] = static_cast<int32_t>(row->columns.size());
                }
            });
        }
    }
    error.rethrow();
    int64_t total = 0;
    for (const auto& piece : pieces) total += static_cast<int64_t>(piece.size());
    if (total > std::numeric_limits<int32_t>::max()) throw std::length_error("the matrix has more than 2^31 nonzeros");
    for (int64_t i = 0; i < n; ++i) p.ptr[i + 1] += p.ptr[i];
    p.col.reserve(total);
    for (const auto& piece : pieces) p.col.insert(p.col.end(), piece.begin(), piece.end());
    return p;
}

void assemble(const MeshView& mesh, const Incidence& inc, const Pattern& pattern, const double* sigma, bool tensor,
              double* stiffness, float* source) {
    constexpr int64_t chunk = 1024;
    const int64_t n = mesh.n_nodes;
    FirstError error;
#pragma omp parallel
    {
        std::vector<int32_t> position;  // of a column within the row; stale where it is not one
        error.run([&] { position.resize(n); });
#pragma omp for schedule(dynamic, 1)
        for (int64_t c = 0; c < (n + chunk - 1) / chunk; ++c) {
            error.run([&] {
                for (int64_t i = c * chunk; !position.empty() && i < std::min(n, (c + 1) * chunk); ++i) {
                    assemble_row(mesh, inc, sigma, tensor, i, position, {pattern, stiffness, source});
                }
            });
        }
    }
    error.rethrow();
}

}  // namespace headfield
