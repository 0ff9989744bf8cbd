// SPDX-License-Identifier: BSD-3-Clause
// Coils: vector potentials by direct sum and on lattices, and B by direct sum. Classes Sources and Grid hold what
// belongs to one coil where the loops look for it, for many calls.
#include <pybind11/stl.h>

#include <array>
#include <cmath>
#include <memory>
#include <optional>

#include "arrays.hpp"
#include "kernels.hpp"
#include "signals.hpp"

namespace headfield {

namespace {

// Makes the six padded arrays of a SourceView from positions (d, 3) and moments or lengths (d, 3). Padding lies 1000 km
// away and has no moment. Multiples of 16 suit the loops in both precisions (source_lanes).
template <class T>
std::vector<T> pack_sources(const Array<double>& positions, const Array<double>& vectors) {
    const OnHost<double> x(positions), v(vectors);
    const int64_t d = positions.shape(0), padded = (d + 15) / 16 * 16;
    std::vector<T> packed(6 * padded, T(0));
    for (int q = 0; q < 3; ++q) {
        std::fill(packed.begin() + q * padded, packed.begin() + (q + 1) * padded, T(1e6));
        for (int64_t k = 0; k < d; ++k) {
            packed[q * padded + k] = static_cast<T>(x.data()[3 * k + q]);
            packed[(3 + q) * padded + k] = static_cast<T>(v.data()[3 * k + q]);
        }
    }
    return packed;
}

// Dipoles or pieces of wire where the loops look for them. Not copied or moved, since the device's side may point to
// the host's.
template <class T>
class Packed {
public:
    Packed(const Array<double>& positions, const Array<double>& vectors) : host_(pack_sources<T>(positions, vectors)) {
        Running run;
        device_.emplace(host_);
    }
    Packed(const Packed&) = delete;
    Packed& operator=(const Packed&) = delete;
    SourceView<T> view() const { return {static_cast<int64_t>(host_.size() / 6), device_->data()}; }

private:
    std::vector<T> host_;
    std::optional<OnDevice<T>> device_;
};

// How many of n points a loop takes before it polls, each by itself and about as long as so many sums over a source: all
// where it returns before it is done.
int64_t some_points(int64_t n, int64_t sums) {
    constexpr int64_t most = int64_t(1) << 25, tile = 128;  // some hundredths of a second
    return asynchronous ? n : std::max(tile, most / std::max<int64_t>(sums, 1) / tile * tile);
}

constexpr int64_t interpolation = 64;  // sums over a source that take as long as A of one pose from a lattice, about

template <class T>
int64_t count(const SourcesView<T>& sources) {
    return sources.dipoles.padded + sources.segments.padded;
}

// Returns the positions after it has checked that there are as many vectors; within an initialiser list, hence the
// return.
const Array<double>& rows_of(const Array<double>& positions, const char* name, const Array<double>& vectors,
                             const char* vectors_name) {
    check_shape(positions, name, {-1, 3});
    check_shape(vectors, vectors_name, {positions.shape(0), 3});
    return positions;
}

// What A and B of a coil are summed over, in both precisions: float32 for lattices and for points that none covers,
// float64 for what these are measured by.
class Sources {
public:
    Sources(const Array<double>& positions, const Array<double>& moments, const Array<double>& points,
            const Array<double>& segments)
        : dipoles64_(rows_of(positions, "positions", moments, "moments"), moments),
          segments64_(rows_of(points, "points", segments, "segments"), segments), dipoles32_(positions, moments),
          segments32_(points, segments) {}
    SourcesView<double> view64() const { return {dipoles64_.view(), segments64_.view()}; }
    SourcesView<float> view32() const { return {dipoles32_.view(), segments32_.view()}; }

private:
    Packed<double> dipoles64_, segments64_;
    Packed<float> dipoles32_, segments32_;
};

using Lattice = std::tuple<std::array<double, 3>, std::array<double, 3>, Array<float>, Array<uint8_t>>;

// Lattices, (origin, spacing, values, good) each, and sources of one coil, kept for many calls: see GridView.
class Grid {
public:
    Grid(const std::vector<Lattice>& lattices, std::shared_ptr<Sources> sources)
        : lattices_(lattices), sources_(std::move(sources)) {
        if (lattices.size() > most_lattices) {
            throw std::invalid_argument("a grid has at most " + std::to_string(most_lattices) + " lattices");
        }
        for (const auto& [origin, spacing, values, good] : lattices_) {
            check_shape(values, "values", {-1, -1, -1, 4});
            check_shape(good, "good", {values.shape(0) - 1, values.shape(1) - 1, values.shape(2) - 1});
            LatticeView& v = view_.lattices[view_.n_lattices++];
            v.values = values.data();
            v.good = good.data();
            for (int d = 0; d < 3; ++d) {
                const double steps = -origin[d] / spacing[d], before = std::ceil(steps);
                const bool sane = std::abs(before) < 1e9;  // else `steps` is not a number, and no point lies in a cell
                v.per_metre[d] = 1.0 / spacing[d];
                v.steps[d] = sane ? steps : std::nan("");
                v.per_metre32[d] = static_cast<float>(v.per_metre[d]);
                v.fraction[d] = static_cast<float>(before - v.steps[d]);
                v.before[d] = sane ? static_cast<int32_t>(before) : 0;
                v.shape[d] = static_cast<int32_t>(values.shape(d));
            }
        }
        view_.sources = sources_->view32();
    }
    const GridView& view() const { return view_; }

private:
    std::vector<Lattice> lattices_;  // keeps the arrays
    std::shared_ptr<Sources> sources_;
    GridView view_{};
};

// Returns A or B (p, 3), as `kernel` sums it, at points (p, 3).
template <class T, class Kernel>
Array<T> at_points(Kernel kernel, const Array<double>& points, const SourcesView<T>& sources) {
    check_shape(points, "points", {-1, 3});
    Array<T> a(std::vector<py::ssize_t>{points.shape(0), 3});
    T* out = a.mutable_data();
    const double* at = points.data();
    const int64_t n = points.shape(0);
    Signals signals;
    Running run;
    in_pieces(n, some_points(n, count(sources)), signals.poll(),
              [&](int64_t begin, int64_t end) { kernel(end - begin, at + 3 * begin, sources, out + 3 * begin); });
    return a;
}

// Returns A and the gradient of v · A, (p, 6), at points (p, 3) with vectors v (p, 3).
template <class T, class Kernel>
Array<T> slopes_at(Kernel kernel, const Array<double>& points, const Array<double>& vectors,
                   const SourcesView<T>& sources) {
    rows_of(points, "points", vectors, "vectors");
    const int64_t n = points.shape(0);
    Array<T> both(std::vector<py::ssize_t>{n, 6});
    T* out = both.mutable_data();
    const double *at = points.data(), *along = vectors.data();
    Signals signals;
    Running run;
    in_pieces(n, some_points(n, 3 * count(sources)), signals.poll(), [&](int64_t begin, int64_t end) {
        kernel(end - begin, at + 3 * begin, along + 3 * begin, sources, out + 6 * begin);
    });
    return both;
}

// Sources.nearest(points (p, 3)) -> distances (p,) to the nearest source, m.
Array<float> nearest(const Sources& sources, const Array<double>& points) {
    check_shape(points, "points", {-1, 3});
    Array<float> a(std::vector<py::ssize_t>{points.shape(0)});
    float* out = a.mutable_data();
    const double* at = points.data();
    const SourcesView<float> view = sources.view32();
    const int64_t n = points.shape(0);
    Signals signals;
    Running run;
    in_pieces(n, some_points(n, count(view)), signals.poll(), [&](int64_t begin, int64_t end) {
        device_primary().nearest_source(end - begin, at + 3 * begin, view, out + begin);
    });
    return a;
}

// Grid.sample(nodes (n, 3), poses (k, 4, 4), rates (k,), out (n, 3, W), add) fills out; see
// PrimaryKernels::sample_grid.
int64_t sample(const Grid& grid, const Array<double>& nodes, const Array<double>& poses, const Array<double>& rates,
               Array<float>& out, bool add) {
    check_shape(nodes, "nodes", {-1, 3});
    check_shape(poses, "poses", {-1, 4, 4});
    check_shape(rates, "rates", {poses.shape(0)});
    check_shape(out, "out", {nodes.shape(0), 3, -1});
    const py::ssize_t width = out.shape(2), k = poses.shape(0);
    check_width(width);
    if (k > width) throw std::invalid_argument("more poses than columns of out");
    const Placements placements{static_cast<int32_t>(k), poses.data(), rates.data()};
    float* adot = out.mutable_data();
    const double* at = nodes.data();
    const int64_t n = nodes.shape(0);
    int64_t direct = 0;
    Signals signals;
    Running run;
    in_pieces(n, some_points(n, interpolation * k), signals.poll(), [&](int64_t begin, int64_t end) {
        direct += device_primary().sample_grid(static_cast<int>(width), end - begin, at + 3 * begin, grid.view(),
                                               placements, add, adot + 3 * width * begin);
    });
    return direct;
}

// Grid.pull(nodes (n, 3), poses (k, 4, 4), currents (n, 3, W)) -> (k, 7); see SlopeKernels::pull_grid.
Array<double> pull(const Grid& grid, const Array<double>& nodes, const Array<double>& poses,
                   const Array<float>& currents) {
    check_shape(nodes, "nodes", {-1, 3});
    check_shape(poses, "poses", {-1, 4, 4});
    check_shape(currents, "currents", {nodes.shape(0), 3, -1});
    const py::ssize_t n = nodes.shape(0), width = currents.shape(2), k = poses.shape(0);
    check_width(width);
    if (k > width) throw std::invalid_argument("more poses than columns of currents");
    Array<double> sums(std::vector<py::ssize_t>{k, 7});
    const Placements placements{static_cast<int32_t>(k), poses.data(), nullptr};
    double* out = sums.mutable_data();
    const double* at = nodes.data();
    const float* c = currents.data();
    Signals signals;
    Running run;
    DeviceBuffer<double> partial((n + pulled_together - 1) / pulled_together * 7 * k);
    device_slopes().pull_grid(static_cast<int>(width), n, at, grid.view(), placements, c, partial.data(), out,
                              signals.poll());
    return sums;
}

}  // namespace

void bind_primary(py::module_& m) {
    using Vectors = const Array<double>&;
    py::class_<Sources, std::shared_ptr<Sources>>(m, "Sources", py::module_local())
        .def(py::init<Vectors, Vectors, Vectors, Vectors>(), py::arg("positions").noconvert(),
             py::arg("moments").noconvert(), py::arg("points").noconvert(), py::arg("segments").noconvert())
        .def(
            "vector_potential",
            [](const Sources& s, Vectors p) { return at_points(device_primary().potential64, p, s.view64()); },
            py::arg("points").noconvert())
        .def(
            "vector_potential_float32",
            [](const Sources& s, Vectors p) { return at_points(device_primary().potential32, p, s.view32()); },
            py::arg("points").noconvert())
        .def(
            "magnetic_field",
            [](const Sources& s, Vectors p) { return at_points(device_primary().magnetic_field64, p, s.view64()); },
            py::arg("points").noconvert())
        .def(
            "magnetic_field_float32",
            [](const Sources& s, Vectors p) { return at_points(device_primary().magnetic_field32, p, s.view32()); },
            py::arg("points").noconvert())
        .def(
            "slopes",
            [](const Sources& s, Vectors p, Vectors v) {
                return slopes_at(device_slopes().slopes64, p, v, s.view64());
            },
            py::arg("points").noconvert(), py::arg("vectors").noconvert())
        .def(
            "slopes_float32",
            [](const Sources& s, Vectors p, Vectors v) {
                return slopes_at(device_slopes().slopes32, p, v, s.view32());
            },
            py::arg("points").noconvert(), py::arg("vectors").noconvert())
        .def("nearest", &nearest, py::arg("points").noconvert());

    py::class_<Grid>(m, "Grid", py::module_local())
        .def(py::init<const std::vector<Lattice>&, std::shared_ptr<Sources>>(), py::arg("lattices"),
             py::arg("sources").none(false))
        .def("sample", &sample, py::arg("nodes").noconvert(), py::arg("poses").noconvert(),
             py::arg("rates").noconvert(), py::arg("out").noconvert(), py::arg("add") = false)
        .def("pull", &pull, py::arg("nodes").noconvert(), py::arg("poses").noconvert(),
             py::arg("currents").noconvert());
}

}  // namespace headfield
