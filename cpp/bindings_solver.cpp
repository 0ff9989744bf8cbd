// SPDX-License-Identifier: BSD-3-Clause
// The multigrid hierarchy and the solver: opaque handles.
#include <pybind11/stl.h>

#include <memory>

#include "amg.hpp"
#include "arrays.hpp"
#include "kernels.hpp"
#include "pcg.hpp"

namespace headfield {

void bind_solver(py::module_& m) {
    py::class_<Hierarchy, std::shared_ptr<Hierarchy>>(m, "Hierarchy")
        .def(py::init([](const Array<int32_t>& indptr, const Array<int32_t>& indices, const Array<double>& values,
                         int32_t ground, double theta) {
                 const auto k = csr_view(indptr, indices, values, 1);
                 check_indices(indices, "indices", k.rows);
                 if (ground < 0 || ground >= k.rows) throw std::invalid_argument("ground is not a row of the matrix");
                 py::gil_scoped_release release;
                 return std::make_shared<Hierarchy>(build_hierarchy(k, ground, theta));
             }),
             py::arg("indptr").noconvert(), py::arg("indices").noconvert(), py::arg("values").noconvert(),
             py::arg("ground"), py::arg("theta"))
        .def_property_readonly("operator_complexity", &Hierarchy::operator_complexity)
        .def_property_readonly("levels", [](const Hierarchy& h) {
            std::vector<std::pair<int32_t, int64_t>> sizes;
            for (const Level& l : h.levels) sizes.emplace_back(l.a.rows, l.a.nnz());
            return sizes;
        });

    py::class_<ColumnReport>(m, "ColumnReport")
        .def_readonly("iterations", &ColumnReport::iterations)
        .def_readonly("residual", &ColumnReport::residual)
        .def_readonly("converged", &ColumnReport::converged);

    py::class_<Solver>(m, "Solver")
        .def(py::init([](const Hierarchy& hierarchy, int width) {
                 check_width(width);
                 return std::make_unique<Solver>(hierarchy, width, cpu_verbs());
             }),
             py::arg("hierarchy"), py::arg("width"), py::keep_alive<1, 2>())
        .def_property_readonly("width", &Solver::width)
        .def(
            "solve",
            [](Solver& self, Array<double>& b, Array<double>& phi, double tolerance, int max_iterations) {
                check_shape(b, "b", {self.size(), self.width()});
                check_shape(phi, "phi", {self.size(), self.width()});
                double *guess = phi.mutable_data(), *rhs = b.mutable_data();
                py::gil_scoped_release release;
                return self.solve(rhs, guess, tolerance, max_iterations);
            },
            py::arg("b").noconvert(), py::arg("phi").noconvert(), py::arg("tolerance"), py::arg("max_iterations"));
}

}  // namespace headfield
