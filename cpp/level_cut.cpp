// SPDX-License-Identifier: BSD-3-Clause
// Level by level from the outside inwards, so that at each one the outer ones are settled.
#include "level_cut.hpp"

#include <array>

#include "edge_split.hpp"

namespace headfield {

namespace {

constexpr double near = 0.3;    // of an edge: nodes closer to an interface are put on it
constexpr double margin = 0.2;  // of an edge: cuts keep so far from its ends
constexpr double touch = 0.05;  // of a level's range: interfaces as close as that are one

// The labels at a point of a level's surface, together with the interfaces that touch it there.
Labels labels_on(const LevelField& field, int level, const Vec3& p) {
    Labels l{static_cast<uint8_t>(level), static_cast<uint8_t>(level + 1)};
    while (l.first > 0 && field.at(l.first - 1, p) > -touch) --l.first;
    while (l.last < field.levels && field.at(l.last, p) < touch) ++l.last;
    return l;
}

// The crossing nearest to a node.
struct Nearest {
    double distance;  // mm
    int level = -1;
    Vec3 point{};
};

void put_on_surface(const LevelField& field, const Nearest& nearest, Vec3& p, Labels& sides) {
    const Vec3 projected = field.projected(nearest.level, p, nearest.distance, 4);
    const bool close = std::fabs(field.at(nearest.level, projected)) < touch;
    p = close && norm(projected - p) <= nearest.distance ? projected : nearest.point;
    sides = labels_on(field, nearest.level, p);
}

void snap(const LevelField& field, LabelledMesh& mesh) {
    const Edges edges = edges_that(mesh, [&](int32_t i, int32_t j) {
        const Labels &a = mesh.sides[i], &b = mesh.sides[j];
        return a.last < b.first || b.last < a.first;
    });
    // Levels are nested, so that the interface of the label at an end is the first to be met from there.
    std::vector<double> at_begin(edges.size()), at_end(edges.size());
    auto levels = [&](int64_t e) {
        const int i = mesh.sides[edges.nodes[e]].first, j = mesh.sides[edges.others[e]].first;
        return i < j ? std::array<int, 2>{i, j - 1} : std::array<int, 2>{i - 1, j};
    };
#pragma omp parallel for schedule(static)
    for (int64_t e = 0; e < edges.size(); ++e) {
        const Vec3 &a = mesh.nodes[edges.nodes[e]], &b = mesh.nodes[edges.others[e]];
        const auto level = levels(e);
        at_begin[e] = field.crossing(level[0], a, b);
        at_end[e] = level[1] == level[0] ? at_begin[e] : field.crossing(level[1], a, b);
    }
    std::vector<Nearest> nearest(mesh.nodes.size(), Nearest{HUGE_VAL});
    auto offer = [&](int32_t node, int level, double share, double length, const Vec3& point) {
        Nearest& best = nearest[node];
        if (share < near && share * length < best.distance) best = {share * length, level, point};
    };
    for (int64_t e = 0; e < edges.size(); ++e) {
        const Vec3 &a = mesh.nodes[edges.nodes[e]], &b = mesh.nodes[edges.others[e]];
        const double length = norm(b - a);
        const auto level = levels(e);
        offer(edges.nodes[e], level[0], at_begin[e], length, a + at_begin[e] * (b - a));
        offer(edges.others[e], level[1], 1.0 - at_end[e], length, a + at_end[e] * (b - a));
    }
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < static_cast<int64_t>(nearest.size()); ++i) {
        if (nearest[i].level >= 0) put_on_surface(field, nearest[i], mesh.nodes[i], mesh.sides[i]);
    }
}

// One level's cut.
class Cut {
public:
    Cut(const LevelField& field, int level, LabelledMesh& mesh) : field_(field), level_(level), mesh_(mesh) {}

    void run() {
        const auto crosses_now = [this](int32_t i, int32_t j) { return crosses(mesh_.sides[i], mesh_.sides[j]); };
        Edges edges = edges_that(mesh_, crosses_now);
        std::vector<double> shares = shares_of(edges);
        settle(edges, shares);
        edges = edges_of(edges, shares, crosses_now);
        const auto first = static_cast<int32_t>(mesh_.nodes.size());
        for (int64_t e = 0; e < edges.size(); ++e) add_node(edges.nodes[e], edges.others[e], shares[e]);
        halve_at(mesh_, edges, first);
    }

private:
    bool crosses(const Labels& a, const Labels& b) const {
        return (a.below(level_) && b.above(level_)) || (b.below(level_) && a.above(level_));
    }
    // How far along each edge the level is zero.
    std::vector<double> shares_of(const Edges& edges) const {
        std::vector<double> shares(edges.size());
#pragma omp parallel for schedule(static)
        for (int64_t e = 0; e < edges.size(); ++e) {
            shares[e] = field_.crossing(level_, mesh_.nodes[edges.nodes[e]], mesh_.nodes[edges.others[e]]);
        }
        return shares;
    }
    // Counts nodes that cuts would come too close to as on the surface; they are moved there later.
    void settle(const Edges& edges, const std::vector<double>& shares) {
        for (int64_t e = 0; e < edges.size(); ++e) {
            if (shares[e] < near) place(mesh_.sides[edges.nodes[e]]);
            if (1.0 - shares[e] < near) place(mesh_.sides[edges.others[e]]);
        }
    }
    void place(Labels& l) const {
        if (l.below(level_)) l.last = static_cast<uint8_t>(level_ + 1);
        if (l.above(level_)) l.first = static_cast<uint8_t>(level_);
    }
    void add_node(int32_t i, int32_t j, double s) {
        const Vec3 a = mesh_.nodes[i], b = mesh_.nodes[j];
        const Vec3 p = a + std::min(std::max(s, margin), 1.0 - margin) * (b - a);
        const Labels& inner = mesh_.sides[i].below(level_) ? mesh_.sides[i] : mesh_.sides[j];
        // Outer levels are positive on both sides, or have been cut. Inner ones are negative, unless they come as close.
        Labels l{static_cast<uint8_t>(level_), static_cast<uint8_t>(level_ + 1)};
        while (l.first > inner.first && inner.below(l.first - 1) && field_.at(l.first - 1, p) > -touch) --l.first;
        mesh_.nodes.push_back(p);
        mesh_.sides.push_back(l);
    }
    const LevelField& field_;
    int level_;
    LabelledMesh& mesh_;
};

// What all four nodes may be in; where they lie on one interface, what the field says between them.
uint8_t label_of(const LevelField& field, const LabelledMesh& mesh, const Tet& t) {
    uint8_t first = 0, last = static_cast<uint8_t>(field.levels);
    Vec3 sum{};
    for (const int32_t i : t) {
        first = std::max(first, mesh.sides[i].first);
        last = std::min(last, mesh.sides[i].last);
        sum = sum + mesh.nodes[i];
    }
    if (first >= last) return first;
    return static_cast<uint8_t>(std::min<int>(std::max<int>(field.label(0.25 * sum), first), last));
}

}  // namespace

void cut_by_levels(const LevelField& field, LabelledMesh& mesh, const Poll& poll) {
    snap(field, mesh);
    for (int level = field.levels - 1; level >= 0; --level) {
        poll();
        Cut(field, level, mesh).run();
    }
    mesh.labels.resize(mesh.tets.size());
#pragma omp parallel for schedule(static)
    for (int64_t t = 0; t < static_cast<int64_t>(mesh.tets.size()); ++t) {
        mesh.labels[t] = label_of(field, mesh, mesh.tets[t]);
    }
}

}  // namespace headfield
