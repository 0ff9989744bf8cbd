// SPDX-License-Identifier: BSD-3-Clause
// What runs on the host in both modules, on NumPy arrays: the combinatorics of a mesh (topology.hpp), products of dense
// matrices, and the number of threads.
#include <limits>
#include <tuple>

#include "arrays.hpp"
#include "dense_product.hpp"
#include "mode_sums.hpp"
#include "table_sums.hpp"
#include "topology.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace headfield {

namespace {

// Throws unless tets (m, 4) refer to nodes 0…n_nodes − 1 only, and 32 bits can number these.
void check_tets(const HostArray<int32_t>& tets, int64_t n_nodes) {
    check_shape(tets, "tets", {-1, 4});
    if (n_nodes < 0 || n_nodes > std::numeric_limits<int32_t>::max()) {
        throw std::invalid_argument("n_nodes must lie between 0 and 2^31 - 1, not " + std::to_string(n_nodes));
    }
    check_indices(tets, "tets", n_nodes);
}

// Sets the number of threads of the loops that the calling thread starts; without OpenMP there is always one.
void set_threads(int n) {
    if (n < 1) throw std::invalid_argument("threads must be at least 1");
#if defined(_OPENMP)
    omp_set_num_threads(n);
#endif
}

using Table = std::tuple<std::array<double, 3>, double, HostArray<float>, HostArray<uint8_t>>;

// table_sums(tables: origin, step, values, good each; points (q, 3), vectors (q, 3), poses (k, 4, 4)) -> sums (k, 24).
py::array_t<double> sums_of_tables(const std::vector<Table>& tables, const HostArray<double>& points,
                                   const HostArray<double>& vectors, const HostArray<double>& poses) {
    std::vector<TableView> views;
    for (const auto& [origin, step, values, good] : tables) {
        check_shape(values, "values", {-1, -1, -1, 3, table_channels});
        check_shape(good, "good", {values.shape(0) - 1, values.shape(1) - 1, values.shape(2) - 1});
        if (!(step > 0)) throw std::invalid_argument("step must be positive");
        views.push_back({{origin[0], origin[1], origin[2]},
                         step,
                         {values.shape(0), values.shape(1), values.shape(2)},
                         values.data(),
                         good.data()});
    }
    check_shape(points, "points", {-1, 3});
    check_shape(vectors, "vectors", {points.shape(0), 3});
    check_shape(poses, "poses", {-1, 4, 4});
    const TableSources sources{points.shape(0), points.data(), vectors.data()};
    const py::ssize_t k = poses.shape(0);
    const double* at = poses.data();
    py::array_t<double> out(std::vector<py::ssize_t>{k, table_channels});
    double* to = out.mutable_data();
    py::gil_scoped_release release;
    table_sums()(views, sources, k, at, to);
    return out;
}

int max_threads() {
#if defined(_OPENMP)
    return omp_get_max_threads();
#else
    return 1;
#endif
}

}  // namespace

void bind_host(py::module_& m) {
    m.def(
        "node_parts",
        [](const HostArray<int32_t>& tets, int64_t n_nodes) {
            check_tets(tets, n_nodes);
            std::vector<int32_t> label;
            {
                py::gil_scoped_release release;
                label = node_parts(tets.data(), tets.shape(0), n_nodes);
            }
            return to_numpy(std::move(label), {n_nodes});
        },
        py::arg("tets").noconvert(), py::arg("n_nodes"));

    m.def(
        "boundary_faces",
        [](const HostArray<int32_t>& tets, int64_t n_nodes) {
            check_tets(tets, n_nodes);
            BoundaryFaces b;
            {
                py::gil_scoped_release release;
                b = boundary_faces(tets.data(), tets.shape(0), n_nodes);
            }
            const auto f = static_cast<py::ssize_t>(b.owner.size());
            return py::make_tuple(to_numpy(std::move(b.faces), {f, 3}), to_numpy(std::move(b.owner), {f}));
        },
        py::arg("tets").noconvert(), py::arg("n_nodes"));

    m.def(
        "morton_order",
        [](const HostArray<double>& nodes) {
            check_shape(nodes, "nodes", {-1, 3});
            std::vector<int32_t> order;
            {
                py::gil_scoped_release release;
                order = morton_order(nodes.data(), nodes.shape(0));
            }
            const auto n = static_cast<py::ssize_t>(order.size());
            return to_numpy(std::move(order), {n});
        },
        py::arg("nodes").noconvert());

    m.def(
        "product",
        [](const HostArray<float>& a, const HostArray<float>& b) {
            check_shape(a, "left", {-1, -1});
            check_shape(b, "right", {a.shape(1), -1});
            const py::ssize_t rows = a.shape(0), columns = b.shape(1);
            py::array_t<float> out(std::vector<py::ssize_t>{rows, columns});
            const float *left = a.data(), *right = b.data();
            float* to = out.mutable_data();
            {
                py::gil_scoped_release release;
                dense_product()(rows, a.shape(1), columns, left, right, to);
            }
            return out;
        },
        py::arg("left").noconvert(), py::arg("right").noconvert());

    m.def(
        "mode_sums",
        [](const HostArray<int16_t>& values, const HostArray<float>& scales, const HostArray<float>& weights,
           int64_t columns) {
            check_shape(values, "values", {-1, -1, mode_block});
            const py::ssize_t blocks = values.shape(0), modes = values.shape(1);
            check_shape(scales, "scales", {blocks, modes});
            check_shape(weights, "weights", {-1, modes});
            const py::ssize_t sets = weights.shape(0);
            if (columns > blocks * mode_block || columns <= (blocks - 1) * mode_block) {
                throw std::invalid_argument("columns must be some of the last block's, not " + std::to_string(columns));
            }
            const ModeView view{blocks, modes, columns, values.data(), scales.data()};
            const float* from = weights.data();
            py::array_t<float> out(std::vector<py::ssize_t>{sets, columns});
            float* to = out.mutable_data();
            {
                py::gil_scoped_release release;
                mode_sums()(view, sets, from, to);
            }
            return out;
        },
        py::arg("values").noconvert(), py::arg("scales").noconvert(), py::arg("weights").noconvert(),
        py::arg("columns"));

    m.def("table_sums", &sums_of_tables, py::arg("tables"), py::arg("points").noconvert(),
          py::arg("vectors").noconvert(), py::arg("poses").noconvert());

    m.def("set_threads", &set_threads, py::arg("n"));
    m.def("max_threads", &max_threads);
}

}  // namespace headfield
