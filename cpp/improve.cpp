// SPDX-License-Identifier: BSD-3-Clause
// Rounds of smoothing, of moves that are tried at the worst tetrahedra, and of edges that are collapsed. A node is moved
// only where that leaves all tetrahedra around it upright and, below a bound, better than before. Nodes of one colour
// have no tetrahedron in common: threads move them side by side, with the same result whoever moves which.
#include "improve.hpp"

#include <algorithm>

#include "stars.hpp"

namespace headfield {

namespace {

constexpr int rounds = 4, tries = 3;
constexpr int most_rounds = 20;  // where angles are still smaller than promised; no input is known that needs them

class Improver {
public:
    Improver(const LevelField& field, LabelledMesh& mesh, double cell_mm)
        : field_(field), mesh_(mesh), cell_mm_(cell_mm), outside_(static_cast<uint8_t>(field.levels)), stars_(mesh) {
        const auto n = static_cast<int64_t>(mesh.nodes.size());
        on_.resize(n);
        shapes_.resize(mesh.tets.size());
        alive_.assign(mesh.tets.size(), 1);
        fixed_ = on_hull();
        colour();
#pragma omp parallel for schedule(static)
        for (int64_t t = 0; t < static_cast<int64_t>(shapes_.size()); ++t) shapes_[t] = shape_of(mesh_.tets[t], t);
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < n; ++i) on_[i] = interfaces_at(static_cast<int32_t>(i));
    }

    void project();
    void smooth();
    void try_moves(int round);
    void collapse();
    bool poor() const;
    void finish();

private:
    using Star = Stars::Span;

    double shape_of(const Tet& t, int64_t tet) const {
        const double s = shape(mesh_.nodes[t[0]], mesh_.nodes[t[1]], mesh_.nodes[t[2]], mesh_.nodes[t[3]]);
        // Outside the head a tetrahedron only has to be upright.
        return mesh_.labels[tet] == outside_ && s != inverted ? 1.0 : s;
    }
    double worst(int32_t node) const {
        double s = 1.0;
        for (const int32_t t : stars_.of(node)) s = std::min(s, shapes_[t]);
        return s;
    }
    double worst_now(int32_t node, double enough) const {
        double s = 1.0;
        for (const int32_t t : stars_.of(node)) {
            s = std::min(s, shape_of(mesh_.tets[t], t));
            if (s < enough) break;
        }
        return s;
    }
    void refresh(int32_t node) {
        for (const int32_t t : stars_.of(node)) shapes_[t] = shape_of(mesh_.tets[t], t);
    }
    uint32_t interfaces_at(int32_t node) const;
    std::vector<uint8_t> on_hull() const;
    void colour();
    std::vector<uint8_t> below(double shape) const;
    template <class Body>
    void for_each(const std::vector<uint8_t>& chosen, Body body);
    Vec3 on_interfaces(int32_t node, Vec3 p) const;
    bool move_towards(int32_t node, const Vec3& target);
    bool smoothed(int32_t node, Vec3& target) const;
    void try_around(int32_t node, int round);
    void collapse_one(int32_t tet);
    double after_collapse(int32_t from, int32_t to, double least) const;
    void join(int32_t from, int32_t to);

