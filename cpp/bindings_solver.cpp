// SPDX-License-Identifier: BSD-3-Clause
// The multigrid hierarchy and the solver: opaque handles.
#include <pybind11/stl.h>

#include <memory>

#include "device_hierarchy.hpp"
#include "indices.hpp"
#include "kernels.hpp"
#include "pcg.hpp"

namespace headfield {

namespace {

std::unique_ptr<DeviceHierarchy> make_hierarchy(const Indices& indptr, const Indices& indices,
                                                const Array<double>& values, int32_t ground, double theta) {
    const auto k = csr_view(indptr, indices, values, 1);
    if (ground < 0 || ground >= k.rows) throw std::invalid_argument("ground is not a row of the matrix");
    const OnHost<int32_t> ptr(indptr.array()), col(indices.array());
    const OnHost<double> val(values);
    Running run;
    return std::make_unique<DeviceHierarchy>(
        build_hierarchy({k.rows, k.cols, ptr.data(), col.data(), val.data()}, ground, theta));
}

std::vector<ColumnReport> solve(Solver& solver, Array<double>& b, Array<double>& phi,
                                const std::vector<double>& tolerance, int max_iterations, bool guessed) {
    check_shape(b, "b", {solver.size(), solver.width()});
    check_shape(phi, "phi", {solver.size(), solver.width()});
    if (tolerance.size() != static_cast<std::size_t>(solver.width())) {
        throw std::invalid_argument("tolerance must hold a number a column, " + std::to_string(solver.width()));
    }
    double *guess = phi.mutable_data(), *rhs = b.mutable_data();
    Running run;
    return solver.solve(rhs, guess, guessed, tolerance, max_iterations);
}

}  // namespace

void bind_solver(py::module_& m) {
    py::class_<DeviceHierarchy>(m, "Hierarchy", py::module_local())
        .def(py::init(&make_hierarchy), py::arg("indptr"), py::arg("indices"), py::arg("values").noconvert(),
             py::arg("ground"), py::arg("theta"))
        .def_property_readonly("operator_complexity", &DeviceHierarchy::operator_complexity)
        .def_property_readonly("levels", &DeviceHierarchy::sizes);

    py::class_<ColumnReport>(m, "ColumnReport", py::module_local())
        .def_readonly("iterations", &ColumnReport::iterations)
        .def_readonly("residual", &ColumnReport::residual)
        .def_readonly("converged", &ColumnReport::converged);

    py::class_<Solver>(m, "Solver", py::module_local())
        .def(py::init([](const DeviceHierarchy& hierarchy, int width) {
                 check_width(width);
                 Running run;
                 return std::make_unique<Solver>(hierarchy, width);
             }),
             py::arg("hierarchy"), py::arg("width"), py::keep_alive<1, 2>())
        .def_property_readonly("width", &Solver::width)
        .def("solve", &solve, py::arg("b").noconvert(), py::arg("phi").noconvert(), py::arg("tolerance"),
             py::arg("max_iterations"), py::arg("guessed") = true)
        .def_property_readonly("recording_problem", [](const Solver& s) { return s.recording().problem(); });
}

}  // namespace headfield
