// SPDX-License-Identifier: BSD-3-Clause
// The mesher, on the host in both modules, on NumPy arrays.
#include <algorithm>
#include <cstring>

#include "arrays.hpp"
#include "graded_lattice.hpp"
#include "improve.hpp"
#include "level_cut.hpp"
#include "signals.hpp"

namespace headfield {

namespace {

LevelField level_field(const HostArray<float>& values, const HostArray<double>& to_voxels) {
    check_shape(values, "values", {-1, -1, -1, -1});
    check_shape(to_voxels, "to_voxels", {3, 4});
    LevelField field{};
    field.values = values.data();
    field.levels = static_cast<int>(values.shape(0));
    if (values.shape(0) < 1 || values.shape(0) > 31) throw std::invalid_argument("values must have 1 to 31 levels");
    for (int d = 0; d < 3; ++d) {
        field.n[d] = values.shape(d + 1);
        if (field.n[d] < 2) throw std::invalid_argument("values must have at least 2 voxels along each axis");
    }
    std::memcpy(field.to_voxels, to_voxels.data(), sizeof field.to_voxels);
    return field;
}

LatticeSize lattice_size(const HostArray<double>& box, double cell_mm, uint32_t fine) {
    check_shape(box, "box", {2, 3});
    if (!(cell_mm > 0.0)) throw std::invalid_argument("cell_mm must be above 0");
    LatticeSize size{};
    for (int d = 0; d < 3; ++d) {
        size.low[d] = box.at(0, d);
        size.high[d] = box.at(1, d);
        if (!(size.low[d] < size.high[d])) throw std::invalid_argument("box must have two corners, the lower first");
    }
    size.cell_mm = cell_mm;
    size.fine = fine;
    return size;
}

py::tuple mesh_levels(const HostArray<float>& values, const HostArray<double>& to_voxels, const HostArray<double>& box,
                      double cell_mm, uint32_t fine) {
    const LevelField field = level_field(values, to_voxels);
    const LatticeSize size = lattice_size(box, cell_mm, fine);
    Signals signals;
    LabelledMesh mesh;
    {
        py::gil_scoped_release release;
        const Poll poll = signals.poll();
        mesh = graded_lattice(field, size, poll);
        cut_by_levels(field, mesh, poll);
        improve(field, mesh, cell_mm, poll);
    }
    const auto m = static_cast<py::ssize_t>(mesh.labels.size());
    return py::make_tuple(rows_to_numpy<double>(std::move(mesh.nodes)), rows_to_numpy<int32_t>(std::move(mesh.tets)),
                          to_numpy(std::move(mesh.labels), {m}));
}

}  // namespace

void bind_mesher(py::module_& m) {
    m.def("mesh_levels", &mesh_levels, py::arg("values").noconvert(), py::arg("to_voxels").noconvert(),
          py::arg("box").noconvert(), py::arg("cell_mm"), py::arg("fine"));
}

}  // namespace headfield
