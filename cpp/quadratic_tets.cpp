// SPDX-License-Identifier: BSD-3-Clause
// Matrices of quadratic tetrahedra. An element's are integrated once for a group of neighbouring rows, by a rule that
// is exact for them; then each row gathers its part in the order of the elements, so that sums don't depend on threads.
#include "quadratic_tets.hpp"

#include <algorithm>
#include <cstring>

#include "edge_split.hpp"
#include "element.hpp"
#include "first_error.hpp"

namespace headfield {

namespace {

// The ten nodal functions of an element at a point: their values, and their gradients, 1/m, by component.
struct Shape {
    double value[10];
    double slope[3][10];
};

// Starts from the functions λ of the corners. An edge with an unknown has N = 4 λ_a λ_b, and takes half of that from the
// functions of its ends, which are to be zero in its middle.
Shape shape_at(const TetGeometry& g, const double lambda[4], const int32_t* unknowns) {
    Shape s{};
    for (int i = 0; i < 4; ++i) {
        s.value[i] = lambda[i];
        for (int d = 0; d < 3; ++d) s.slope[d][i] = g.grad[i][d];
    }
    for (int e = 0; e < 6; ++e) {
        if (unknowns[4 + e] < 0) continue;
        const int a = edge_ends[e][0], b = edge_ends[e][1];
        const double value = 4.0 * lambda[a] * lambda[b];
        s.value[4 + e] = value;
        s.value[a] -= 0.5 * value;
        s.value[b] -= 0.5 * value;
        for (int d = 0; d < 3; ++d) {
            const double slope = 4.0 * (lambda[a] * g.grad[b][d] + lambda[b] * g.grad[a][d]);
            s.slope[d][4 + e] = slope;
            s.slope[d][a] -= 0.5 * slope;
            s.slope[d][b] -= 0.5 * slope;
        }
    }
    return s;
}

TetGeometry geometry(const QuadraticMesh& mesh, int64_t t) {
    const int32_t* u = mesh.unknowns + 10 * t;
    auto at = [&](int k) { return mesh.nodes + 3 * int64_t(u[k]); };
    return tet_geometry(at(0), at(1), at(2), at(3));
}

// The part of one element in both operators.
struct ElementMatrices {
    double stiffness[10][10];
    double source[10][3][10];
};

// Weights and coordinates of a rule that is exact for cubics (Keast 1986, doi 10.1016/0045-7825(86)90059-9).
constexpr double rule[5][5] = {{-0.8, 0.25, 0.25, 0.25, 0.25},
                               {0.45, 0.5, 1.0 / 6, 1.0 / 6, 1.0 / 6},
                               {0.45, 1.0 / 6, 0.5, 1.0 / 6, 1.0 / 6},
                               {0.45, 1.0 / 6, 1.0 / 6, 0.5, 1.0 / 6},
                               {0.45, 1.0 / 6, 1.0 / 6, 1.0 / 6, 0.5}};

// Those of an element that is linear along all its edges, as in add_tet.
void linear(const TetGeometry& g, const Conductivity& sigma, ElementMatrices& out) {
    for (int i = 0; i < 4; ++i) {
        double flux[3];
        sigma.apply(g.volume, g.grad[i], flux);
        for (int j = 0; j < 4; ++j) {
            out.stiffness[i][j] = dot3(flux, g.grad[j]);
            for (int d = 0; d < 3; ++d) out.source[i][d][j] = 0.25 * flux[d];
        }
    }
}

void integrate(const QuadraticMesh& mesh, int64_t t, Conductivities sigma, ElementMatrices& out) {
    const TetGeometry g = geometry(mesh, t);
    const Conductivity s{sigma.values + t * (sigma.tensor ? 9 : 1), sigma.tensor};
    std::memset(&out, 0, sizeof out);
    const int32_t* u = mesh.unknowns + 10 * t;
    if (std::all_of(u + 4, u + 10, [](int32_t k) { return k < 0; })) return linear(g, s, out);
    for (const auto& point : rule) {
        const Shape n = shape_at(g, point + 1, u);
        for (int i = 0; i < 10; ++i) {
            const double slope[3] = {n.slope[0][i], n.slope[1][i], n.slope[2][i]};
            double flux[3];
            s.apply(point[0] * g.volume, slope, flux);
            for (int j = 0; j < 10; ++j) {
                out.stiffness[i][j] += flux[0] * n.slope[0][j] + flux[1] * n.slope[1][j] + flux[2] * n.slope[2][j];
            }
            for (int d = 0; d < 3; ++d) {
                for (int j = 0; j < 10; ++j) out.source[i][d][j] += flux[d] * n.value[j];
            }
        }
    }
}

constexpr int64_t row_group = 256;  // whose elements' matrices, some megabytes, stay in cache

// Work space of a thread.
struct Group {
    std::vector<int32_t> elements;  // of the rows of a group, ascending
    std::vector<ElementMatrices> matrices;
    std::vector<int32_t> position;  // of each column in the row that is summed; stale elsewhere
    std::vector<double> stiffness, source;
};

void sum_row(const QuadraticMesh& mesh, const PatternView& p, int64_t i, Group& group) {
    const int32_t begin = p.ptr[i], end = p.ptr[i + 1];
    group.stiffness.assign(end - begin, 0.0);
    group.source.assign(3 * (end - begin), 0.0);
    for (int32_t k = begin; k < end; ++k) group.position[p.col[k]] = k - begin;
    auto element = group.elements.begin();
    for (int64_t k = p.start[i]; k < p.start[i + 1]; ++k) {
        element = std::lower_bound(element, group.elements.end(), p.around[k]);
        const ElementMatrices& m = group.matrices[element - group.elements.begin()];
        const int32_t* u = mesh.unknowns + 10 * int64_t(p.around[k]);
        const auto self = std::find(u, u + 10, static_cast<int32_t>(i)) - u;
        for (int j = 0; j < 10; ++j) {
            if (u[j] < 0) continue;
            const int32_t at = group.position[u[j]];
            group.stiffness[at] += m.stiffness[self][j];
            for (int d = 0; d < 3; ++d) group.source[3 * at + d] += m.source[self][d][j];
        }
    }
}

void assemble_rows(const QuadraticMesh& mesh, const PatternView& p, Conductivities sigma, int64_t first, int64_t last,
                   Group& group, double* stiffness, float* source) {
    group.elements.assign(p.around + p.start[first], p.around + p.start[last]);
    std::sort(group.elements.begin(), group.elements.end());
    group.elements.erase(std::unique(group.elements.begin(), group.elements.end()), group.elements.end());
    group.matrices.resize(group.elements.size());
    for (size_t k = 0; k < group.elements.size(); ++k) integrate(mesh, group.elements[k], sigma, group.matrices[k]);
    for (int64_t i = first; i < last; ++i) {
        sum_row(mesh, p, i, group);
        std::copy(group.stiffness.begin(), group.stiffness.end(), stiffness + p.ptr[i]);
        std::transform(group.source.begin(), group.source.end(), source + 3 * int64_t(p.ptr[i]),
                       [](double v) { return static_cast<float>(v); });
    }
}

// Sums of one row of a sampling operator by column, in the order in which columns first come.
class SampleRow {
public:
    explicit SampleRow(int64_t columns) : slot_(columns, -1) {}

