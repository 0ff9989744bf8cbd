// SPDX-License-Identifier: BSD-3-Clause
// Fields of nodal currents, on the host in both modules, on NumPy arrays.
#include <cmath>
#include <limits>
#include <memory>

#include "arrays.hpp"
#include "current_tree.hpp"
#include "signals.hpp"

namespace headfield {

namespace {

std::unique_ptr<CurrentTree> current_tree(const HostArray<double>& nodes, const HostArray<float>& currents) {
    check_shape(nodes, "nodes", {-1, 3});
    check_shape(currents, "currents", {-1, nodes.shape(0), 3});
    const py::ssize_t k = currents.shape(0), n = nodes.shape(0);
    if (k < 1 || k > most_functionals) {
        throw std::invalid_argument("currents must be those of 1 to " + std::to_string(most_functionals) +
                                    " functionals, not " + std::to_string(k));
    }
    if (n > std::numeric_limits<int32_t>::max()) throw std::invalid_argument("nodes are more than 32 bits can number");
    const double* at = nodes.data();
    const float* of = currents.data();
    Signals signals;
    py::gil_scoped_release release;
    return std::make_unique<CurrentTree>(at, of, n, static_cast<int>(k), signals.poll());
}

py::array_t<float> field(const CurrentTree& tree, const HostArray<double>& points, bool curl, bool every) {
    check_shape(points, "points", {-1, 3});
    const double* at = points.data();
    const py::ssize_t count = points.shape(0);
    double low = 0, high = 0;
    for (py::ssize_t i = 0; i < 3 * count; ++i) {
        if (!std::isfinite(at[i])) {
            throw std::invalid_argument("points must be finite; point " + std::to_string(i / 3) + " is not");
        }
        low = std::min(low, at[i]);
        high = std::max(high, at[i]);
    }
    if (!std::isfinite(high - low)) throw std::invalid_argument("points are farther apart than a double can tell");
    py::array_t<float> out(std::vector<py::ssize_t>{count, tree.k(), 3});
    float* to = out.mutable_data();
    Signals signals;
    {
        py::gil_scoped_release release;
        tree.sum(at, count, curl, every, to, signals.poll());
    }
    return out;
}

}  // namespace

void bind_currents(py::module_& m) {
    py::class_<CurrentTree>(m, "CurrentTree", py::module_local())
        .def(py::init(&current_tree), py::arg("nodes").noconvert(), py::arg("currents").noconvert())
        .def(
            "magnetic_field",
            [](const CurrentTree& tree, const HostArray<double>& points, bool every) {
                return field(tree, points, true, every);
            },
            py::arg("points").noconvert(), py::arg("every") = false)
        .def(
            "vector_potential",
            [](const CurrentTree& tree, const HostArray<double>& points, bool every) {
                return field(tree, points, false, every);
            },
            py::arg("points").noconvert(), py::arg("every") = false);
}

}  // namespace headfield
