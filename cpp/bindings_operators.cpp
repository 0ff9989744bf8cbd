// SPDX-License-Identifier: BSD-3-Clause
// From meshes to matrices, right-hand sides and fields: FieldKernels, assemble and the class Indices.
#include <memory>
#include <optional>

#include "indices.hpp"
#include "kernels.hpp"
#include "signals.hpp"

namespace headfield {

namespace {

// assemble(nodes (n, 3), tets (m, 4), sigma (m,) or (m, 3, 3), edges) -> indptr (n + 1,), indices (nnz,), stiffness
// (nnz,), source (nnz, 3). The pattern is found on the host, which takes integers alone, and the values where the arrays lie.
py::tuple assemble_arrays(const Array<double>& nodes, const Indices& tets, const Array<double>& sigma, bool edges) {
    const MeshView mesh = mesh_view(nodes, tets);
    const bool tensor = check_conductivity(sigma, mesh);
    const OnHost<int32_t> host_tets(tets.array());
    std::unique_ptr<Pattern> p;
    Signals signals;
    {
        py::gil_scoped_release release;
        p = std::make_unique<Pattern>(corners_of({nullptr, host_tets.data(), mesh.n_nodes, mesh.n_tets}),
                                      signals.poll());
    }
    const auto rows = static_cast<py::ssize_t>(p->ptr.size()), nnz = static_cast<py::ssize_t>(p->col.size());
    Array<int32_t> ptr = to_array(std::move(p->ptr), {rows}), col = to_array(std::move(p->col), {nnz});
    Array<double> stiffness(std::vector<py::ssize_t>{nnz});
    Array<float> source(std::vector<py::ssize_t>{nnz, 3});
    double* k = stiffness.mutable_data();
    float* s = source.mutable_data();
    {
        Running run;
        const OnDevice<int64_t> start(p->start);
        const OnDevice<int32_t> around(p->around);
        assemble(mesh, {ptr.data(), col.data(), start.data(), around.data()}, {sigma.data(), tensor, edges}, k, s,
                 signals.poll());
    }
    return py::make_tuple(ptr, col, stiffness, source);
}

// right_hand_side(indptr, indices, source (nnz, 3), adot (n, 3, W), out (n, W)) fills out.
void right_hand_side(const Indices& indptr, const Indices& indices, const Array<float>& source,
                     const Array<float>& adot, Array<double>& out) {
    const auto s = csr_view(indptr, indices, source, 3);
    check_shape(source, "source", {indices.shape(0), 3});
    check_shape(adot, "adot", {s.rows, 3, -1});
    const py::ssize_t width = adot.shape(2);
    check_width(width);
    check_shape(out, "out", {s.rows, width});
    double* b = out.mutable_data();
    const float* rates = adot.data();
    Signals signals;
    Running run;
    in_pieces(s.rows, some_rows(s.rows, width), signals.poll(), [&](int64_t begin, int64_t end) {
        device_field().right_hand_side(static_cast<int>(width), s.part(begin, end), rates, b + width * begin);
    });
}

// electric_field(nodes, tets, phi (n, W), adot (n, 3, W) or None, scale (k,), elements (e,) or None, out (k, e, 3),
// edges) fills out.
void electric_field(const Array<double>& nodes, const Indices& tets, const Array<double>& phi, const Rates& adot,
                    const Array<double>& scale, const std::optional<Indices>& elements, Array<float>& out, bool edges) {
    const MeshView mesh = mesh_view(nodes, tets);
    check_shape(phi, "phi", {mesh.n_nodes, -1});
    const py::ssize_t width = phi.shape(1);
    check_width(width);
    const float* rates = check_rates(adot, mesh.n_nodes, width);
    const int32_t k = count_scaled(scale, width);
    if (elements) elements->check("elements", mesh.n_tets);
    const py::ssize_t count = elements ? elements->size() : mesh.n_tets;
    check_shape(out, "out", {k, count, 3});
    float* e = out.mutable_data();
    Signals signals;
    Running run;
    device_field().electric_field(static_cast<int>(width), mesh, phi.data(), {rates, edges}, count,
                                  elements ? elements->data() : nullptr, k, scale.data(), e, signals.poll());
}

// field_at_points(indptr, indices, gradients (nnz, 3), shares (nnz,), phi (n, W), adot (n, 3, W) or None, scale (k,),
// out (k, points, 3)) fills out.
void field_at_points(const Indices& indptr, const Indices& indices, const Array<float>& gradients,
                     const Array<float>& shares, const Array<double>& phi, const Rates& adot,
                     const Array<double>& scale, Array<float>& out) {
    check_shape(phi, "phi", {-1, -1});
    const py::ssize_t width = phi.shape(1);
    check_width(width);
    const float* rates = check_rates(adot, phi.shape(0), width);
    const auto g = csr_view(indptr, indices, gradients, 3, phi.shape(0));
    check_shape(gradients, "gradients", {indices.shape(0), 3});
    check_shape(shares, "shares", {indices.shape(0)});
    const int32_t k = count_scaled(scale, width);
    check_shape(out, "out", {k, g.rows, 3});
    float* e = out.mutable_data();
    Signals signals;
    Running run;
    device_field().field_at_points(static_cast<int>(width), {g, shares.data(), phi.data(), rates}, k, scale.data(), e,
                                   signals.poll());
}

// subtract_product(indptr, indices, values (nnz,), x (r, W), b (n, W)) subtracts the product of the matrix (n, r) and x
// from b.
void subtract_product(const Indices& indptr, const Indices& indices, const Array<double>& values,
                      const Array<double>& x, Array<double>& b) {
    check_shape(x, "x", {-1, -1});
    const py::ssize_t width = x.shape(1);
    check_width(width);
    const auto m = csr_view(indptr, indices, values, 1, x.shape(0));
    check_shape(values, "values", {indices.shape(0)});
    check_shape(b, "b", {m.rows, width});
    const double* known = x.data();
    double* left = b.mutable_data();
    Signals signals;
    Running run;
    in_pieces(m.rows, some_rows(m.rows, width), signals.poll(), [&](int64_t begin, int64_t end) {
        device_field().subtract_product(static_cast<int>(width), m.part(begin, end), known, left + width * begin);
    });
}

// unpack(phi (n, W), node (n,), scale (k,), out (k, n)): from columns to rows in the caller's order of nodes.
void unpack(const Array<double>& phi, const Indices& node, const Array<double>& scale, Array<double>& out) {
    check_shape(phi, "phi", {-1, -1});
    const py::ssize_t n = phi.shape(0), width = phi.shape(1);
    check_width(width);
    const int32_t k = count_scaled(scale, width);
    check_shape(node, "node", {n});
    node.check("node", n);
    check_shape(out, "out", {k, n});
    double* rows = out.mutable_data();
    Running run;
    device_field().unpack(static_cast<int>(width), n, phi.data(), node.data(), k, scale.data(), rows);
}

// pack(rows (k, n), node (n,), scale (k,), out (n, W)): the reverse.
void pack(const Array<double>& rows, const Indices& node, const Array<double>& scale, Array<double>& out) {
    check_shape(rows, "rows", {scale.size(), -1});
    check_shape(out, "out", {rows.shape(1), -1});
    const py::ssize_t n = rows.shape(1), width = out.shape(1);
    check_width(width);
    const int32_t k = count_scaled(scale, width);
    check_shape(node, "node", {n});
    node.check("node", n);
    double* phi = out.mutable_data();
    Running run;
    device_field().pack(static_cast<int>(width), n, rows.data(), node.data(), k, scale.data(), phi);
}

}  // namespace

void bind_operators(py::module_& m) {
    py::class_<Indices>(m, "Indices", py::module_local())
        .def(py::init<Array<int32_t>, int64_t, bool>(), py::arg("array").noconvert(), py::arg("below") = 0,
             py::arg("row_pointer") = false);
    py::implicitly_convertible<Array<int32_t>, Indices>();

    m.def("assemble", &assemble_arrays, py::arg("nodes").noconvert(), py::arg("tets"), py::arg("sigma").noconvert(),
          py::arg("edges") = false);
    m.def("right_hand_side", &right_hand_side, py::arg("indptr"), py::arg("indices"), py::arg("source").noconvert(),
          py::arg("adot").noconvert(), py::arg("out").noconvert());
    m.def("electric_field", &electric_field, py::arg("nodes").noconvert(), py::arg("tets"), py::arg("phi").noconvert(),
          py::arg("adot").noconvert(), py::arg("scale").noconvert(), py::arg("elements"), py::arg("out").noconvert(),
          py::arg("edges") = false);
    m.def("field_at_points", &field_at_points, py::arg("indptr"), py::arg("indices"), py::arg("gradients").noconvert(),
          py::arg("shares").noconvert(), py::arg("phi").noconvert(), py::arg("adot").noconvert(),
          py::arg("scale").noconvert(), py::arg("out").noconvert());
    m.def("subtract_product", &subtract_product, py::arg("indptr"), py::arg("indices"), py::arg("values").noconvert(),
          py::arg("x").noconvert(), py::arg("b").noconvert());
    m.def("unpack", &unpack, py::arg("phi").noconvert(), py::arg("node"), py::arg("scale").noconvert(),
          py::arg("out").noconvert());
    m.def("pack", &pack, py::arg("rows").noconvert(), py::arg("node"), py::arg("scale").noconvert(),
          py::arg("out").noconvert());
}

}  // namespace headfield
