// SPDX-License-Identifier: BSD-3-Clause
#include "assemble.hpp"

#include "element.hpp"

namespace headfield {

namespace {

// For each node the tetrahedra around it, ascending: tets around[start[i]…start[i+1]).
struct Incidence {
    std::vector<int64_t> start;
    std::vector<int32_t> around;
};

Incidence incidence(const MeshView& mesh) {
    Incidence inc;
    inc.start.assign(mesh.n_nodes + 1, 0);
    inc.around.resize(4 * mesh.n_tets);
    for (int64_t k = 0; k < 4 * mesh.n_tets; ++k) ++inc.start[mesh.tets[k] + 1];
    for (int64_t i = 0; i < mesh.n_nodes; ++i) inc.start[i + 1] += inc.start[i];
    std::vector<int64_t> next(inc.start.begin(), inc.start.end() - 1);
    for (int64_t k = 0; k < 4 * mesh.n_tets; ++k) {
        inc.around[next[mesh.tets[k]]++] = static_cast<int32_t>(k / 4);
    }
    return inc;
}

// Sorted distinct nodes of the tetrahedra around one node, the node itself included.
void collect_columns(const MeshView& mesh, const int32_t* begin, const int32_t* end, std::vector<int32_t>& columns) {
    columns.clear();
    for (const int32_t* t = begin; t != end; ++t) {
        for (int k = 0; k < 4; ++k) {
            const int32_t j = mesh.tets[4 * int64_t(*t) + k];
            const auto at = std::lower_bound(columns.begin(), columns.end(), j);
            if (at == columns.end() || *at != j) columns.insert(at, j);
        }
    }
}

// Adds what tetrahedron t gives to row i.
void add_tet(const MeshView& mesh, Conductivity sigma, int32_t i, int64_t t, const std::vector<int32_t>& columns,
             Coupling* row) {
    const int32_t* node = mesh.tets + 4 * t;
    const TetGeometry g = tet_geometry(mesh.nodes + 3 * int64_t(node[0]), mesh.nodes + 3 * int64_t(node[1]),
                                       mesh.nodes + 3 * int64_t(node[2]), mesh.nodes + 3 * int64_t(node[3]));
    int self = 0;
    while (node[self] != i) ++self;
    double flux[3];
    sigma.apply(g.volume, g.grad[self], flux);  // σ is symmetric: ∇λ_i·σ∇λ_j = (σ∇λ_i)·∇λ_j
    for (int k = 0; k < 4; ++k) {
        Coupling& c = row[std::lower_bound(columns.begin(), columns.end(), node[k]) - columns.begin()];
        c.stiffness += dot3(flux, g.grad[k]);
        for (int d = 0; d < 3; ++d) c.source[d] += 0.25 * flux[d];
    }
}

}  // namespace

Csr<Coupling> assemble(const MeshView& mesh, const double* sigma, bool tensor) {
    const Incidence inc = incidence(mesh);
    const auto n = static_cast<int32_t>(mesh.n_nodes);
    auto scratch = [] { return std::vector<int32_t>(); };
    auto row = [&](int32_t i, std::vector<int32_t>& columns, std::vector<int32_t>& col, std::vector<Coupling>& val) {
        const int32_t* begin = inc.around.data() + inc.start[i];
        const int32_t* end = inc.around.data() + inc.start[i + 1];
        collect_columns(mesh, begin, end, columns);
        const size_t at = val.size();
        val.resize(at + columns.size(), Coupling{});
        for (const int32_t* t = begin; t != end; ++t) {
            const Conductivity s{sigma + int64_t(*t) * (tensor ? 9 : 1), tensor};
            add_tet(mesh, s, i, *t, columns, val.data() + at);
        }
        col.insert(col.end(), columns.begin(), columns.end());
    };
    return build_rows<Coupling>(n, n, scratch, row);
}

}  // namespace headfield
