// SPDX-License-Identifier: BSD-3-Clause
// Module `_cpu`: the functions of headfield on CPU cores. Checks shapes and dtypes, releases the GIL, and nothing else.
#include <limits>

#include "arrays.hpp"
#include "kernels.hpp"
#include "topology.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

using namespace headfield;

namespace {

// Throws unless n_nodes can number nodes in 32 bits and `tets` refers to such nodes only.
void check_nodes(const Array<int32_t>& tets, int64_t n_nodes) {
    if (n_nodes < 0 || n_nodes > std::numeric_limits<int32_t>::max()) {
        throw std::invalid_argument("n_nodes must lie between 0 and 2^31 - 1, not " + std::to_string(n_nodes));
    }
    check_indices(tets, "tets", n_nodes);
}

void bind_topology(py::module_& m) {
    m.def(
        "node_parts",
        [](const Array<int32_t>& tets, int64_t n_nodes) {
            check_shape(tets, "tets", {-1, 4});
            check_nodes(tets, n_nodes);
            std::vector<int32_t> label;
            {
                py::gil_scoped_release release;
                label = node_parts(tets.data(), tets.shape(0), n_nodes);
            }
            return to_array(std::move(label), {n_nodes});
        },
        py::arg("tets").noconvert(), py::arg("n_nodes"));

    m.def(
        "boundary_faces",
        [](const Array<int32_t>& tets, int64_t n_nodes) {
            check_shape(tets, "tets", {-1, 4});
            check_nodes(tets, n_nodes);
            BoundaryFaces b;
            {
                py::gil_scoped_release release;
                b = boundary_faces(tets.data(), tets.shape(0), n_nodes);
            }
            const auto f = static_cast<py::ssize_t>(b.owner.size());
            return py::make_tuple(to_array(std::move(b.faces), {f, 3}), to_array(std::move(b.owner), {f}));
        },
        py::arg("tets").noconvert(), py::arg("n_nodes"));

    m.def(
        "morton_order",
        [](const Array<double>& nodes) {
            check_shape(nodes, "nodes", {-1, 3});
            std::vector<int32_t> order;
            {
                py::gil_scoped_release release;
                order = morton_order(nodes.data(), nodes.shape(0));
            }
            const auto n = static_cast<py::ssize_t>(order.size());
            return to_array(std::move(order), {n});
        },
        py::arg("nodes").noconvert());
}

}  // namespace

PYBIND11_MODULE(_cpu, m) {
    m.doc() = "headfield on CPU cores";
    bind_topology(m);
    bind_operators(m);
    bind_primary(m);
    bind_solver(m);
    m.def(
        "set_threads",
        [](int n) {
            if (n < 1) throw std::invalid_argument("threads must be at least 1");
#if defined(_OPENMP)
            omp_set_num_threads(n);
#endif
        },
        py::arg("n"));
    m.def("max_threads", [] {
#if defined(_OPENMP)
        return omp_get_max_threads();
#else
        return 1;
#endif
    });
    m.attr("instruction_set") = cpu_instruction_set();
}