    const LevelField& field_;
    LabelledMesh& mesh_;
    double cell_mm_;
    uint8_t outside_;
    Stars stars_;
    std::vector<uint32_t> on_;    // interfaces that each node lies on, as bits of levels
    std::vector<double> shapes_;  // of each tetrahedron
    std::vector<uint8_t> alive_, fixed_;
    std::vector<int32_t> order_;  // nodes by colour
    std::vector<int64_t> colour_begin_;
    // Where shapes are good, nodes stay where they are: each move along an interface flattens its folds a little.
    const double good_ = shape_of_angle(18.0), poor_ = shape_of_angle(13.0), least_ = shape_of_angle(10.0);
};

// The levels between the labels of the tetrahedra around a node. Where labels are missing in between, the interfaces
// of those lie here on top of each other.
uint32_t Improver::interfaces_at(int32_t node) const {
    int first = 255, last = 0;
    for (const int32_t t : stars_.of(node)) {
        first = std::min<int>(first, mesh_.labels[t]);
        last = std::max<int>(last, mesh_.labels[t]);
    }
    return first >= last ? 0 : ((1U << last) - 1U) & ~((1U << first) - 1U);
}

// The nodes of faces that only one tetrahedron has.
std::vector<uint8_t> Improver::on_hull() const {
    std::vector<uint8_t> fixed(mesh_.nodes.size(), 0);
    for (size_t k = 0; k < mesh_.tets.size(); ++k) {
        if (mesh_.labels[k] != outside_) continue;
        const Tet& t = mesh_.tets[k];
        for (int opposite = 0; opposite < 4; ++opposite) {
            const int32_t a = t[(opposite + 1) % 4], b = t[(opposite + 2) % 4], c = t[(opposite + 3) % 4];
            int shared = 0;
            for (const int32_t other : stars_.of(a)) {
                const Tet& o = mesh_.tets[other];
                shared += std::find(o.begin(), o.end(), b) != o.end() && std::find(o.begin(), o.end(), c) != o.end();
            }
            if (shared == 1) fixed[a] = fixed[b] = fixed[c] = 1;
        }
    }
    return fixed;
}

void Improver::colour() {
    const std::vector<int32_t> of = colours(mesh_, stars_);
    const int32_t count = of.empty() ? 0 : *std::max_element(of.begin(), of.end()) + 1;
    colour_begin_.assign(count + 1, 0);
    for (const int32_t c : of) ++colour_begin_[c + 1];
    for (int32_t c = 0; c < count; ++c) colour_begin_[c + 1] += colour_begin_[c];
    order_.resize(of.size());
    std::vector<int64_t> next(colour_begin_.begin(), colour_begin_.end() - 1);
    for (size_t i = 0; i < of.size(); ++i) order_[next[of[i]]++] = static_cast<int32_t>(i);
}

// Marks the nodes of the tetrahedra that are flatter than that.
std::vector<uint8_t> Improver::below(double shape) const {
    std::vector<uint8_t> chosen(mesh_.nodes.size(), 0);
    for (size_t k = 0; k < shapes_.size(); ++k) {
        if (shapes_[k] >= shape) continue;
        for (const int32_t i : mesh_.tets[k]) chosen[i] = 1;
    }
    return chosen;
}

template <class Body>
void Improver::for_each(const std::vector<uint8_t>& chosen, Body body) {
    for (size_t c = 0; c + 1 < colour_begin_.size(); ++c) {
#pragma omp parallel for schedule(dynamic, 256)
        for (int64_t k = colour_begin_[c]; k < colour_begin_[c + 1]; ++k) {
            if (chosen[order_[k]] && !fixed_[order_[k]]) body(order_[k]);
        }
    }
}

Vec3 Improver::on_interfaces(int32_t node, Vec3 p) const {
    for (int twice = 0; twice < 2; ++twice) {
        for (uint32_t left = on_[node]; left; left &= left - 1) {
            p = field_.projected(__builtin_ctz(left), p, 0.15 * cell_mm_, 2);
        }
    }
    return p;
}

bool Improver::move_towards(int32_t node, const Vec3& target) {
    const Vec3 start = mesh_.nodes[node];
    const double least = std::min(worst(node), good_);
    for (double share = 1.0; share > 0.2; share *= 0.5) {
        mesh_.nodes[node] = start + share * (target - start);
        const double now = worst_now(node, least);
        if (now >= least && now > inverted) {
            refresh(node);
            return true;
        }
    }
    mesh_.nodes[node] = start;
    return false;
}

// Puts nodes on the interfaces of the tetrahedra around them.
void Improver::project() {
    std::vector<uint8_t> chosen(on_.size());
    for (size_t i = 0; i < chosen.size(); ++i) chosen[i] = on_[i] != 0;
    for_each(chosen, [this](int32_t node) { move_towards(node, on_interfaces(node, mesh_.nodes[node])); });
}

// Halfway to the mean of the neighbours that lie on the same interfaces.
bool Improver::smoothed(int32_t node, Vec3& target) const {
    int32_t seen[256];
    int count = 0;
    Vec3 sum{};
    for (const int32_t t : stars_.of(node)) {
        for (const int32_t j : mesh_.tets[t]) {
            if (j == node || (on_[j] & on_[node]) != on_[node] || count == 256) continue;
            if (std::find(seen, seen + count, j) != seen + count) continue;
            seen[count++] = j;
            sum = sum + mesh_.nodes[j];
        }
    }
    if (count < 2) return false;
    target = on_interfaces(node, 0.5 * (mesh_.nodes[node] + (1.0 / count) * sum));
    return true;
}

void Improver::smooth() {
    for_each(below(good_), [this](int32_t node) {
        Vec3 target{};
        if (smoothed(node, target)) move_towards(node, target);
    });
}

// A number between −1 and 1 that looks random, the same for the same arguments.
double noise(uint64_t node, uint64_t k) {
    uint64_t h = node * 0x9e3779b97f4a7c15ULL + k * 0xbf58476d1ce4e5b9ULL + 0x94d049bb133111ebULL;
    for (int i = 0; i < 2; ++i) h = (h ^ h >> 31) * 0xd6e8feb86659fd93ULL;
    return static_cast<double>(static_cast<int64_t>(h)) * 0x1p-63;
}

// Tries places around a node, for one on interfaces along them, or in a trial of four near them.
void Improver::try_around(int32_t node, int round) {
    const Vec3 start = mesh_.nodes[node];
    Vec3 best = start;
    double most = worst(node);
    for (int k = 0; k < 8; ++k) {
        const double reach = (k < 4 ? 0.25 : 0.08) * cell_mm_;
        const auto at = static_cast<uint64_t>(3 * (8 * round + k));
        const auto n = static_cast<uint64_t>(node);
        Vec3 p = start + reach * Vec3{noise(n, at), noise(n, at + 1), noise(n, at + 2)};
        if (on_[node]) {
            const Vec3 on = on_interfaces(node, p);
            p = on + at_most(k % 4 == 3 ? 0.08 * cell_mm_ : 0.0, p - on);
        }
        mesh_.nodes[node] = p;
        const double now = worst_now(node, most);
        if (now > most) {
            most = now;
            best = p;
        }
    }
    mesh_.nodes[node] = best;
    refresh(node);
}

void Improver::try_moves(int round) {
    for_each(below(good_), [&](int32_t node) {
        if (worst(node) < good_) try_around(node, round);
    });
}

// The worst shape around two nodes once the first is put where the second is; stops once it is below `least`.
double Improver::after_collapse(int32_t from, int32_t to, double least) const {
    double s = 1.0;
    for (const int32_t k : stars_.of(from)) {
        Tet t = mesh_.tets[k];
        if (std::find(t.begin(), t.end(), to) != t.end()) continue;
        *std::find(t.begin(), t.end(), from) = to;
        s = std::min(s, shape_of(t, k));
        if (s <= least) break;
    }
    return s;
}

void Improver::collapse_one(int32_t tet) {
    const Tet t = mesh_.tets[tet];
    double best = inverted;
    int32_t from = -1, to = -1;
    for (const int32_t a : t) {
        if (fixed_[a]) continue;
        const double before = worst(a);
        for (const int32_t b : t) {
            if (a == b || (on_[a] & on_[b]) != on_[a]) continue;
            const double least = std::max({before, shapes_[tet] + 0.005, best});
            const double now = after_collapse(a, b, least);
            if (now > least) {
                best = now;
                from = a;
                to = b;
            }
        }
    }
    if (from >= 0) join(from, to);
}

void Improver::join(int32_t from, int32_t to) {
    const Star star = stars_.of(from);
    const std::vector<int32_t> around(star.begin(), star.end());
    stars_.clear(from);
    for (const int32_t k : around) {
        Tet& t = mesh_.tets[k];
        if (std::find(t.begin(), t.end(), to) == t.end()) {
            *std::find(t.begin(), t.end(), from) = to;
            stars_.add(to, k);
            continue;
        }
        alive_[k] = 0;
        shapes_[k] = 1.0;
        for (const int32_t j : t) {
            if (j != from) stars_.remove(j, k);
        }
    }
    refresh(to);
    on_[to] = interfaces_at(to);
}

void Improver::collapse() {
    for (size_t k = 0; k < shapes_.size(); ++k) {
        if (alive_[k] && shapes_[k] < poor_) collapse_one(static_cast<int32_t>(k));
    }
    colour();  // nodes have new neighbours
}

// Whether a tetrahedron is flatter than the smallest angle that is promised.
bool Improver::poor() const {
    return std::any_of(shapes_.begin(), shapes_.end(), [this](double s) { return s < least_; });
}

// Keeps what is left of the head, and its nodes, in their order.
void Improver::finish() {
    std::vector<int32_t> number(mesh_.nodes.size(), -1);
    size_t kept = 0;
    for (size_t k = 0; k < mesh_.tets.size(); ++k) {
        if (!alive_[k] || mesh_.labels[k] == outside_) continue;
        for (const int32_t i : mesh_.tets[k]) number[i] = 0;
        mesh_.labels[kept] = mesh_.labels[k];
        mesh_.tets[kept++] = mesh_.tets[k];
    }
    mesh_.tets.resize(kept);
    mesh_.labels.resize(kept);
    int32_t count = 0;
    for (size_t i = 0; i < number.size(); ++i) {
        if (number[i] < 0) continue;
        mesh_.nodes[count] = mesh_.nodes[i];
        number[i] = count++;
    }
    mesh_.nodes.resize(count);
    for (Tet& t : mesh_.tets) {
        for (int32_t& i : t) i = number[i];
    }
}

}  // namespace

void improve(const LevelField& field, LabelledMesh& mesh, double cell_mm, const Poll& poll) {
    poll();
    Improver improver(field, mesh, cell_mm);
    poll();
    improver.project();
    for (int round = 0; round < most_rounds && (round < rounds || improver.poor()); ++round) {
        poll();
        improver.smooth();
        for (int k = 0; k < tries; ++k) {
            poll();
            improver.try_moves(tries * round + k);
        }
        improver.collapse();
    }
    improver.finish();
}

}  // namespace headfield
