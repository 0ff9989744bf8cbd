// SPDX-License-Identifier: BSD-3-Clause
// The multigrid hierarchy and the solver, as the opaque handles Hierarchy and Solver.
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <tuple>
#include <variant>

#include "column64.hpp"
#include "device_hierarchy.hpp"
#include "indices.hpp"
#include "kernels.hpp"
#include "pcg.hpp"
#include "signals.hpp"

namespace headfield {

namespace {

// An array that is not 0 where a node is marked, in either dtype that is used for that.
using Mask = std::variant<Array<bool>, Array<uint8_t>>;

// Returns the marks of `fixed` for n nodes, on the host; throws if there are none.
std::vector<uint8_t> fixed_nodes(const Mask& fixed, int32_t n) {
    std::vector<uint8_t> marks = std::visit(
        [&](const auto& mask) {
            check_shape(mask, "fixed", {n});
            const OnHost values(mask);
            return std::vector<uint8_t>(values.data(), values.data() + n);
        },
        fixed);
    if (std::all_of(marks.begin(), marks.end(), [](uint8_t mark) { return mark == 0; })) {
        throw std::invalid_argument("fixed marks no node: without one held at zero the matrix is singular");
    }
    return marks;
}

// A prolongation on the host: row pointer, columns, values and how many columns there are.
using Prolongation = std::tuple<HostArray<int32_t>, HostArray<int32_t>, HostArray<double>, int32_t>;

CsrView<double> prolongation_view(const Prolongation& p, int32_t rows) {
    const auto& [ptr, col, val, cols] = p;
    check_shape(ptr, "prolongation", {py::ssize_t{rows} + 1});
    check_shape(val, "prolongation", {col.size()});
    check_indices(col, "prolongation", cols);
    bool ascends = ptr.at(0) == 0 && ptr.at(rows) == col.size();
    for (int32_t i = 0; i < rows; ++i) ascends = ascends && ptr.at(i) <= ptr.at(i + 1);
    if (!ascends) throw std::invalid_argument("prolongation does not have a row for each of the matrix");
    return {rows, cols, ptr.data(), col.data(), val.data()};
}

// Hierarchy(indptr, indices, values, fixed (n,), theta, prolongation): built on the host, then taken to where the loops
// work. See build_hierarchy.
std::unique_ptr<DeviceHierarchy> make_hierarchy(const Indices& indptr, const Indices& indices,
                                                const Array<double>& values, const Mask& fixed, double theta,
                                                const std::optional<Prolongation>& prolongation) {
    const auto k = csr_view(indptr, indices, values, 1);
    const std::vector<uint8_t> marks = fixed_nodes(fixed, k.rows);
    const OnHost<int32_t> ptr(indptr.array()), col(indices.array());
    const OnHost<double> val(values);
    CsrView<double> first{};
    if (prolongation) first = prolongation_view(*prolongation, k.rows);
    Signals signals;
    Running run;
    return std::make_unique<DeviceHierarchy>(build_hierarchy({k.rows, k.cols, ptr.data(), col.data(), val.data()},
                                                             marks.data(), theta, prolongation ? &first : nullptr,
                                                             signals.poll()));
}

// Mixture(hierarchy, [(indptr, indices, values) of each tissue]).
std::unique_ptr<Mixture> make_mixture(const DeviceHierarchy& hierarchy,
                                      const std::vector<std::tuple<Indices, Indices, Array<double>>>& tissues) {
    if (tissues.empty()) throw std::invalid_argument("tissues must hold a matrix");
    std::vector<OnHost<int32_t>> indices;
    std::vector<OnHost<double>> numbers;
    std::vector<CsrView<double>> views;
    indices.reserve(2 * tissues.size());
    numbers.reserve(tissues.size());
    for (const auto& [ptr, col, val] : tissues) {
        const auto view = csr_view(ptr, col, val, 1, hierarchy.size());
        if (view.rows != hierarchy.size()) {
            throw std::invalid_argument("tissues must be matrices of " + std::to_string(hierarchy.size()) + " rows");
        }
        const int32_t* rows = indices.emplace_back(ptr.array()).data();
        const int32_t* columns = indices.emplace_back(col.array()).data();
        views.push_back({view.rows, view.cols, rows, columns, numbers.emplace_back(val).data()});
    }
    Running run;
    return std::make_unique<Mixture>(hierarchy, views);
}

// Solver.mix(factors): a list of W numbers for each tissue.
void mix(Solver& solver, const std::vector<std::vector<double>>& factors) {
    const auto width = static_cast<std::size_t>(solver.width());
    std::vector<double> all;
    for (const auto& row : factors) {
        if (row.size() != width) throw std::invalid_argument("factors must hold a number a column for each tissue");
        all.insert(all.end(), row.begin(), row.end());
    }
    if (factors.size() != static_cast<std::size_t>(solver.tissues())) {
        throw std::invalid_argument("factors must be of " + std::to_string(solver.tissues()) + " tissues");
    }
    if (!std::all_of(all.begin(), all.end(), [](double s) { return s > 0.0 && std::isfinite(s); })) {
        throw std::invalid_argument("factors must be positive");
    }
    Running run;
    solver.mix(all);
}

// Solver.solve(b (n, W), phi (n, W), tolerance (W,), max_iterations, guessed) -> a ColumnReport a column; see
// Solver::solve.
std::vector<ColumnReport> solve(Solver& solver, Array<double>& b, Array<double>& phi,
                                const std::vector<double>& tolerance, int max_iterations, bool guessed) {
    check_shape(b, "b", {solver.size(), solver.width()});
    check_shape(phi, "phi", {solver.size(), solver.width()});
    if (tolerance.size() != static_cast<std::size_t>(solver.width())) {
        throw std::invalid_argument("tolerance must hold a number a column, " + std::to_string(solver.width()));
    }
    double *guess = phi.mutable_data(), *rhs = b.mutable_data();
    Signals signals;
    Running run;
    return solver.solve(rhs, guess, guessed, tolerance, max_iterations, signals.poll());
}

// solve_in_float64(hierarchy, b (n,), phi (n,), tolerance, max_iterations) -> a ColumnReport.
ColumnReport solve_column(const DeviceHierarchy& hierarchy, Array<double>& b, Array<double>& phi, double tolerance,
                          int max_iterations) {
    check_shape(b, "b", {hierarchy.size()});
    check_shape(phi, "phi", {hierarchy.size()});
    double *guess = phi.mutable_data(), *rhs = b.mutable_data();
    Signals signals;
    Running run;
    return solve_in_float64(hierarchy, rhs, guess, tolerance, max_iterations, signals.poll());
}

}  // namespace

void bind_solver(py::module_& m) {
    py::class_<DeviceHierarchy>(m, "Hierarchy", py::module_local())
        .def(py::init(&make_hierarchy), py::arg("indptr"), py::arg("indices"), py::arg("values").noconvert(),
             py::arg("fixed").noconvert(), py::arg("theta"), py::arg("prolongation") = py::none())
        .def_property_readonly("operator_complexity", &DeviceHierarchy::operator_complexity)
        .def_property_readonly("levels", &DeviceHierarchy::sizes);

    py::class_<Mixture>(m, "Mixture", py::module_local())
        .def(py::init(&make_mixture), py::arg("hierarchy"), py::arg("tissues"));

    py::class_<ColumnReport>(m, "ColumnReport", py::module_local())
        .def_readonly("iterations", &ColumnReport::iterations)
        .def_readonly("residual", &ColumnReport::residual)
        .def_readonly("converged", &ColumnReport::converged)
        .def_property_readonly("stopped", [](const ColumnReport& r) {
            return std::array{"converged", "iterations", "stagnation",
                              "breakdown"}[static_cast<std::size_t>(r.stopped)];
        });

    py::class_<Solver>(m, "Solver", py::module_local())
        .def(py::init([](const DeviceHierarchy& hierarchy, int width, const Mixture* mixture) {
                 check_width(width);
                 if (mixture && mixture->rows() != hierarchy.size()) {
                     throw std::invalid_argument("the mixture is of another hierarchy");
                 }
                 Running run;
                 return std::make_unique<Solver>(hierarchy, width, mixture);
             }),
             py::arg("hierarchy"), py::arg("width"), py::arg("mixture") = py::none(), py::keep_alive<1, 2>(),
             py::keep_alive<1, 4>())
        .def_property_readonly("width", &Solver::width)
        .def("mix", &mix, py::arg("factors"))
        .def("solve", &solve, py::arg("b").noconvert(), py::arg("phi").noconvert(), py::arg("tolerance"),
             py::arg("max_iterations"), py::arg("guessed") = true)
        .def_property_readonly("recording_problem", [](const Solver& s) { return s.recording().problem(); });

    m.def("solve_in_float64", &solve_column, py::arg("hierarchy"), py::arg("b").noconvert(), py::arg("phi").noconvert(),
          py::arg("tolerance"), py::arg("max_iterations"));
}

}  // namespace headfield
