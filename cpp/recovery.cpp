// SPDX-License-Identifier: BSD-3-Clause
// Builds recovery operators row by row: finds the patch of each node and tissue, and turns a fit over it
// (quadratics.hpp, least_squares.hpp) into weights of the potential.
#include "recovery.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "pattern.hpp"
#include "quadratics.hpp"

namespace headfield {

namespace {

// A patch gets more rings until it has `enough` neighbours, or `enough_each` on each side where two tissues share it. A
// patch of patch recovery gets the tetrahedra around its neighbours where it has fewer than `enough_tets`.
constexpr std::size_t enough = 14, enough_each = 9, enough_tets = 8;

// Work space of a thread. A node has been met in this search if its stamp is `time`, so that nothing is cleared in
// between.
struct Scratch {
    explicit Scratch(int64_t n_nodes) : stamp(n_nodes, 0) {}
    std::vector<int32_t> stamp;
    int32_t time = 0;
    Nodes ring[2], tets;
    std::vector<Datum> data;
};

// What rows are built from. The methods that build a row change nothing but their own scratch and row, so that threads
// may build rows side by side.
class Builder {
public:
    Builder(const Tissues& head, Recovery& out) : head_(head), tets_(corners_of(head.mesh)), out_(out) {}

    void find_rows(int64_t n_elements, const int32_t* elements);
    void coupled_row(int32_t row, Scratch& s, Nodes& cols, std::vector<Vector3>& vals) const;
    void patch_row(int32_t row, Scratch& s, Nodes& cols, std::vector<Vector3>& vals) const;

private:
    // Calls visit(t) for the tetrahedra of one tissue around a node.
    template <class Visit>
    void for_tets(int32_t node, int32_t tissue, Visit visit) const {
        for (int64_t k = tets_.start[node]; k < tets_.start[node + 1]; ++k) {
            if (head_.tags[tets_.around[k]] == tissue) visit(tets_.around[k]);
        }
    }
    void add_ring(int32_t node, int32_t tissue, Scratch& s, Nodes& ring) const;
    void collect(int32_t node, int32_t tissue, std::size_t least, Scratch& s, Nodes& ring) const;
    double distance(int32_t i, int32_t j) const;
    void collect_tets(int32_t node, int32_t tissue, Scratch& s) const;
    std::vector<Side> sides(int32_t node) const;

