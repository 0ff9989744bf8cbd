// SPDX-License-Identifier: BSD-3-Clause
// Recovered fields: the operator (recovery.hpp), and the loops that use it (RecoveryKernels).
#include "indices.hpp"
#include "kernels.hpp"
#include "recovery.hpp"
#include "signals.hpp"

namespace headfield {

namespace {

// Returns an array with a copy of the host's numbers.
template <class T>
Array<T> copied(const T* values, const std::vector<py::ssize_t>& shape) {
    py::ssize_t size = 1;
    for (const py::ssize_t n : shape) size *= n;
    return to_array(std::vector<T>(values, values + size), shape);
}

// recovery(nodes, tets, tags (m,), sigma, elements (e,), coupled) -> indptr (rows + 1,), indices (nnz,), weights
// (nnz, 3), node (rows,), tissue (rows,), rate (rows, 3, 3), corner (e, 4). Built on the host from copies, whatever the
// device.
py::tuple recovery(const Array<double>& nodes, const Indices& tets, const Array<int32_t>& tags,
                   const Array<double>& sigma, const Indices& elements, bool coupled) {
    const MeshView mesh = mesh_view(nodes, tets);
    check_shape(tags, "tags", {mesh.n_tets});
    const bool tensor = check_conductivity(sigma, mesh);
    check_shape(elements, "elements", {-1});
    elements.check("elements", mesh.n_tets);
    const OnHost<double> host_nodes(nodes), host_sigma(sigma);
    const OnHost<int32_t> host_tets(tets.array()), host_tags(tags), host_elements(elements.array());
    const MeshView on_host{host_nodes.data(), host_tets.data(), mesh.n_nodes, mesh.n_tets};
    Recovery built;
    Signals signals;
    {
        py::gil_scoped_release release;
        built = build_recovery({on_host, host_tags.data(), host_sigma.data(), tensor}, elements.size(),
                               host_elements.data(), coupled, signals.poll());
    }
    const auto rows = static_cast<py::ssize_t>(built.node.size()), nnz = static_cast<py::ssize_t>(built.weight.nnz());
    const Csr<Vector3>& w = built.weight;
    return py::make_tuple(copied(w.ptr.data(), {rows + 1}), copied(w.col.data(), {nnz}),
                          copied(reinterpret_cast<const float*>(w.val.data()), {nnz, 3}),
                          to_array(std::move(built.node), {rows}), to_array(std::move(built.tissue), {rows}),
                          to_array(std::move(built.rate), {rows, 3, 3}),
                          to_array(std::move(built.corner), {elements.size(), 4}));
}

// Checks phi (n, W) and adot (n, 3, W) or None, and returns the numbers of the latter.
const float* check_blocks(const Array<double>& phi, const Rates& adot) {
    check_shape(phi, "phi", {-1, -1});
    check_width(phi.shape(1));
    return check_rates(adot, phi.shape(0), phi.shape(1));
}

// recover(indptr, indices, weights, node, rate, phi, adot, out (rows, 3, W)) fills out with E at the rows of a
// recovery.
void recover(const Indices& indptr, const Indices& indices, const Array<float>& weights, const Indices& node,
             const Array<float>& rate, const Array<double>& phi, const Rates& adot, Array<float>& out) {
    const float* rates = check_blocks(phi, adot);
    const auto w = csr_view(indptr, indices, weights, 3, phi.shape(0));
    check_shape(weights, "weights", {indices.shape(0), 3});
    check_shape(node, "node", {w.rows});
    check_shape(rate, "rate", {w.rows, 3, 3});
    node.check("node", phi.shape(0));
    check_shape(out, "out", {w.rows, 3, phi.shape(1)});
    float* rows = out.mutable_data();
    const py::ssize_t width = phi.shape(1);
    Signals signals;
    Running run;
    in_pieces(w.rows, some_rows(w.rows, width), signals.poll(), [&](int64_t begin, int64_t end) {
        device_recovery().recover(static_cast<int>(width), w.part(begin, end), node.data() + begin,
                                  rate.data() + 9 * begin, phi.data(), rates, rows + 3 * width * begin);
    });
}

// Checks rows (r, 3, W) and corner (e, 4), which refers to them; returns W.
int check_rows(const Array<float>& rows, const Indices& corner) {
    check_shape(rows, "rows", {-1, 3, -1});
    check_width(rows.shape(2));
    check_shape(corner, "corner", {-1, 4});
    corner.check("corner", rows.shape(0));
    return static_cast<int>(rows.shape(2));
}

// interpolate(rows, corner (p, 4), weights (p, 4), scale (k,), out (k, p, 3)) fills out with E at points.
void interpolate(const Array<float>& rows, const Indices& corner, const Array<float>& weights,
                 const Array<double>& scale, Array<float>& out) {
    const int width = check_rows(rows, corner);
    check_shape(weights, "weights", {corner.shape(0), 4});
    const int32_t k = count_scaled(scale, width);
    check_shape(out, "out", {k, corner.shape(0), 3});
    float* field = out.mutable_data();
    Signals signals;
    Running run;
    device_recovery().interpolate(width, corner.shape(0), corner.data(), weights.data(), rows.data(), k, scale.data(),
                                  field, signals.poll());
}

// recovered_field(…, elements (e,), volumes (e,), corner (e, 4), rows, scale (k,), out (k, e, 3), error (k, e), sums
// (2, W), edges) fills the three before the last, see RecoveryKernels::recovered_field.
void recovered_field(const Array<double>& nodes, const Indices& tets, const Array<double>& phi, const Rates& adot,
                     const Indices& elements, const Array<double>& volumes, const Indices& corner,
                     const Array<float>& rows, const Array<double>& scale, Array<float>& out, Array<float>& error,
                     Array<double>& sums, bool edges) {
    const MeshView mesh = mesh_view(nodes, tets);
    const int width = check_rows(rows, corner);
    check_shape(phi, "phi", {mesh.n_nodes, width});
    const float* rates = check_blocks(phi, adot);
    const py::ssize_t count = corner.shape(0);
    check_shape(elements, "elements", {count});
    elements.check("elements", mesh.n_tets);
    check_shape(volumes, "volumes", {count});
    const int32_t k = count_scaled(scale, width);
    check_shape(out, "out", {k, count, 3});
    check_shape(error, "error", {k, count});
    check_shape(sums, "sums", {2, width});
    float *field = out.mutable_data(), *errors = error.mutable_data();
    double* total = sums.mutable_data();
    Signals signals;
    Running run;
    DeviceBuffer<double> partial(2 * width * device_iteration().reduction_rows(count));
    device_recovery().recovered_field(
        width, {mesh, phi.data(), {rates, edges}, count, elements.data(), volumes.data(), corner.data(), rows.data()},
        k, scale.data(), field, errors, {total, partial.data()}, signals.poll());
}

}  // namespace

void bind_recovery(py::module_& m) {
    m.def("recovery", &recovery, py::arg("nodes").noconvert(), py::arg("tets"), py::arg("tags").noconvert(),
          py::arg("sigma").noconvert(), py::arg("elements"), py::arg("coupled"));
    m.def("recover", &recover, py::arg("indptr"), py::arg("indices"), py::arg("weights").noconvert(), py::arg("node"),
          py::arg("rate").noconvert(), py::arg("phi").noconvert(), py::arg("adot").noconvert(),
          py::arg("out").noconvert());
    m.def("interpolate", &interpolate, py::arg("rows").noconvert(), py::arg("corner"), py::arg("weights").noconvert(),
          py::arg("scale").noconvert(), py::arg("out").noconvert());
    m.def("recovered_field", &recovered_field, py::arg("nodes").noconvert(), py::arg("tets"),
          py::arg("phi").noconvert(), py::arg("adot").noconvert(), py::arg("elements"), py::arg("volumes").noconvert(),
          py::arg("corner"), py::arg("rows").noconvert(), py::arg("scale").noconvert(), py::arg("out").noconvert(),
          py::arg("error").noconvert(), py::arg("sums").noconvert(), py::arg("edges") = false);
}

}  // namespace headfield
