// SPDX-License-Identifier: BSD-3-Clause
// Matrices of quadratic tetrahedra. An element's are computed once for a group of neighbouring rows; then each row
// gathers its part in the order of the elements, so that sums don't depend on threads.
#include "quadratic_tets.hpp"

#include <algorithm>

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

// Integrals over an element of volume 1 of the functions N_j of ten unknowns, and of λ_a N_j.
constexpr double mean(int j) { return j < 4 ? -0.05 : 0.2; }
constexpr double moment(int a, int j) {
    if (j < 4) return a == j ? 0.0 : -1.0 / 60;
    return a == edge_ends[j - 4][0] || a == edge_ends[j - 4][1] ? 1.0 / 15 : 1.0 / 30;
}

// The stiffness of an element with ten unknowns, from V ∇λ_a · σ∇λ_b. With ∇N_i = (4 λ_i − 1) ∇λ_i at corners and
// ∇N_e = 4 λ_q ∇λ_p + 4 λ_p ∇λ_q on edges e = (p, q), and ∫ λ_a λ_b = V/20, or V/10 if a = b.
void stiffness_of(const double (*product)[4], ElementMatrices& out) {
    auto corner = [](int i, int a) { return i == a ? 0.6 : -0.2; };  // ∫ (4 λ_i − 1) 4 λ_a, as ∫ (4 λ_i − 1)(4 λ_a − 1)
    auto both = [](int a, int b) { return a == b ? 1.6 : 0.8; };     // ∫ 16 λ_a λ_b
    for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) out.stiffness[i][j] = corner(i, j) * product[i][j];
        for (int e = 0; e < 6; ++e) {
            const int p = edge_ends[e][0], q = edge_ends[e][1];
            out.stiffness[i][4 + e] = corner(i, q) * product[i][p] + corner(i, p) * product[i][q];
            out.stiffness[4 + e][i] = out.stiffness[i][4 + e];
        }
    }
    for (int e = 0; e < 6; ++e) {
        const int p = edge_ends[e][0], q = edge_ends[e][1];
        for (int f = 0; f < 6; ++f) {
            const int r = edge_ends[f][0], s = edge_ends[f][1];
            out.stiffness[4 + e][4 + f] = both(q, s) * product[p][r] + both(q, r) * product[p][s] +
                                          both(p, s) * product[q][r] + both(p, r) * product[q][s];
        }
    }
}

// Its source, from V σ∇λ_a.
void source_of(const double (*flux)[3], ElementMatrices& out) {
    for (int d = 0; d < 3; ++d) {
        for (int j = 0; j < 10; ++j) {
            for (int i = 0; i < 4; ++i) out.source[i][d][j] = flux[i][d] * (4.0 * moment(i, j) - mean(j));
            for (int e = 0; e < 6; ++e) {
                const int p = edge_ends[e][0], q = edge_ends[e][1];
                out.source[4 + e][d][j] = 4.0 * (flux[p][d] * moment(q, j) + flux[q][d] * moment(p, j));
            }
        }
    }
}

// Makes the potential linear along edge e: in its middle it is half of that at either end.
void make_linear(int e, ElementMatrices& out) {
    for (const int a : edge_ends[e]) {
        for (int j = 0; j < 10; ++j) {
            out.stiffness[a][j] += 0.5 * out.stiffness[4 + e][j];
            for (int d = 0; d < 3; ++d) out.source[a][d][j] += 0.5 * out.source[4 + e][d][j];
        }
    }
    for (const int a : edge_ends[e]) {
        for (int i = 0; i < 10; ++i) {
            out.stiffness[i][a] += 0.5 * out.stiffness[i][4 + e];
            for (int d = 0; d < 3; ++d) out.source[i][d][a] += 0.5 * out.source[i][d][4 + e];
        }
    }
}

// Those of an element that is linear along all its edges, as in add_tet.
void linear(const double (*product)[4], const double (*flux)[3], ElementMatrices& out) {
    for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) {
            out.stiffness[i][j] = product[i][j];
            for (int d = 0; d < 3; ++d) out.source[i][d][j] = 0.25 * flux[i][d];
        }
    }
}

// The same with the mean of edges, `from_middle` (4, 3) leading from the middle to the corners.
void linear_by_edges(const double (*product)[4], const double (*flux)[3], const double (*from_middle)[3],
                     ElementMatrices& out) {
    linear(product, flux, out);
    for (int i = 0; i < 4; ++i) {
        for (int j = 0; j < 4; ++j) {
            for (int d = 0; d < 3; ++d)
                out.source[i][d][j] = 0.125 * flux[i][d] + 0.5 * product[i][j] * from_middle[j][d];
        }
    }
}

// Takes the gradient of λ_p λ_q times (Ȧ_p − Ȧ_q) · (x_q − x_p) / 2 out of Ȧ for edge e = (p, q), before the potential
// is made linear along it. Where Ȧ is the gradient of a quadratic χ, what is left is that of a χ that is linear along
// the edge, and so no potential but −χ is needed; done for all edges, the mean of Ȧ is that of add_tet. The function of
// the edge is 4 λ_p λ_q.
void without_bubble(int e, const double (*from_middle)[3], ElementMatrices& out) {
    const int p = edge_ends[e][0], q = edge_ends[e][1];
    for (int i = 0; i < 10; ++i) {
        for (int d = 0; d < 3; ++d) {
            const double part = 0.125 * out.stiffness[i][4 + e] * (from_middle[q][d] - from_middle[p][d]);
            out.source[i][d][p] -= part;
            out.source[i][d][q] += part;
        }
    }
}

// The vectors from the middle of element t to its corners.
void from_middle_of(const QuadraticMesh& mesh, int64_t t, double (*out)[3]) {
    for (int d = 0; d < 3; ++d) {
        double sum = 0.0;
        for (int k = 0; k < 4; ++k) sum += mesh.nodes[3 * int64_t(mesh.unknowns[10 * t + k]) + d];
        for (int k = 0; k < 4; ++k) out[k][d] = mesh.nodes[3 * int64_t(mesh.unknowns[10 * t + k]) + d] - 0.25 * sum;
    }
}

void integrate(const QuadraticMesh& mesh, int64_t t, Conductivities sigma, ElementMatrices& out) {
    const TetGeometry g = geometry(mesh, t);
    const Conductivity s{sigma.values + t * (sigma.tensor ? 9 : 1), sigma.tensor};
    double flux[4][3], product[4][4];
    for (int a = 0; a < 4; ++a) {
        s.apply(g.volume, g.grad[a], flux[a]);
        for (int b = 0; b < 4; ++b) product[a][b] = dot3(flux[a], g.grad[b]);
    }
    double from_middle[4][3];
    from_middle_of(mesh, t, from_middle);
    const int32_t* middle = mesh.unknowns + 10 * t + 4;
    if (std::all_of(middle, middle + 6, [](int32_t k) { return k < 0; })) {
        return sigma.edges ? linear_by_edges(product, flux, from_middle, out) : linear(product, flux, out);
    }
    stiffness_of(product, out);
    source_of(flux, out);
    for (int e = 0; e < 6; ++e) {
        if (sigma.edges && middle[e] < 0) without_bubble(e, from_middle, out);
    }
    for (int e = 0; e < 6; ++e) {
        if (middle[e] < 0) make_linear(e, out);
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