    const Tissues& head_;
    NodeTets tets_;
    Recovery& out_;
    std::vector<int32_t> first_;  // row of each node, (n + 1,)
};

// Numbers the rows that the corners of the chosen tetrahedra need, by node and then by tissue, and says which row each
// corner has.
void Builder::find_rows(int64_t n_elements, const int32_t* elements) {
    const int64_t n = head_.mesh.n_nodes;
    std::vector<char> chosen(head_.mesh.n_tets, 0);
    for (int64_t e = 0; e < n_elements; ++e) chosen[elements[e]] = 1;
    first_.assign(n + 1, 0);
    Nodes tags;
    for (int64_t i = 0; i < n; ++i) {
        tags.clear();
        for (int64_t k = tets_.start[i]; k < tets_.start[i + 1]; ++k) {
            if (chosen[tets_.around[k]]) tags.push_back(head_.tags[tets_.around[k]]);
        }
        std::sort(tags.begin(), tags.end());
        tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
        first_[i + 1] = first_[i] + static_cast<int32_t>(tags.size());
        out_.tissue.insert(out_.tissue.end(), tags.begin(), tags.end());
        out_.node.insert(out_.node.end(), tags.size(), static_cast<int32_t>(i));
    }
    out_.corner.resize(4 * n_elements);
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < 4 * n_elements; ++c) {
        const int32_t e = elements[c / 4], i = head_.mesh.tets[4 * int64_t(e) + c % 4];
        int32_t row = first_[i];
        while (out_.tissue[row] != head_.tags[e]) ++row;
        out_.corner[c] = row;
    }
}

// Appends the nodes of the tetrahedra of one tissue around a node that have not been met since s.time was set.
void Builder::add_ring(int32_t node, int32_t tissue, Scratch& s, Nodes& ring) const {
    for_tets(node, tissue, [&](int32_t t) {
        for (int k = 0; k < 4; ++k) {
            const int32_t j = head_.mesh.tets[4 * int64_t(t) + k];
            if (s.stamp[j] == s.time) continue;
            s.stamp[j] = s.time;
            ring.push_back(j);
        }
    });
}

// Collects the nodes of a patch, ascending, without the one in its middle: rings around it until there are `least` of
// them. A node that is nearer than the whole first ring but not in it lies across a gap, where φ is unrelated, and is
// left out.
void Builder::collect(int32_t node, int32_t tissue, std::size_t least, Scratch& s, Nodes& ring) const {
    ring.clear();
    s.stamp[node] = ++s.time;
    add_ring(node, tissue, s, ring);
    double nearest = std::numeric_limits<double>::infinity();
    for (const int32_t j : ring) nearest = std::min(nearest, distance(node, j));
    for (std::size_t begin = 0; ring.size() < least && begin < ring.size();) {
        const std::size_t end = ring.size();
        for (; begin < end; ++begin) add_ring(ring[begin], tissue, s, ring);
        const auto across = [&](int32_t j) { return distance(node, j) < nearest; };
        ring.erase(std::remove_if(ring.begin() + static_cast<std::ptrdiff_t>(end), ring.end(), across), ring.end());
    }
    std::sort(ring.begin(), ring.end());
}

double Builder::distance(int32_t i, int32_t j) const {
    const double *a = head_.mesh.nodes + 3 * int64_t(i), *b = head_.mesh.nodes + 3 * int64_t(j);
    const double d[3] = {b[0] - a[0], b[1] - a[1], b[2] - a[2]};
    return length(d);
}

// The tissues around a node, in the order in which they come up.
std::vector<Side> Builder::sides(int32_t node) const {
    std::vector<Side> found;
    for (int64_t k = tets_.start[node]; k < tets_.start[node + 1]; ++k) {
        const int32_t t = tets_.around[k];
        auto side = std::find_if(found.begin(), found.end(), [&](const Side& s) { return s.tissue == head_.tags[t]; });
        if (side == found.end()) side = found.insert(found.end(), Side{head_.tags[t], t, 0.0, {}, {}, !head_.tensor});
        side->uniform = side->uniform && head_.sigma[t] == head_.sigma[side->first];
        const TetGeometry g = tet_geometry(head_.mesh, t);
        int corner = 0;
        while (head_.mesh.tets[4 * int64_t(t) + corner] != node) ++corner;
        side->volume += g.volume;
        for (int d = 0; d < 3; ++d) side->out[d] += 3.0 * g.volume * g.grad[corner][d];
        for (int i = 0; i < 9; ++i) {
            side->sigma[i] += g.volume * (head_.tensor ? head_.sigma[9 * int64_t(t) + i]
                                          : i % 4      ? 0.0
                                                       : head_.sigma[t]);
        }
    }
    for (Side& s : found) {
        for (double& value : s.sigma) value /= s.volume;
    }
    return found;
}

// Orders two sides so that the first conducts less across the faces between them, and finds the jump there. Returns
// false where there are not two, and where their faces do not cancel, which means that some lie on the surface of the
// head.
bool find_jump(std::vector<Side>& sides, Jump& jump) {
    if (sides.size() != 2) return false;
    double gap[3];
    for (int i = 0; i < 3; ++i) gap[i] = sides[0].out[i] + sides[1].out[i];
    const double area = length(sides[0].out);
    if (!(length(gap) < 1e-6 * area)) return false;
    for (int i = 0; i < 3; ++i) jump.n[i] = sides[0].out[i] / area;
    double flux[2][3];
    for (int p = 0; p < 2; ++p) apply(sides[p].sigma, jump.n, flux[p]);
    if (dot3(flux[0], jump.n) > dot3(flux[1], jump.n)) {
        std::swap(sides[0], sides[1]);
        std::swap_ranges(flux[0], flux[0] + 3, flux[1]);
        for (double& x : jump.n) x = -x;
    }
    for (int i = 0; i < 3; ++i) jump.w[i] = (flux[0][i] - flux[1][i]) / dot3(flux[1], jump.n);
    return true;
}

// Adds c to the weight of node j in the row that begins at `begin`. Rows are short, so a search from their beginning
// will do.
void add(int32_t j, const Triple& c, std::size_t begin, Nodes& cols, std::vector<Vector3>& vals) {
    const auto at = static_cast<std::size_t>(std::find(cols.begin() + begin, cols.end(), j) - cols.begin());
    if (at == cols.size()) {
        cols.push_back(j);
        vals.push_back({});
    }
    for (int i = 0; i < 3; ++i) vals[at].v[i] += static_cast<float>(c.v[i]);
}

// Makes a row of the gradient of the quadratic that fits φ in its patch; where two tissues meet, of two quadratics
// under the condition at their interface. A datum on side 2 holds (d·n) w·Ȧ besides the unknowns, which goes into the
// rate: rate = I + through ⊗ w, and n ⊗ w more on side 2.
void Builder::coupled_row(int32_t row, Scratch& s, Nodes& cols, std::vector<Vector3>& vals) const {
    const int32_t node = out_.node[row], tissue = out_.tissue[row];
    std::vector<Side> around = sides(node);
    Jump jump;
    const bool coupled = find_jump(around, jump);
    if (!coupled) {
        around = {*std::find_if(around.begin(), around.end(), [&](const Side& a) { return a.tissue == tissue; })};
    }
    for (std::size_t p = 0; p < around.size(); ++p) {
        collect(node, around[p].tissue, coupled ? enough_each : enough, s, s.ring[p]);
    }
    const Quadratics fit(head_.mesh, node, s.ring, around, jump, s.data);
    const bool second = coupled && tissue == around[1].tissue;
    double through[3] = {};  // the weight by which w·Ȧ enters the gradient of this row
    const auto begin = cols.size(), first = s.ring[0].size();
    for (std::size_t k = 0; k < s.data.size(); ++k) {
        Triple c = fit.weight(k);
        const double along = k < first ? 0.0 : dot3(s.data[k].d, jump.n);
        for (int i = 0; i < 3; ++i) through[i] -= c.v[i] * along;
        if (second) jump.to_second(c.v);
        add(k < first ? s.ring[0][k] : s.ring[1][k - first], c, begin, cols, vals);
    }
    float* rate = out_.rate.data() + 9 * int64_t(row);
    if (second) jump.to_second(through);
    for (int i = 0; i < 9; ++i) {
        const double own = second ? jump.n[i / 3] : 0.0;
        rate[i] = static_cast<float>((i % 4 ? 0.0 : 1.0) + (through[i / 3] + own) * jump.w[i % 3]);
    }
}

// Collects the tetrahedra of one tissue around a node, and those around its neighbours too where these are fewer than a
// fit takes.
void Builder::collect_tets(int32_t node, int32_t tissue, Scratch& s) const {
    s.tets.clear();
    for_tets(node, tissue, [&](int32_t t) { s.tets.push_back(t); });
    if (s.tets.size() >= enough_tets) return;
    s.ring[0].clear();
    s.stamp[node] = ++s.time;
    add_ring(node, tissue, s, s.ring[0]);
    for (const int32_t j : s.ring[0]) {
        for_tets(j, tissue, [&](int32_t t) { s.tets.push_back(t); });
    }
    std::sort(s.tets.begin(), s.tets.end());
    s.tets.erase(std::unique(s.tets.begin(), s.tets.end()), s.tets.end());
}

// The weights by which values at the barycentres of tetrahedra enter the value at a node of the linear field that fits
// them.
std::vector<double> shares_at(const MeshView& mesh, int32_t node, const Nodes& tets) {
    std::vector<std::array<double, 4>> data;  // 1, then from the node to the barycentre
    double reach = 0.0;
    for (const int32_t t : tets) {
        std::array<double, 4> d{1.0, 0.0, 0.0, 0.0};
        for (int v = 0; v < 12; ++v) {
            const int64_t corner = mesh.tets[4 * int64_t(t) + v / 3];
            d[1 + v % 3] += 0.25 * (mesh.nodes[3 * corner + v % 3] - mesh.nodes[3 * int64_t(node) + v % 3]);
        }
        reach = std::max(reach, length(&d[1]));
        data.push_back(d);
    }
    LeastSquares fit(4);
    for (auto& d : data) {
        for (int i = 1; i < 4; ++i) d[i] /= reach;
        fit.add(d.data(), 1.0);
    }
    fit.damp(1, share);
    fit.factor();
    double solved[LeastSquares::most] = {1.0};
    fit.solve(solved);
    std::vector<double> shares;
    for (const auto& d : data) shares.push_back(solved[0] + dot3(solved + 1, &d[1]));
    return shares;
}

// Makes a row of the value at the node of a linear field that fits ∇φ at the barycentres (Zienkiewicz and Zhu 1992).
void Builder::patch_row(int32_t row, Scratch& s, Nodes& cols, std::vector<Vector3>& vals) const {
    const int32_t node = out_.node[row];
    collect_tets(node, out_.tissue[row], s);
    const std::vector<double> shares = shares_at(head_.mesh, node, s.tets);
    const auto begin = cols.size();
    for (std::size_t e = 0; e < s.tets.size(); ++e) {
        const TetGeometry g = tet_geometry(head_.mesh, s.tets[e]);
        for (int k = 0; k < 4; ++k) {
            const int32_t j = head_.mesh.tets[4 * int64_t(s.tets[e]) + k];
            const double* grad = g.grad[k];
            if (j != node) add(j, {shares[e] * grad[0], shares[e] * grad[1], shares[e] * grad[2]}, begin, cols, vals);
        }
    }
    for (int i = 0; i < 9; ++i) out_.rate[9 * int64_t(row) + i] = i % 4 ? 0.f : 1.f;
}

}  // namespace

Recovery build_recovery(const Tissues& head, int64_t n_elements, const int32_t* elements, bool coupled,
                        const Poll& poll) {
    Recovery out;
    Builder builder(head, out);
    builder.find_rows(n_elements, elements);
    poll();
    const auto rows = static_cast<int32_t>(out.node.size());
    out.rate.resize(9 * static_cast<std::size_t>(rows));
    const auto n = static_cast<int32_t>(head.mesh.n_nodes);
    out.weight = build_rows<Vector3>(
        rows, n, [&] { return Scratch(n); },
        [&](int32_t row, Scratch& s, Nodes& cols, std::vector<Vector3>& vals) {
            coupled ? builder.coupled_row(row, s, cols, vals) : builder.patch_row(row, s, cols, vals);
        },
        poll);
    return out;
}

}  // namespace headfield
