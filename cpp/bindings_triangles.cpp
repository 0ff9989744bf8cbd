// SPDX-License-Identifier: BSD-3-Clause
// Questions about triangle surfaces, points on them and bodies near them, on the host in both modules, on NumPy arrays.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "arrays.hpp"
#include "distance_lattice.hpp"
#include "signals.hpp"
#include "thinning.hpp"
#include "triangle_tree.hpp"

namespace headfield {

namespace {

void check_finite(const HostArray<double>& a, const char* name) {
    const double* p = a.data();
    int64_t bad = 0;
    for (py::ssize_t k = 0; k < a.size(); ++k) bad += !std::isfinite(p[k]);
    if (bad) throw std::invalid_argument(std::string(name) + " holds numbers that are not finite");
}

// Triangles(corners (f, 3, 3)).
std::unique_ptr<TriangleTree> tree_of(const HostArray<double>& corners) {
    check_shape(corners, "corners", {-1, 3, 3});
    if (corners.shape(0) == 0) throw std::invalid_argument("corners holds no triangles");
    check_finite(corners, "corners");
    py::gil_scoped_release release;
    return std::make_unique<TriangleTree>(corners.data(), corners.shape(0));
}

// closest(points (p, 3)) -> face (p,), weights (p, 3), distance (p,).
py::tuple closest_of(const TriangleTree& tree, const HostArray<double>& points) {
    check_shape(points, "points", {-1, 3});
    check_finite(points, "points");
    const py::ssize_t n = points.shape(0);
    py::array_t<int64_t> face(n);
    py::array_t<double> weights({n, py::ssize_t{3}}), distance(n);
    const double* p = points.data();
    int64_t* f = face.mutable_data();
    double *w = weights.mutable_data(), *d = distance.mutable_data();
    Signals signals;
    {
        py::gil_scoped_release release;
        tree.closest(p, n, f, w, d, signals.poll());
    }
    return py::make_tuple(face, weights, distance);
}

// thinned(points (n, 3), distance) -> numbers of the points taken (m,).
py::array_t<int64_t> thinned_points(const HostArray<double>& points, double distance) {
    check_shape(points, "points", {-1, 3});
    check_finite(points, "points");
    if (!(distance > 0 && std::isfinite(distance))) throw std::invalid_argument("distance must be above 0");
    std::vector<int64_t> taken;
    {
        py::gil_scoped_release release;
        taken = thinned(points.data(), points.shape(0), distance);
    }
    const auto m = static_cast<py::ssize_t>(taken.size());
    return to_numpy(std::move(taken), {m});
}

// DistanceLattice(values (nx, ny, nz), low (3,), step).
std::unique_ptr<DistanceLattice> lattice_of(const HostArray<float>& values, const HostArray<double>& low, double step) {
    check_shape(values, "values", {-1, -1, -1});
    if (*std::min_element(values.shape(), values.shape() + 3) < 2) {
        throw std::invalid_argument("values must have two points along each axis");
    }
    if (values.size() > std::numeric_limits<int32_t>::max()) throw std::length_error("values holds 2^31 or more");
    check_shape(low, "low", {3});
    check_finite(low, "low");
    if (!(step > 0 && std::isfinite(step))) throw std::invalid_argument("step must be above 0");
    const double* at = low.data();
    return std::make_unique<DistanceLattice>(std::vector<float>(values.data(), values.data() + values.size()),
                                             std::array<int64_t, 3>{values.shape(0), values.shape(1), values.shape(2)},
                                             Vec3{at[0], at[1], at[2]}, step);
}

void check_body(const HostArray<double>& points, const HostArray<double>& poses) {
    check_shape(points, "points", {-1, 3});
    if (points.shape(0) == 0) throw std::invalid_argument("points holds none");
    check_finite(points, "points");
    check_shape(poses, "poses", {-1, 4, 4});
    check_finite(poses, "poses");
}

// least(points (c, 3), poses (k, 4, 4)) -> (k,).
py::array_t<double> least_of(const DistanceLattice& lattice, const HostArray<double>& points,
                             const HostArray<double>& poses) {
    check_body(points, poses);
    py::array_t<double> least(poses.shape(0));
    double* out = least.mutable_data();
    Signals signals;
    {
        py::gil_scoped_release release;
        lattice.least(Body(points.data(), points.shape(0)), poses.data(), poses.shape(0), out, signals.poll());
    }
    return least;
}

// lifts(points (c, 3), poses (k, 4, 4), clear, farthest) -> (k,).
py::array_t<double> lifts_of(const DistanceLattice& lattice, const HostArray<double>& points,
                             const HostArray<double>& poses, double clear, double farthest) {
    check_body(points, poses);
    if (!std::isfinite(clear) || !std::isfinite(farthest))
        throw std::invalid_argument("clear and farthest must be finite");
    py::array_t<double> lifts(poses.shape(0));
    double* out = lifts.mutable_data();
    Signals signals;
    {
        py::gil_scoped_release release;
        const Body body(points.data(), points.shape(0));
        lattice.lifts(body, poses.data(), poses.shape(0), {clear, farthest}, out, signals.poll());
    }
    return lifts;
}

}  // namespace

void bind_triangles(py::module_& m) {
    py::class_<TriangleTree>(m, "Triangles", py::module_local())
        .def(py::init(&tree_of), py::arg("corners").noconvert())
        .def("closest", &closest_of, py::arg("points").noconvert());
    py::class_<DistanceLattice>(m, "DistanceLattice", py::module_local())
        .def(py::init(&lattice_of), py::arg("values").noconvert(), py::arg("low").noconvert(), py::arg("step"))
        .def("least", &least_of, py::arg("points").noconvert(), py::arg("poses").noconvert())
        .def("lifts", &lifts_of, py::arg("points").noconvert(), py::arg("poses").noconvert(), py::arg("clear"),
             py::arg("farthest"));
    m.def("thinned", &thinned_points, py::arg("points").noconvert(), py::arg("distance"));
}

}  // namespace headfield
