// SPDX-License-Identifier: BSD-3-Clause
// Transposes: of patterns on the host, and of the loops from ∂A/∂t and potentials to right-hand sides and fields
// (TransposeKernels, where the formulas are).
#include <limits>
#include <optional>
#include <tuple>

#include "csr.hpp"
#include "indices.hpp"
#include "kernels.hpp"

namespace headfield {

namespace {

// What `transposed` returns: where each column begins, rows, and entries, as in TransposedView.
using Transposed = std::tuple<Indices, Indices, Indices>;

// transposed(indptr, indices, columns) -> indptr (columns + 1,), row (nnz,), entry (nnz,), made once for many gathers.
py::tuple transposed_arrays(const Indices& indptr, const Indices& indices, int64_t columns) {
    if (columns < 0 || columns >= std::numeric_limits<int32_t>::max()) {
        throw std::invalid_argument("columns must lie between 0 and 2^31 - 2, not " + std::to_string(columns));
    }
    const int32_t rows = check_pattern(indptr, indices, columns);
    const OnHost<int32_t> ptr(indptr.array()), col(indices.array());
    std::vector<int32_t> begin, row, entry;
    {
        py::gil_scoped_release release;
        begin.assign(columns + 1, 0);
        row.resize(indices.size());
        entry.resize(indices.size());
        transpose(rows, static_cast<int32_t>(columns), ptr.data(), col.data(), begin.data(),
                  [&](int32_t at, int32_t i, int32_t k) {
                      row[at] = i;
                      entry[at] = k;
                  });
    }
    const py::ssize_t nnz = indices.size();
    return py::make_tuple(to_array(std::move(begin), {columns + 1}), to_array(std::move(row), {nnz}),
                          to_array(std::move(entry), {nnz}));
}

// Returns a view, and throws unless all numbers lie where those of the transpose of a pattern of so many rows, columns
// and entries do. Whether it is that of the right pattern is not looked at.
TransposedView transposed_view(const Transposed& of, const std::string& name, int64_t columns, int64_t rows,
                               int64_t entries) {
    const auto& [ptr, row, entry] = of;
    check_shape(ptr, (name + " indptr").c_str(), {columns + 1});
    check_shape(row, (name + " row").c_str(), {entries});
    check_shape(entry, (name + " entry").c_str(), {entries});
    if (!ptr.is_row_pointer(entries)) throw std::invalid_argument(name + " indptr does not ascend to its entries");
    row.check((name + " row").c_str(), rows);
    entry.check((name + " entry").c_str(), entries);
    return {static_cast<int32_t>(columns), ptr.data(), row.data(), entry.data()};
}

// Returns a view of weights (k, count, 3) with their scale (k,) for a block of W columns, after checks.
Weights weights_view(const Array<float>& weights, const Array<double>& scale, py::ssize_t width) {
    check_width(width);
    const int32_t k = count_scaled(scale, width);
    check_shape(weights, "weights", {k, -1, 3});
    return {weights.shape(1), k, scale.data(), weights.data()};
}

// element_loads(nodes, tets, weights (k, e, 3), scale (k,), elements (e,) or None, corners, out (n, W)) fills out.
void element_loads(const Array<double>& nodes, const Indices& tets, const Array<float>& weights,
                   const Array<double>& scale, const std::optional<Indices>& elements, const Transposed& corners,
                   Array<double>& out) {
    const MeshView mesh = mesh_view(nodes, tets);
    check_shape(out, "out", {mesh.n_nodes, -1});
    const py::ssize_t width = out.shape(1);
    const Weights w = weights_view(weights, scale, width);
    if (elements) elements->check("elements", mesh.n_tets);
    check_shape(weights, "weights", {w.k, elements ? elements->size() : mesh.n_tets, 3});
    const TransposedView around = transposed_view(corners, "corners", mesh.n_nodes, w.count, 4 * w.count);
    double* b = out.mutable_data();
    Running run;
    DeviceBuffer<float> loads(3 * w.count * width);
    device_transposes().element_loads(static_cast<int>(width), mesh, elements ? elements->data() : nullptr, w, around,
                                      loads.data(), b);
}

// spread(weights (k, p, 3), scale (k,), shares (p, 4) or None, corners, out (rows, 3, W)) fills out.
void spread(const Array<float>& weights, const Array<double>& scale, const std::optional<Array<float>>& shares,
            const Transposed& corners, Array<float>& out) {
    check_shape(out, "out", {-1, 3, -1});
    const py::ssize_t width = out.shape(2);
    const Weights w = weights_view(weights, scale, width);
    if (shares) check_shape(*shares, "shares", {w.count, 4});
    const TransposedView around = transposed_view(corners, "corners", out.shape(0), w.count, 4 * w.count);
    float* rows = out.mutable_data();
    Running run;
    DeviceBuffer<float> values(3 * w.count * width);
    device_transposes().spread(static_cast<int>(width), w, around, shares ? shares->data() : nullptr, values.data(),
                               rows);
}

// edge_shares(nodes, tets, weights (k, e, 3), scale (k,), elements (e,) or None, corners, out (c, 3, W)) fills out: c
// nodes, by the numbers that `corners` has for them.
void edge_shares(const Array<double>& nodes, const Indices& tets, const Array<float>& weights,
                 const Array<double>& scale, const std::optional<Indices>& elements, const Transposed& corners,
                 Array<float>& out) {
    const MeshView mesh = mesh_view(nodes, tets);
    check_shape(out, "out", {-1, 3, -1});
    const py::ssize_t width = out.shape(2);
    const Weights w = weights_view(weights, scale, width);
    if (elements) elements->check("elements", mesh.n_tets);
    check_shape(weights, "weights", {w.k, elements ? elements->size() : mesh.n_tets, 3});
    const TransposedView around = transposed_view(corners, "corners", out.shape(0), w.count, 4 * w.count);
    float* rows = out.mutable_data();
    Running run;
    DeviceBuffer<float> values(3 * w.count * width);
    device_transposes().edge_shares(static_cast<int>(width), mesh, elements ? elements->data() : nullptr, w, around,
                                    values.data(), rows);
}

// nodal_flux(columns, source (nnz, 3), phi (n, W), out (n, 3, W)) fills out.
void nodal_flux(const Transposed& columns, const Array<float>& source, const Array<double>& phi, Array<float>& out) {
    check_shape(phi, "phi", {-1, -1});
    const py::ssize_t n = phi.shape(0), width = phi.shape(1);
    check_width(width);
    check_shape(source, "source", {-1, 3});
    const TransposedView by_node = transposed_view(columns, "columns", n, n, source.shape(0));
    check_shape(out, "out", {n, 3, width});
    float* flux = out.mutable_data();
    Running run;
    device_transposes().nodal_flux(static_cast<int>(width), by_node, source.data(), phi.data(), flux);
}

// Checks rows (r, 3, W) of a recovery, and returns W.
int check_recovered(const Array<float>& rows) {
    check_shape(rows, "rows", {-1, 3, -1});
    check_width(rows.shape(2));
    return static_cast<int>(rows.shape(2));
}

// recovered_loads(indptr (r + 1,), weights (nnz, 3), columns, nodes, rows (r, 3, W), out (n, W)) fills out.
void recovered_loads(const Indices& indptr, const Array<float>& weights, const Transposed& columns,
                     const Transposed& nodes, const Array<float>& rows, Array<double>& out) {
    const int width = check_recovered(rows);
    const py::ssize_t r = rows.shape(0);
    check_shape(weights, "weights", {-1, 3});
    check_shape(indptr, "indptr", {r + 1});
    if (!indptr.is_row_pointer(weights.shape(0))) throw std::invalid_argument("indptr does not ascend to the weights");
    check_shape(out, "out", {-1, width});
    const py::ssize_t n = out.shape(0);
    const TransposedView by_column = transposed_view(columns, "columns", n, r, weights.shape(0));
    const TransposedView by_node = transposed_view(nodes, "nodes", n, r, r);
    double* b = out.mutable_data();
    Running run;
    device_transposes().recovered_loads(width, indptr.data(), weights.data(), by_column, by_node, rows.data(), b);
}

// recovered_rates(rate (r, 3, 3), nodes, rows (r, 3, W), out (n, 3, W)) fills out.
void recovered_rates(const Array<float>& rate, const Transposed& nodes, const Array<float>& rows, Array<float>& out) {
    const int width = check_recovered(rows);
    const py::ssize_t r = rows.shape(0);
    check_shape(rate, "rate", {r, 3, 3});
    check_shape(out, "out", {-1, 3, width});
    const TransposedView by_node = transposed_view(nodes, "nodes", out.shape(0), r, r);
    float* a = out.mutable_data();
    Running run;
    device_transposes().recovered_rates(width, by_node, rate.data(), rows.data(), a);
}

}  // namespace

void bind_transposes(py::module_& m) {
    m.def("transposed", &transposed_arrays, py::arg("indptr"), py::arg("indices"), py::arg("columns"));
    m.def("element_loads", &element_loads, py::arg("nodes").noconvert(), py::arg("tets"),
          py::arg("weights").noconvert(), py::arg("scale").noconvert(), py::arg("elements"), py::arg("corners"),
          py::arg("out").noconvert());
    m.def("spread", &spread, py::arg("weights").noconvert(), py::arg("scale").noconvert(),
          py::arg("shares").noconvert(), py::arg("corners"), py::arg("out").noconvert());
    m.def("edge_shares", &edge_shares, py::arg("nodes").noconvert(), py::arg("tets"), py::arg("weights").noconvert(),
          py::arg("scale").noconvert(), py::arg("elements"), py::arg("corners"), py::arg("out").noconvert());
    m.def("nodal_flux", &nodal_flux, py::arg("columns"), py::arg("source").noconvert(), py::arg("phi").noconvert(),
          py::arg("out").noconvert());
    m.def("recovered_loads", &recovered_loads, py::arg("indptr"), py::arg("weights").noconvert(), py::arg("columns"),
          py::arg("nodes"), py::arg("rows").noconvert(), py::arg("out").noconvert());
    m.def("recovered_rates", &recovered_rates, py::arg("rate").noconvert(), py::arg("nodes"),
          py::arg("rows").noconvert(), py::arg("out").noconvert());
}

}  // namespace headfield