    void add(int32_t column, const double numbers[4]) {
        if (slot_[column] < 0) {
            slot_[column] = static_cast<int32_t>(columns_.size());
            columns_.push_back(column);
            sums_.resize(4 * columns_.size(), 0.0);
        }
        for (int v = 0; v < 4; ++v) sums_[4 * int64_t(slot_[column]) + v] += numbers[v];
    }
    void emit(std::vector<int32_t>& col, std::vector<PointWeights>& val) {
        for (size_t k = 0; k < columns_.size(); ++k) {
            PointWeights w;
            for (int d = 0; d < 3; ++d) w.gradient[d] = static_cast<float>(sums_[4 * k + d]);
            w.share = static_cast<float>(sums_[4 * k + 3]);
            col.push_back(columns_[k]);
            val.push_back(w);
            slot_[columns_[k]] = -1;
        }
        columns_.clear();
        sums_.clear();
    }

private:
    std::vector<int32_t> slot_, columns_;
    std::vector<double> sums_;
};

}  // namespace

void assemble_quadratic(const QuadraticMesh& mesh, const PatternView& p, Conductivities sigma, double* stiffness,
                        float* source, const Poll& poll) {
    const int64_t n = mesh.n_nodes;
    FirstError error(poll);
#pragma omp parallel
    {
        Group group;
        error.run([&] { group.position.resize(n); });
#pragma omp for schedule(dynamic, 1)
        for (int64_t c = 0; c < (n + row_group - 1) / row_group; ++c) {
            error.run([&] {
                if (group.position.empty()) return;
                assemble_rows(mesh, p, sigma, c * row_group, std::min(n, (c + 1) * row_group), group, stiffness,
                              source);
            });
        }
    }
    error.rethrow();
}

Csr<PointWeights> sampling(const QuadraticMesh& mesh, const Samples& samples, const Poll& poll) {
    auto scratch = [&] { return SampleRow(mesh.n_nodes); };
    auto row = [&](int32_t r, SampleRow& sums, std::vector<int32_t>& col, std::vector<PointWeights>& val) {
        for (int32_t k = samples.ptr[r]; k < samples.ptr[r + 1]; ++k) {
            const int64_t t = samples.elements[k];
            const int32_t* u = mesh.unknowns + 10 * t;
            const Shape s = shape_at(geometry(mesh, t), samples.barycentric + 4 * int64_t(k), u);
            const double w = samples.weight[k];
            for (int j = 0; j < 10; ++j) {
                if (u[j] < 0) continue;
                const double numbers[4] = {w * s.slope[0][j], w * s.slope[1][j], w * s.slope[2][j], w * s.value[j]};
                sums.add(u[j], numbers);
            }
        }
        sums.emit(col, val);
    };
    return build_rows<PointWeights>(samples.rows, static_cast<int32_t>(mesh.n_nodes), scratch, row, poll);
}

}  // namespace headfield
