// SPDX-License-Identifier: BSD-3-Clause
// What is done to images of labels, on the host in both modules, on NumPy arrays: level sets (label_levels.hpp), their
// volumes (level_volumes.hpp), distances (distance.hpp) and connected parts (voxel_parts.hpp).
#include <algorithm>
#include <cmath>

#include "arrays.hpp"
#include "distance.hpp"
#include "label_levels.hpp"
#include "level_volumes.hpp"
#include "signals.hpp"
#include "voxel_parts.hpp"

namespace headfield {

namespace {

constexpr double widest = 100;  // sigma in blocks: a Gaussian as wide as a head

std::array<int64_t, 3> check_voxels(const HostArray<uint8_t>& image, const char* name) {
    check_shape(image, name, {-1, -1, -1});
    if (image.size() == 0) throw std::invalid_argument(std::string(name) + " holds no voxels");
    return {image.shape(0), image.shape(1), image.shape(2)};
}

void check_labels(const HostArray<uint8_t>& labels, int32_t n_tissues) {
    if (n_tissues < 1 || n_tissues > 255) throw std::invalid_argument("n_tissues must lie between 1 and 255");
    const uint8_t* p = labels.data();
    int highest = 0;
#pragma omp parallel for schedule(static) reduction(max : highest)
    for (py::ssize_t i = 0; i < labels.size(); ++i) highest = p[i] > highest ? p[i] : highest;
    if (highest > n_tissues) {
        throw std::invalid_argument("labels holds " + std::to_string(highest) + ", above n_tissues");
    }
}

// label_levels(labels (nx, ny, nz), n_tissues, sigma, step) -> (n_tissues, blocks along x, y, z).
py::array_t<float> levels_of_labels(const HostArray<uint8_t>& labels, int32_t n_tissues, double sigma, int64_t step) {
    const LabelImage image{labels.data(), check_voxels(labels, "labels"), n_tissues};
    check_labels(labels, n_tissues);
    if (!(sigma > 0 && sigma <= widest)) throw std::invalid_argument("sigma must lie above 0 and be at most 100");
    if (step < 1 || step > 64) throw std::invalid_argument("step must lie between 1 and 64");
    const std::array<int64_t, 3> shape = blocks(image.shape, step);
    py::array_t<float> levels({static_cast<int64_t>(n_tissues), shape[0], shape[1], shape[2]});
    float* out = levels.mutable_data();
    Signals signals;
    py::gil_scoped_release release;
    label_levels(image, sigma, step, out, signals.poll());
    return levels;
}

// volumes_above(level (nx, ny, nz), thresholds (t,)) -> (t,).
py::array_t<double> volumes_of_level(const HostArray<float>& level, const std::vector<float>& thresholds) {
    check_shape(level, "level", {-1, -1, -1});
    if (!std::is_sorted(thresholds.begin(), thresholds.end())) throw std::invalid_argument("thresholds must ascend");
    std::vector<double> volumes;
    {
        py::gil_scoped_release release;
        volumes = volumes_above(level.data(), {level.shape(0), level.shape(1), level.shape(2)}, thresholds);
    }
    const auto n = static_cast<py::ssize_t>(volumes.size());
    return to_numpy(std::move(volumes), {n});
}

// distance(mask (nx, ny, nz), spacing (3,)) -> (nx, ny, nz).
py::array_t<float> distances(const HostArray<uint8_t>& mask, const std::vector<double>& spacing) {
    const std::array<int64_t, 3> shape = check_voxels(mask, "mask");
    bool good = spacing.size() == 3;
    for (const double s : spacing) good = good && s > 0 && std::isfinite(s);
    if (!good) throw std::invalid_argument("spacing must be three positive numbers");
    py::array_t<float> out(shape);
    float* result = out.mutable_data();
    Signals signals;
    py::gil_scoped_release release;
    distance(mask.data(), shape, {spacing[0], spacing[1], spacing[2]}, result, signals.poll());
    return out;
}

// voxel_parts(labels (nx, ny, nz), diagonal) -> part (nx, ny, nz), size (p,), first (p,).
py::tuple parts_of_labels(const HostArray<uint8_t>& labels, bool diagonal) {
    const std::array<int64_t, 3> shape = check_voxels(labels, "labels");
    VoxelParts parts;
    {
        py::gil_scoped_release release;
        parts = voxel_parts(labels.data(), shape, diagonal);
    }
    const auto n = static_cast<py::ssize_t>(parts.size.size());
    return py::make_tuple(to_numpy(std::move(parts.part), {shape[0], shape[1], shape[2]}),
                          to_numpy(std::move(parts.size), {n}), to_numpy(std::move(parts.first), {n}));
}

}  // namespace

void bind_images(py::module_& m) {
    m.def("label_levels", &levels_of_labels, py::arg("labels").noconvert(), py::arg("n_tissues"), py::arg("sigma"),
          py::arg("step") = 1);
    m.def("volumes_above", &volumes_of_level, py::arg("level").noconvert(), py::arg("thresholds"));
    m.def("distance", &distances, py::arg("mask").noconvert(), py::arg("spacing"));
    m.def("voxel_parts", &parts_of_labels, py::arg("labels").noconvert(), py::arg("diagonal"));
}

}  // namespace headfield
