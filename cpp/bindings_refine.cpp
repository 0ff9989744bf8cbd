// SPDX-License-Identifier: BSD-3-Clause
// Edges of a mesh and local refinement, on the host in both modules, on NumPy arrays.
#include <limits>

#include "arrays.hpp"
#include "edge_split.hpp"
#include "refine.hpp"

namespace headfield {

namespace {

constexpr int64_t most = std::numeric_limits<int32_t>::max();

const Tet* rows_of_tets(const HostArray<int32_t>& tets) { return reinterpret_cast<const Tet*>(tets.data()); }

// Throws unless tets (m, 4) name nodes below n_nodes, and 32 bits can number the six edges of each.
void check_edged(const HostArray<int32_t>& tets, int64_t n_nodes) {
    check_shape(tets, "tets", {-1, 4});
    if (n_nodes < 0 || n_nodes > most) throw std::invalid_argument("n_nodes must lie between 0 and 2^31 - 1");
    if (tets.shape(0) > most / 6) throw std::invalid_argument("tets are more than 32 bits can number the edges of");
    check_indices(tets, "tets", n_nodes);
}

py::tuple mesh_edges(const HostArray<int32_t>& tets, int64_t n_nodes) {
    check_edged(tets, n_nodes);
    const int64_t m = tets.shape(0);
    std::vector<int32_t> ends, of(6 * m);
    {
        py::gil_scoped_release release;
        const auto all = [](int32_t, int32_t) { return true; };
        const Edges edges = edges_that(rows_of_tets(tets), m, n_nodes, all, of.data());
        ends.resize(2 * edges.size());
        for (int64_t e = 0; e < edges.size(); ++e) {
            ends[2 * e] = edges.nodes[e];
            ends[2 * e + 1] = edges.others[e];
            if (edges.nodes[e] == edges.others[e]) throw std::invalid_argument("tets name a node twice");
        }
    }
    const auto e = static_cast<py::ssize_t>(ends.size() / 2);
    return py::make_tuple(to_numpy(std::move(ends), {e, 2}), to_numpy(std::move(of), {m, 6}));
}

py::tuple refined(const HostArray<double>& nodes, const HostArray<int32_t>& tets, const HostArray<int32_t>& ends,
                  const HostArray<int32_t>& of, const HostArray<bool>& marked) {
    check_shape(nodes, "nodes", {-1, 3});
    check_edged(tets, nodes.shape(0));
    check_shape(ends, "ends", {-1, 2});
    check_shape(of, "of", {tets.shape(0), 6});
    check_shape(marked, "marked", {ends.shape(0)});
    check_indices(ends, "ends", nodes.shape(0));
    check_indices(of, "of", ends.shape(0));
    const EdgedMesh mesh{nodes.data(),   rows_of_tets(tets), ends.data(),  of.data(),
                         nodes.shape(0), tets.shape(0),      ends.shape(0)};
    const bool* marks = marked.data();
    RefinedMesh fine;
    {
        py::gil_scoped_release release;
        fine = refine_edges(mesh, marks);
    }
    const auto m = static_cast<py::ssize_t>(fine.tets.size()), q = static_cast<py::ssize_t>(fine.halved.size());
    return py::make_tuple(rows_to_numpy<int32_t>(std::move(fine.tets)), to_numpy(std::move(fine.parent), {m}),
                          to_numpy(std::move(fine.halved), {q}));
}

}  // namespace

void bind_refine(py::module_& m) {
    m.def("mesh_edges", &mesh_edges, py::arg("tets").noconvert(), py::arg("n_nodes"));
    m.def("refine_edges", &refined, py::arg("nodes").noconvert(), py::arg("tets").noconvert(),
          py::arg("ends").noconvert(), py::arg("of").noconvert(), py::arg("marked").noconvert());
}

}  // namespace headfield
