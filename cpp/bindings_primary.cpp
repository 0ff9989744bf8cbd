// SPDX-License-Identifier: BSD-3-Clause
// Coils: vector potentials by direct sum and on lattices.
#include <pybind11/stl.h>

#include <array>
#include <optional>

#include "arrays.hpp"
#include "kernels.hpp"

namespace headfield {

namespace {

// Six padded arrays x y z mx my mz from (d, 3) positions and moments.
template <class T>
std::vector<T> pack_dipoles(const Array<double>& positions, const Array<double>& moments) {
    check_shape(positions, "positions", {-1, 3});
    check_shape(moments, "moments", {positions.shape(0), 3});
    const OnHost<double> x(positions), m(moments);
    const int64_t d = positions.shape(0), padded = (d + 15) / 16 * 16;
    std::vector<T> packed(6 * padded, T(0));
    for (int q = 0; q < 3; ++q) {
        std::fill(packed.begin() + q * padded, packed.begin() + (q + 1) * padded, T(1e6));
        for (int64_t k = 0; k < d; ++k) {
            packed[q * padded + k] = static_cast<T>(x.data()[3 * k + q]);
            packed[(3 + q) * padded + k] = static_cast<T>(m.data()[3 * k + q]);
        }
    }
    return packed;
}

// The dipoles of a coil where the loops look for them.
template <class T>
class Dipoles {
public:
    Dipoles(const Array<double>& positions, const Array<double>& moments) : host_(pack_dipoles<T>(positions, moments)) {
        Running run;
        device_.emplace(host_);
    }
    Dipoles(const Dipoles&) = delete;
    Dipoles& operator=(const Dipoles&) = delete;
    DipoleView<T> view() const { return {static_cast<int64_t>(host_.size() / 6), device_->data()}; }

private:
    std::vector<T> host_;
    std::optional<OnDevice<T>> device_;
};

using Lattice = std::tuple<std::array<double, 3>, double, Array<float>, Array<uint8_t>>;

// Lattices and dipoles of one coil, kept for many calls: (origin, spacing, values, good) each, see LatticeView.
class Grid {
public:
    Grid(const std::vector<Lattice>& lattices, const Array<double>& positions, const Array<double>& moments)
        : lattices_(lattices), dipoles_(positions, moments) {
        if (lattices.size() > most_lattices) {
            throw std::invalid_argument("a grid has at most " + std::to_string(most_lattices) + " lattices");
        }
        for (const auto& [origin, spacing, values, good] : lattices_) {
            check_shape(values, "values", {-1, -1, -1, 4});
            check_shape(good, "good", {values.shape(0) - 1, values.shape(1) - 1, values.shape(2) - 1});
            LatticeView& v = view_.lattices[view_.n_lattices++];
            v = {{origin[0], origin[1], origin[2]}, 1.0 / spacing, {}, values.data(), good.data()};
            for (int d = 0; d < 3; ++d) v.shape[d] = static_cast<int32_t>(values.shape(d));
        }
        view_.dipoles = dipoles_.view();
    }
    const GridView& view() const { return view_; }

private:
    std::vector<Lattice> lattices_;  // keeps the arrays
    Dipoles<float> dipoles_;
    GridView view_{};
};

template <class T, class Kernel>
Array<T> potential(Kernel kernel, const Array<double>& points, const Array<double>& positions,
                   const Array<double>& moments) {
    check_shape(points, "points", {-1, 3});
    const Dipoles<T> dipoles(positions, moments);
    Array<T> a(std::vector<py::ssize_t>{points.shape(0), 3});
    T* out = a.mutable_data();
    Running run;
    kernel(points.shape(0), points.data(), dipoles.view(), out);
    return a;
}

Array<float> nearest_dipole(const Array<double>& points, const Array<double>& positions) {
    check_shape(points, "points", {-1, 3});
    const Dipoles<float> dipoles(positions, positions);
    Array<float> a(std::vector<py::ssize_t>{points.shape(0)});
    float* out = a.mutable_data();
    Running run;
    device_primary().nearest_dipole(points.shape(0), points.data(), dipoles.view(), out);
    return a;
}

int64_t sample(const Grid& grid, const Array<double>& nodes, const Array<double>& poses, double rate,
               Array<float>& out) {
    check_shape(nodes, "nodes", {-1, 3});
    check_shape(poses, "poses", {-1, 4, 4});
    check_shape(out, "out", {nodes.shape(0), 3, -1});
    const py::ssize_t width = out.shape(2), k = poses.shape(0);
    check_width(width);
    if (k > width) throw std::invalid_argument("more poses than columns of out");
    float* adot = out.mutable_data();
    Running run;
    return device_primary().sample_grid(static_cast<int>(width), nodes.shape(0), nodes.data(), grid.view(),
                                        static_cast<int32_t>(k), poses.data(), rate, adot);
}

}  // namespace

void bind_primary(py::module_& m) {
    m.def(
        "vector_potential",
        [](const Array<double>& points, const Array<double>& positions, const Array<double>& moments) {
            return potential<double>(device_primary().potential64, points, positions, moments);
        },
        py::arg("points").noconvert(), py::arg("positions").noconvert(), py::arg("moments").noconvert());
    m.def(
        "vector_potential_float32",
        [](const Array<double>& points, const Array<double>& positions, const Array<double>& moments) {
            return potential<float>(device_primary().potential32, points, positions, moments);
        },
        py::arg("points").noconvert(), py::arg("positions").noconvert(), py::arg("moments").noconvert());
    m.def("nearest_dipole", &nearest_dipole, py::arg("points").noconvert(), py::arg("positions").noconvert());

    py::class_<Grid>(m, "Grid", py::module_local())
        .def(py::init<const std::vector<Lattice>&, const Array<double>&, const Array<double>&>(), py::arg("lattices"),
             py::arg("positions").noconvert(), py::arg("moments").noconvert())
        .def("sample", &sample, py::arg("nodes").noconvert(), py::arg("poses").noconvert(), py::arg("rate"),
             py::arg("out").noconvert());
}

}  // namespace headfield
