// SPDX-License-Identifier: BSD-3-Clause
// Coils: vector potentials by direct sum and on lattices.
#include <pybind11/stl.h>

#include <array>

#include "arrays.hpp"
#include "kernels.hpp"

namespace headfield {

namespace {

// Six padded arrays x y z mx my mz from (d, 3) positions and moments.
template <class T>
std::vector<T> pack_dipoles(const Array<double>& positions, const Array<double>& moments) {
    check_shape(positions, "positions", {-1, 3});
    check_shape(moments, "moments", {positions.shape(0), 3});
    const int64_t d = positions.shape(0), padded = (d + 15) / 16 * 16;
    std::vector<T> packed(6 * padded, T(0));
    for (int q = 0; q < 3; ++q) {
        std::fill(packed.begin() + q * padded, packed.begin() + (q + 1) * padded, T(1e6));
        for (int64_t k = 0; k < d; ++k) {
            packed[q * padded + k] = static_cast<T>(positions.data()[3 * k + q]);
            packed[(3 + q) * padded + k] = static_cast<T>(moments.data()[3 * k + q]);
        }
    }
    return packed;
}

template <class T>
DipoleView<T> dipole_view(const std::vector<T>& packed) {
    return {static_cast<int64_t>(packed.size() / 6), packed.data()};
}

// Lattices and dipoles of one coil, kept for many calls: (origin, spacing, values, good) each, see LatticeView.
struct Grid {
    std::vector<Array<float>> values;
    std::vector<Array<uint8_t>> good;
    std::vector<LatticeView> lattices;
    std::vector<float> dipoles;
    GridView view() const { return {static_cast<int32_t>(lattices.size()), lattices.data(), dipole_view(dipoles)}; }
};

using Lattice = std::tuple<std::array<double, 3>, double, Array<float>, Array<uint8_t>>;

Grid make_grid(const std::vector<Lattice>& lattices, const Array<double>& positions, const Array<double>& moments) {
    Grid g;
    for (const auto& [origin, spacing, values, good] : lattices) {
        check_shape(values, "values", {-1, -1, -1, 4});
        check_shape(good, "good", {values.shape(0) - 1, values.shape(1) - 1, values.shape(2) - 1});
        LatticeView v{{origin[0], origin[1], origin[2]}, 1.0 / spacing, {}, values.data(), good.data()};
        for (int d = 0; d < 3; ++d) v.shape[d] = static_cast<int32_t>(values.shape(d));
        g.values.push_back(values);
        g.good.push_back(good);
        g.lattices.push_back(v);
    }
    g.dipoles = pack_dipoles<float>(positions, moments);
    return g;
}

}  // namespace

void bind_primary(py::module_& m) {
    m.def(
        "vector_potential",
        [](const Array<double>& points, const Array<double>& positions, const Array<double>& moments) {
            check_shape(points, "points", {-1, 3});
            const auto packed = pack_dipoles<double>(positions, moments);
            Array<double> a(std::vector<py::ssize_t>{points.shape(0), 3});
            double* out = a.mutable_data();
            py::gil_scoped_release release;
            cpu_primary().potential64(points.shape(0), points.data(), dipole_view(packed), out);
            return a;
        },
        py::arg("points").noconvert(), py::arg("positions").noconvert(), py::arg("moments").noconvert());

    m.def(
        "vector_potential_float32",
        [](const Array<double>& points, const Array<double>& positions, const Array<double>& moments) {
            check_shape(points, "points", {-1, 3});
            const auto packed = pack_dipoles<float>(positions, moments);
            Array<float> a(std::vector<py::ssize_t>{points.shape(0), 3});
            float* out = a.mutable_data();
            py::gil_scoped_release release;
            cpu_primary().potential32(points.shape(0), points.data(), dipole_view(packed), out);
            return a;
        },
        py::arg("points").noconvert(), py::arg("positions").noconvert(), py::arg("moments").noconvert());

    m.def(
        "nearest_dipole",
        [](const Array<double>& points, const Array<double>& positions) {
            check_shape(points, "points", {-1, 3});
            const auto packed = pack_dipoles<float>(positions, positions);
            Array<float> a(std::vector<py::ssize_t>{points.shape(0)});
            float* out = a.mutable_data();
            py::gil_scoped_release release;
            cpu_primary().nearest_dipole(points.shape(0), points.data(), dipole_view(packed), out);
            return a;
        },
        py::arg("points").noconvert(), py::arg("positions").noconvert());

    py::class_<Grid>(m, "Grid")
        .def(py::init(&make_grid), py::arg("lattices"), py::arg("positions").noconvert(),
             py::arg("moments").noconvert())
        .def(
            "sample",
            [](const Grid& self, const Array<double>& nodes, const Array<double>& poses, double rate,
               Array<float>& out) {
                check_shape(nodes, "nodes", {-1, 3});
                check_shape(poses, "poses", {-1, 4, 4});
                check_shape(out, "out", {nodes.shape(0), 3, -1});
                const py::ssize_t width = out.shape(2), k = poses.shape(0);
                check_width(width);
                if (k > width) throw std::invalid_argument("more poses than columns of out");
                float* adot = out.mutable_data();
                py::gil_scoped_release release;
                if (k < width) std::fill(adot, adot + out.size(), 0.f);
                return cpu_primary().sample_grid(static_cast<int>(width), nodes.shape(0), nodes.data(), self.view(),
                                                 static_cast<int32_t>(k), poses.data(), rate, adot);
            },
            py::arg("nodes").noconvert(), py::arg("poses").noconvert(), py::arg("rate"), py::arg("out").noconvert());
}

}  // namespace headfield
