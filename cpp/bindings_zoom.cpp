// SPDX-License-Identifier: BSD-3-Clause
// Set-up of a refined part of a head: matrices of quadratic elements, and operators that sample their fields. On the
// host in both modules, on NumPy arrays.
#include <cstring>

#include "arrays.hpp"
#include "quadratic_tets.hpp"
#include "signals.hpp"

namespace headfield {

namespace {

// Throws unless the ten unknowns of each element lie in −1…n − 1, those of its corners in 0…n − 1.
QuadraticMesh quadratic_mesh(const HostArray<double>& nodes, const HostArray<int32_t>& unknowns) {
    check_shape(nodes, "nodes", {-1, 3});
    check_shape(unknowns, "unknowns", {-1, 10});
    const py::ssize_t n = nodes.shape(0);
    const int32_t* u = unknowns.data();
    for (py::ssize_t k = 0; k < unknowns.size(); ++k) {
        if (u[k] >= n || u[k] < (k % 10 < 4 ? 0 : -1)) {
            throw std::invalid_argument("unknowns holds a number outside 0…" + std::to_string(n - 1));
        }
    }
    return {nodes.data(), u, n, unknowns.shape(0)};
}

Conductivities conductivities(const HostArray<double>& sigma, int64_t n_elements, bool edges) {
    const bool tensor = sigma.ndim() == 3;
    tensor ? check_shape(sigma, "sigma", {n_elements, 3, 3}) : check_shape(sigma, "sigma", {n_elements});
    return {sigma.data(), tensor, edges};
}

// assemble_quadratic(nodes (n, 3), unknowns (m, 10), sigma, edges) -> indptr (n + 1,), indices (nnz,), stiffness
// (nnz,), source (nnz, 3).
py::tuple quadratic_arrays(const HostArray<double>& nodes, const HostArray<int32_t>& unknowns,
                           const HostArray<double>& sigma, bool edges) {
    const QuadraticMesh mesh = quadratic_mesh(nodes, unknowns);
    const Conductivities s = conductivities(sigma, mesh.n_elements, edges);
    std::vector<double> stiffness;
    std::vector<float> source;
    std::vector<int32_t> ptr, col;
    Signals signals;
    {
        py::gil_scoped_release release;
        const Poll poll = signals.poll();
        Pattern p(mesh.elements(), poll);
        stiffness.resize(p.col.size());
        source.resize(3 * p.col.size());
        assemble_quadratic(mesh, {p.ptr.data(), p.col.data(), p.start.data(), p.around.data()}, s, stiffness.data(),
                           source.data(), poll);
        ptr = std::move(p.ptr);
        col = std::move(p.col);
    }
    const auto rows = static_cast<py::ssize_t>(ptr.size()), nnz = static_cast<py::ssize_t>(col.size());
    return py::make_tuple(to_numpy(std::move(ptr), {rows}), to_numpy(std::move(col), {nnz}),
                          to_numpy(std::move(stiffness), {nnz}), to_numpy(std::move(source), {nnz, 3}));
}

template <class T>
py::array_t<T> as_array(const T* values, std::vector<py::ssize_t> shape) {
    py::array_t<T> out(std::move(shape));
    std::memcpy(out.mutable_data(), values, out.size() * sizeof(T));
    return out;
}

// sampling(nodes, unknowns, ptr (rows + 1,), elements (s,), barycentric (s, 4), weight (s,)) -> indptr (rows + 1,),
// indices (nnz,), gradients (nnz, 3), shares (nnz,).
py::tuple sampling_arrays(const HostArray<double>& nodes, const HostArray<int32_t>& unknowns,
                          const HostArray<int32_t>& ptr, const HostArray<int32_t>& elements,
                          const HostArray<double>& barycentric, const HostArray<double>& weight) {
    const QuadraticMesh mesh = quadratic_mesh(nodes, unknowns);
    check_shape(ptr, "ptr", {-1});
    check_shape(elements, "elements", {-1});
    const py::ssize_t s = elements.size();
    check_indices(elements, "elements", mesh.n_elements);
    check_shape(barycentric, "barycentric", {s, 4});
    check_shape(weight, "weight", {s});
    const py::ssize_t rows = ptr.size() - 1;
    for (py::ssize_t r = 0; r <= rows; ++r) {
        const int32_t before = r == 0 ? 0 : ptr.at(r - 1);
        if (ptr.at(r) < before || (r == rows && ptr.at(r) != s)) throw std::invalid_argument("ptr must ascend from 0");
    }
    if (rows < 0 || ptr.at(0) != 0) throw std::invalid_argument("ptr must ascend from 0");
    Csr<PointWeights> m;
    Signals signals;
    {
        py::gil_scoped_release release;
        m = sampling(mesh, {static_cast<int32_t>(rows), ptr.data(), elements.data(), barycentric.data(), weight.data()},
                     signals.poll());
    }
    const auto nnz = static_cast<py::ssize_t>(m.nnz());
    py::array_t<float> gradients({nnz, py::ssize_t{3}}), shares(nnz);
    for (py::ssize_t k = 0; k < nnz; ++k) {
        std::copy_n(m.val[k].gradient, 3, gradients.mutable_data(k));
        *shares.mutable_data(k) = m.val[k].share;
    }
    return py::make_tuple(as_array(m.ptr.data(), {rows + 1}), as_array(m.col.data(), {nnz}), gradients, shares);
}

}  // namespace

void bind_zoom(py::module_& m) {
    m.def("assemble_quadratic", &quadratic_arrays, py::arg("nodes").noconvert(), py::arg("unknowns").noconvert(),
          py::arg("sigma").noconvert(), py::arg("edges") = false);
    m.def("sampling", &sampling_arrays, py::arg("nodes").noconvert(), py::arg("unknowns").noconvert(),
          py::arg("ptr").noconvert(), py::arg("elements").noconvert(), py::arg("barycentric").noconvert(),
          py::arg("weight").noconvert());
}

}  // namespace headfield
