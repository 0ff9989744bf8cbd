// SPDX-License-Identifier: BSD-3-Clause
// Module `_cpu`: the functions of headfield on CPU cores. Checks shapes and dtypes, releases the GIL, and nothing else.
#include <pybind11/stl.h>

#include <array>
#include <memory>
#include <optional>

#include "amg.hpp"
#include "arrays.hpp"
#include "assemble.hpp"
#include "kernels.hpp"
#include "pcg.hpp"
#include "topology.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

using namespace headfield;

namespace {

void bind_topology(py::module_& m) {
    m.def("node_parts", [](const Array<int32_t>& tets, int64_t n_nodes) {
        check_shape(tets, "tets", {-1, 4});
        std::vector<int32_t> label;
        {
            py::gil_scoped_release release;
            label = node_parts(tets.data(), tets.shape(0), n_nodes);
        }
        return to_array(std::move(label), {n_nodes});
    }, py::arg("tets").noconvert(), py::arg("n_nodes"));

    m.def("boundary_faces", [](const Array<int32_t>& tets, int64_t n_nodes) {
        check_shape(tets, "tets", {-1, 4});
        BoundaryFaces b;
        {
            py::gil_scoped_release release;
            b = boundary_faces(tets.data(), tets.shape(0), n_nodes);
        }
        const auto f = static_cast<py::ssize_t>(b.owner.size());
        return py::make_tuple(to_array(std::move(b.faces), {f, 3}), to_array(std::move(b.owner), {f}));
    }, py::arg("tets").noconvert(), py::arg("n_nodes"));

    m.def("morton_order", [](const Array<double>& nodes) {
        check_shape(nodes, "nodes", {-1, 3});
        std::vector<int32_t> order;
        {
            py::gil_scoped_release release;
            order = morton_order(nodes.data(), nodes.shape(0));
        }
        const auto n = static_cast<py::ssize_t>(order.size());
        return to_array(std::move(order), {n});
    }, py::arg("nodes").noconvert());
}

// Throws unless every index lies in [0, n).
void check_indices(const Array<int32_t>& a, const char* name, int64_t n) {
    const int32_t* p = a.data();
    bool good = true;
    for (py::ssize_t k = 0; k < a.size(); ++k) good = good && p[k] >= 0 && p[k] < n;
    if (!good) throw std::invalid_argument(std::string(name) + " holds an index outside 0…" + std::to_string(n - 1));
}

// Throws unless `width` is one of the widths that the loops are compiled for.
void check_width(py::ssize_t width) {
    for (const int w : {1, 4, 8, 16, 32}) {
        if (w == width) return;
    }
    throw std::invalid_argument("a block has 1, 4, 8, 16 or 32 columns, not " + std::to_string(width));
}

// `scale` followed by zeros up to `width` numbers.
std::vector<double> pad(const Array<double>& scale, py::ssize_t width) {
    check_shape(scale, "scale", {-1});
    if (scale.size() > width) throw std::invalid_argument("scale holds more numbers than the block has columns");
    std::vector<double> padded(width, 0.0);
    std::copy(scale.data(), scale.data() + scale.size(), padded.begin());
    return padded;
}

MeshView mesh_view(const Array<double>& nodes, const Array<int32_t>& tets) {
    check_shape(nodes, "nodes", {-1, 3});
    check_shape(tets, "tets", {-1, 4});
    return {nodes.data(), tets.data(), nodes.shape(0), tets.shape(0)};
}

template <class T>
CsrView<T> csr_view(const Array<int32_t>& ptr, const Array<int32_t>& col, const Array<T>& val, int values_each) {
    check_shape(ptr, "indptr", {-1});
    check_shape(col, "indices", {-1});
    if (val.size() != col.size() * values_each) throw std::invalid_argument("values and indices differ in length");
    const auto n = static_cast<int32_t>(ptr.shape(0) - 1);
    bool good = n >= 0 && ptr.data()[0] == 0 && ptr.data()[n] == col.shape(0);
    for (int32_t i = 0; good && i < n; ++i) good = ptr.data()[i] <= ptr.data()[i + 1];
    if (!good) throw std::invalid_argument("indptr does not describe the rows of indices");
    return {n, n, ptr.data(), col.data(), val.data()};
}

// Six padded arrays x y z mx my mz from (d, 3) positions and moments.
template <class T>
std::vector<T> pack_dipoles(const Array<double>& positions, const Array<double>& moments) {
    check_shape(positions, "positions", {-1, 3});
    check_shape(moments, "moments", {positions.shape(0), 3});
    const int64_t d = positions.shape(0), padded = (d + 15) / 16 * 16;
    std::vector<T> packed(6 * padded, T(0));
    for (int q = 0; q < 3; ++q) {
        std::fill(packed.begin() + q * padded, packed.begin() + (q + 1) * padded, T(1e6));
        for (int64_t k = 0; k < d; ++k) {
            packed[q * padded + k] = static_cast<T>(positions.data()[3 * k + q]);
            packed[(3 + q) * padded + k] = static_cast<T>(moments.data()[3 * k + q]);
        }
    }
    return packed;
}

template <class T>
DipoleView<T> dipole_view(const std::vector<T>& packed) {
    return {static_cast<int64_t>(packed.size() / 6), packed.data()};
}

py::tuple assemble_arrays(const Array<double>& nodes, const Array<int32_t>& tets, const Array<double>& sigma) {
    const MeshView mesh = mesh_view(nodes, tets);
    const bool tensor = sigma.ndim() == 3;
    tensor ? check_shape(sigma, "sigma", {mesh.n_tets, 3, 3}) : check_shape(sigma, "sigma", {mesh.n_tets});
    check_indices(tets, "tets", mesh.n_nodes);
    Pattern p;
    std::unique_ptr<Incidence> incidence;
    {
        py::gil_scoped_release release;
        incidence = std::make_unique<Incidence>(mesh);
        p = coupling_pattern(mesh, *incidence);
    }
    const auto n = static_cast<py::ssize_t>(p.ptr.size()), nnz = static_cast<py::ssize_t>(p.col.size());
    Array<double> stiffness(std::vector<py::ssize_t>{nnz});
    Array<float> source(std::vector<py::ssize_t>{nnz, 3});
    double* k = stiffness.mutable_data();
    float* s = source.mutable_data();
    {
        py::gil_scoped_release release;
        assemble(mesh, *incidence, p, sigma.data(), tensor, k, s);
    }
    return py::make_tuple(to_array(std::move(p.ptr), {n}), to_array(std::move(p.col), {nnz}), stiffness, source);
}

void bind_operators(py::module_& m) {
    m.def("assemble", &assemble_arrays, py::arg("nodes").noconvert(), py::arg("tets").noconvert(),
          py::arg("sigma").noconvert());

    m.def("right_hand_side",
          [](const Array<int32_t>& indptr, const Array<int32_t>& indices, const Array<float>& source,
             const Array<float>& adot, Array<double>& out) {
              const auto s = csr_view(indptr, indices, source, 3);
              check_shape(adot, "adot", {s.rows, 3, -1});
              const py::ssize_t width = adot.shape(2);
              check_width(width);
              check_shape(out, "out", {s.rows, width});
              double* b = out.mutable_data();
              py::gil_scoped_release release;
              cpu_field().right_hand_side(static_cast<int>(width), s, adot.data(), b);
          },
          py::arg("indptr").noconvert(), py::arg("indices").noconvert(), py::arg("source").noconvert(),
          py::arg("adot").noconvert(), py::arg("out").noconvert());

    m.def("electric_field",
          [](const Array<double>& nodes, const Array<int32_t>& tets, const Array<double>& phi, const Array<float>& adot,
             const Array<double>& scale, const std::optional<Array<int32_t>>& elements, Array<float>& out) {
              const MeshView mesh = mesh_view(nodes, tets);
              check_shape(phi, "phi", {mesh.n_nodes, -1});
              const py::ssize_t width = phi.shape(1), k = scale.size();
              check_width(width);
              check_shape(adot, "adot", {mesh.n_nodes, 3, width});
              if (elements) check_indices(*elements, "elements", mesh.n_tets);
              const py::ssize_t count = elements ? elements->size() : mesh.n_tets;
              check_shape(out, "out", {k, count, 3});
              const std::vector<double> padded = pad(scale, width);
              float* e = out.mutable_data();
              py::gil_scoped_release release;
              cpu_field().electric_field(static_cast<int>(width), mesh, phi.data(), adot.data(), count,
                                         elements ? elements->data() : nullptr, static_cast<int32_t>(k),
                                         padded.data(), e);
          },
          py::arg("nodes").noconvert(), py::arg("tets").noconvert(), py::arg("phi").noconvert(),
          py::arg("adot").noconvert(), py::arg("scale").noconvert(), py::arg("elements").noconvert(),
          py::arg("out").noconvert());

    m.def("unpack",
          [](const Array<double>& phi, const Array<int32_t>& node, const Array<double>& scale, Array<double>& out) {
              check_shape(phi, "phi", {-1, -1});
              const py::ssize_t n = phi.shape(0), k = scale.size();
              check_shape(node, "node", {n});
              check_indices(node, "node", n);
              check_shape(out, "out", {k, n});
              const std::vector<double> padded = pad(scale, phi.shape(1));
              double* rows = out.mutable_data();
              py::gil_scoped_release release;
              cpu_field().unpack(static_cast<int>(phi.shape(1)), n, phi.data(), node.data(), static_cast<int32_t>(k),
                                 padded.data(), rows);
          },
          py::arg("phi").noconvert(), py::arg("node").noconvert(), py::arg("scale").noconvert(),
          py::arg("out").noconvert());

    m.def("pack",
          [](const Array<double>& rows, const Array<int32_t>& node, const Array<double>& scale, Array<double>& out) {
              check_shape(rows, "rows", {scale.size(), -1});
              check_shape(out, "out", {rows.shape(1), -1});
              const py::ssize_t width = out.shape(1);
              const py::ssize_t n = rows.shape(1);
              check_shape(node, "node", {n});
              check_indices(node, "node", n);
              const std::vector<double> padded = pad(scale, width);
              double* phi = out.mutable_data();
              py::gil_scoped_release release;
              cpu_field().pack(static_cast<int>(width), n, rows.data(), node.data(),
                               static_cast<int32_t>(rows.shape(0)), padded.data(), phi);
          },
          py::arg("rows").noconvert(), py::arg("node").noconvert(), py::arg("scale").noconvert(),
          py::arg("out").noconvert());
}

// Lattices and dipoles of one coil, kept for many calls: (origin, spacing, values, good) each, see LatticeView.
struct Grid {
    std::vector<Array<float>> values;
    std::vector<Array<uint8_t>> good;
    std::vector<LatticeView> lattices;
    std::vector<float> dipoles;
    GridView view() const { return {static_cast<int32_t>(lattices.size()), lattices.data(), dipole_view(dipoles)}; }
};

using Lattice = std::tuple<std::array<double, 3>, double, Array<float>, Array<uint8_t>>;

Grid make_grid(const std::vector<Lattice>& lattices, const Array<double>& positions, const Array<double>& moments) {
    Grid g;
    for (const auto& [origin, spacing, values, good] : lattices) {
        check_shape(values, "values", {-1, -1, -1, 4});
        check_shape(good, "good", {values.shape(0) - 1, values.shape(1) - 1, values.shape(2) - 1});
        LatticeView v{{origin[0], origin[1], origin[2]}, 1.0 / spacing, {}, values.data(), good.data()};
        for (int d = 0; d < 3; ++d) v.shape[d] = static_cast<int32_t>(values.shape(d));
        g.values.push_back(values);
        g.good.push_back(good);
        g.lattices.push_back(v);
    }
    g.dipoles = pack_dipoles<float>(positions, moments);
    return g;
}

void bind_primary(py::module_& m) {
    m.def("vector_potential",
          [](const Array<double>& points, const Array<double>& positions, const Array<double>& moments) {
              check_shape(points, "points", {-1, 3});
              const auto packed = pack_dipoles<double>(positions, moments);
              Array<double> a(std::vector<py::ssize_t>{points.shape(0), 3});
              double* out = a.mutable_data();
              py::gil_scoped_release release;
              cpu_primary().potential64(points.shape(0), points.data(), dipole_view(packed), out);
              return a;
          },
          py::arg("points").noconvert(), py::arg("positions").noconvert(), py::arg("moments").noconvert());

    m.def("vector_potential_float32",
          [](const Array<double>& points, const Array<double>& positions, const Array<double>& moments) {
              check_shape(points, "points", {-1, 3});
              const auto packed = pack_dipoles<float>(positions, moments);
              Array<float> a(std::vector<py::ssize_t>{points.shape(0), 3});
              float* out = a.mutable_data();
              py::gil_scoped_release release;
              cpu_primary().potential32(points.shape(0), points.data(), dipole_view(packed), out);
              return a;
          },
          py::arg("points").noconvert(), py::arg("positions").noconvert(), py::arg("moments").noconvert());

    m.def("nearest_dipole",
          [](const Array<double>& points, const Array<double>& positions) {
              check_shape(points, "points", {-1, 3});
              const auto packed = pack_dipoles<float>(positions, positions);
              Array<float> a(std::vector<py::ssize_t>{points.shape(0)});
              float* out = a.mutable_data();
              py::gil_scoped_release release;
              cpu_primary().nearest_dipole(points.shape(0), points.data(), dipole_view(packed), out);
              return a;
          },
          py::arg("points").noconvert(), py::arg("positions").noconvert());

    py::class_<Grid>(m, "Grid")
        .def(py::init(&make_grid), py::arg("lattices"), py::arg("positions").noconvert(),
             py::arg("moments").noconvert())
        .def("sample",
             [](const Grid& self, const Array<double>& nodes, const Array<double>& poses, double rate,
                Array<float>& out) {
                 check_shape(nodes, "nodes", {-1, 3});
                 check_shape(poses, "poses", {-1, 4, 4});
                 check_shape(out, "out", {nodes.shape(0), 3, -1});
                 const py::ssize_t width = out.shape(2), k = poses.shape(0);
                 check_width(width);
                 if (k > width) throw std::invalid_argument("more poses than columns of out");
                 float* adot = out.mutable_data();
                 py::gil_scoped_release release;
                 if (k < width) std::fill(adot, adot + out.size(), 0.f);
                 return cpu_primary().sample_grid(static_cast<int>(width), nodes.shape(0), nodes.data(), self.view(),
                                                  static_cast<int32_t>(k), poses.data(), rate, adot);
             },
             py::arg("nodes").noconvert(), py::arg("poses").noconvert(), py::arg("rate"), py::arg("out").noconvert());
}

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
        .def("solve",
             [](Solver& self, Array<double>& b, Array<double>& phi, double tolerance, int max_iterations) {
                 check_shape(b, "b", {self.size(), self.width()});
                 check_shape(phi, "phi", {self.size(), self.width()});
                 double *guess = phi.mutable_data(), *rhs = b.mutable_data();
                 py::gil_scoped_release release;
                 return self.solve(rhs, guess, tolerance, max_iterations);
             },
             py::arg("b").noconvert(), py::arg("phi").noconvert(), py::arg("tolerance"), py::arg("max_iterations"));
}

}  // namespace

PYBIND11_MODULE(_cpu, m) {
    m.doc() = "headfield on CPU cores";
    bind_topology(m);
    bind_operators(m);
    bind_primary(m);
    bind_solver(m);
    m.def("set_threads", [](int n) {
        if (n < 1) throw std::invalid_argument("threads must be at least 1");
#if defined(_OPENMP)
        omp_set_num_threads(n);
#endif
    }, py::arg("n"));
    m.def("max_threads", [] {
#if defined(_OPENMP)
        return omp_get_max_threads();
#else
        return 1;
#endif
    });
    m.attr("instruction_set") = cpu_instruction_set();
}
