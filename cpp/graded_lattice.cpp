// SPDX-License-Identifier: BSD-3-Clause
// Body-centred cubic lattices of two sizes that fit together, as by Labelle & Shewchuk, Isosurface Stuffing, ACM
// Transactions on Graphics 26:57 (2007): two centres of cells and an edge of the face between them make a tetrahedron.
//
// Coordinates are counted in quarters of a large cell: corners of large cells are multiples of 4, of small ones of 2,
// centres of small cells are odd.
#include "graded_lattice.hpp"

#include <limits>
#include <stdexcept>

#include "first_error.hpp"

namespace headfield {

namespace {

struct Spot {
    int32_t at[3];

    Spot moved(int axis, int by) const {
        Spot s = *this;
        s.at[axis] += by;
        return s;
    }
};

// What large cells hold.
class Cells {
    static constexpr double most = std::numeric_limits<int32_t>::max();

public:
    enum Kind : uint8_t { empty, large, small };

    Cells(const LevelField& field, const LatticeSize& size, const Poll& poll) {
        const double edge = 2.0 * size.cell_mm;
        double count = 16.0;  // points of a large cell that is divided, at most
        for (int d = 0; d < 3; ++d) {
            // Two cells beyond the image on each side, so that all that touch the head have neighbours.
            const double cells = std::ceil((size.high[d] - size.low[d]) / edge) + 4.0;
            origin[d] = 0.5 * (size.low[d] + size.high[d] - edge * cells);
            n[d] = static_cast<int64_t>(std::min(cells, most));
            count *= cells;
        }
        if (!(count < most)) throw std::length_error("cells this small need more than 2^31 points of the lattice");
        kinds.resize(n[0] * n[1] * n[2]);
        classify(field, size, poll);
    }

    // The kind of the large cell around a spot off all of its faces; empty outside the lattice.
    Kind kind(const Spot& s) const {
        int64_t i = 0;
        for (int d = 0; d < 3; ++d) {
            if (s.at[d] < 0 || s.at[d] >= 4 * n[d]) return empty;
            i = i * n[d] + s.at[d] / 4;
        }
        return static_cast<Kind>(kinds[i]);
    }
    bool inside(const Spot& s) const {
        for (int d = 0; d < 3; ++d) {
            if (s.at[d] < 0 || s.at[d] > 4 * n[d]) return false;
        }
        return true;
    }

    int64_t n[3];
    Vec3 origin{};

private:
    std::vector<uint8_t> kinds;

    void classify(const LevelField& field, const LatticeSize& size, const Poll& poll);
    void surround();
    Kind kind_of(const LevelField& field, const std::vector<uint8_t>& labels, const Vec3& middle, double edge,
                 uint32_t fine) const;
};

std::vector<uint8_t> labels_of_voxels(const LevelField& field) {
    std::vector<uint8_t> labels(field.voxels());
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < field.voxels(); ++i) labels[i] = static_cast<uint8_t>(field.label(i));
    return labels;
}

void Cells::classify(const LevelField& field, const LatticeSize& size, const Poll& poll) {
    const std::vector<uint8_t> labels = labels_of_voxels(field);
    const double edge = 2.0 * size.cell_mm;
    FirstError error(poll);
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t i = 0; i < n[0]; ++i) {
        error.run([&] {
            for (int64_t j = 0; j < n[1]; ++j) {
                for (int64_t k = 0; k < n[2]; ++k) {
                    const Vec3 steps{double(i) + 0.5, double(j) + 0.5, double(k) + 0.5};
                    kinds[(i * n[1] + j) * n[2] + k] = kind_of(field, labels, origin + edge * steps, edge, size.fine);
                }
            }
        });
    }
    error.rethrow();
    surround();
}

// Makes large cells of the empty ones that touch others, corners included.
void Cells::surround() {
    const std::vector<uint8_t> before = kinds;
    auto around = [&](int64_t i, int64_t j, int64_t k, auto&& holds) {
        for (int64_t a = std::max<int64_t>(i - 1, 0); a <= std::min(i + 1, n[0] - 1); ++a) {
            for (int64_t b = std::max<int64_t>(j - 1, 0); b <= std::min(j + 1, n[1] - 1); ++b) {
                for (int64_t c = std::max<int64_t>(k - 1, 0); c <= std::min(k + 1, n[2] - 1); ++c) {
                    if (holds((a * n[1] + b) * n[2] + c)) return true;
                }
            }
        }
        return false;
    };
    for (int64_t i = 0; i < n[0]; ++i) {
        for (int64_t j = 0; j < n[1]; ++j) {
            for (int64_t k = 0; k < n[2]; ++k) {
                uint8_t& kind = kinds[(i * n[1] + j) * n[2] + k];
                if (kind == empty && around(i, j, k, [&](int64_t c) { return before[c] != empty; })) kind = large;
            }
        }
    }
}

// The directions of an interface within a cell: how far they are from being one.
struct Normals {
    Vec3 sum{};
    double count = 0.0;

    void add(const Vec3& gradient) {
        const double length = norm(gradient);
        if (length > 0.0) {
            sum = sum + (1.0 / length) * gradient;
            count += 1.0;
        }
    }
    // Normals that spread evenly up to an angle θ leave 1 − θ²/4 of their length: here up to 25°, which bends a face
    // of the length of a large cell by a twentieth of that.
    bool bends() const { return norm(sum) < 0.95 * count; }
};

Cells::Kind Cells::kind_of(const LevelField& field, const std::vector<uint8_t>& labels, const Vec3& middle, double edge,
                           uint32_t fine) const {
    const Vec3 centre = field.voxel(middle);
    int64_t low[3], high[3];
    for (int d = 0; d < 3; ++d) {
        const double* m = field.to_voxels[d];
        const double reach = 0.5 * edge * (std::fabs(m[0]) + std::fabs(m[1]) + std::fabs(m[2])) + 0.5;
        low[d] = std::max<int64_t>(0, static_cast<int64_t>(std::ceil(std::max(centre[d] - reach, -1.0))));
        high[d] = std::min(field.n[d] - 1, static_cast<int64_t>(std::floor(std::max(centre[d] + reach, -1.0))));
    }
    const int64_t step[3] = {field.n[1] * field.n[2], field.n[2], 1};
    bool head = false;
    Normals normals;
    for (int64_t i = low[0]; i <= high[0]; ++i) {
        for (int64_t j = low[1]; j <= high[1]; ++j) {
            for (int64_t k = low[2]; k <= high[2]; ++k) {
                const int64_t v = i * step[0] + j * step[1] + k;
                const int label = labels[v], at[3] = {int(i), int(j), int(k)};
                if (label < field.levels) {
                    head = true;
                    if (fine >> label & 1U) return small;
                }
                for (int d = 0; d < 3; ++d) {
                    if (at[d] >= high[d] || labels[v + step[d]] == label) continue;
                    Vec3 between{double(i), double(j), double(k)}, gradient{};
                    between[d] += 0.5;
                    const int level = std::min<int>(label, labels[v + step[d]]);
                    field.with_gradient_at_voxel(level, between, gradient);
                    normals.add(gradient);
                }
            }
        }
    }
    return !head && normals.count == 0.0 ? empty : normals.bends() ? small : large;
}

// Makes the tetrahedra, and numbers the points that those of the head have.
class Filler {
public:
    Filler(const LevelField& field, const Cells& cells, double unit_mm)
        : field_(field), cells_(cells), unit_mm_(unit_mm) {
        number_.assign(corners() + 8 * cells.n[0] * cells.n[1] * cells.n[2], unknown);
    }

    // The faces of a cell around c, whose edge is 4 or 2 units, that it shares with others.
    void fill(const Spot& c, int edge, Cells::Kind kind) {
        for (int axis = 0; axis < 3; ++axis) {
            for (int side = -1; side <= 1; side += 2) {
                const Spot face = c.moved(axis, side * edge / 2), beyond = face.moved(axis, side);
                if (!cells_.inside(beyond)) continue;
                const Cells::Kind other = cells_.kind(beyond);
                if (kind == Cells::empty && other == Cells::empty) continue;
                const bool divided = other == Cells::small;
                if (divided == (edge == 2)) {
                    if (side > 0) between(c, c.moved(axis, edge), face, axis, edge);
                } else if (divided) {
                    around(c, face, axis);
                } else {
                    beside(c, face, axis);
                }
            }
        }
    }
    // The mesh, with the tetrahedra outside the head that touch one of its own: a node that is put on the scalp then
    // has all of its neighbours.
    LabelledMesh take() {
        const auto own = static_cast<int32_t>(mesh_.nodes.size());
        for (const auto& spots : outside_) {
            int64_t index[4];
            bool touches = false;
            for (int k = 0; k < 4; ++k) {
                index[k] = index_of(spots[k]);
                touches |= number_[index[k]] >= 0 && number_[index[k]] < own;
            }
            if (touches) keep(spots, index);
        }
        return std::move(mesh_);
    }

private:
    static constexpr int32_t unknown = -1;
    // Corners of the square around the middle of a face, and the middles of its sides between them.
    static constexpr int ring[8][2] = {{-1, -1}, {-1, 0}, {-1, 1}, {0, 1}, {1, 1}, {1, 0}, {1, -1}, {0, -1}};

    static Spot on_ring(const Spot& face, int axis, int k, int half) {
        return face.moved((axis + 1) % 3, half * ring[k % 8][0]).moved((axis + 2) % 3, half * ring[k % 8][1]);
    }
    // Of two cells of one size; an edge of large ones is halved where a small cell touches it.
    void between(const Spot& a, const Spot& b, const Spot& face, int axis, int edge) {
        for (int k = 0; k < 8; k += 2) {
            const Spot from = on_ring(face, axis, k, edge / 2), to = on_ring(face, axis, k + 2, edge / 2);
            const Spot middle = on_ring(face, axis, k + 1, edge / 2);
            if (edge == 4 && touches_small(middle)) {
                add(a, b, from, middle);
                add(a, b, middle, to);
            } else {
                add(a, b, from, to);
            }
        }
    }
    // Of a large cell with the four small ones beyond its face.
    void around(const Spot& c, const Spot& face, int axis) {
        for (int k = 0; k < 8; ++k) add(c, face, on_ring(face, axis, k, 2), on_ring(face, axis, k + 1, 2));
    }
    // Of a small cell with the quarter of a large one's face: cut from the middle of that face to its corner.
    void beside(const Spot& c, const Spot& face, int axis) {
        for (int k = 0; k < 8; k += 2) {
            const Spot corner = on_ring(face, axis, k, 1);
            if (corner.at[(axis + 1) % 3] % 4 != 0 || corner.at[(axis + 2) % 3] % 4 != 0) continue;
            const Spot middle = on_ring(face, axis, k + 4, 1);
            add(c, middle, corner, on_ring(face, axis, k + 2, 1));
            add(c, middle, corner, on_ring(face, axis, k + 6, 1));
        }
    }
    bool touches_small(const Spot& middle) const {
        for (int k = 0; k < 8; ++k) {
            Spot s = middle;
            for (int d = 0; d < 3; ++d) {
                if (middle.at[d] % 4 == 0) s.at[d] += k >> d & 1 ? 1 : -1;
            }
            if (cells_.kind(s) == Cells::small) return true;
        }
        return false;
    }

    void add(const Spot& a, const Spot& b, const Spot& c, const Spot& d) {
        const Spot* spots[4] = {&a, &b, &c, &d};
        int64_t index[4];
        bool head = false;
        for (int k = 0; k < 4; ++k) {
            index[k] = index_of(*spots[k]);
            head |= label_of(index[k], *spots[k]) < field_.levels;
        }
        if (head) {
            keep({a, b, c, d}, index);
        } else {
            outside_.push_back({a, b, c, d});
        }
    }
    void keep(const std::array<Spot, 4>& spots, const int64_t* index) {
        Tet t{};
        for (int k = 0; k < 4; ++k) t[k] = node(index[k], spots[k]);
        const Vec3 *p = mesh_.nodes.data(), e = p[t[1]] - p[t[0]];
        if (dot(e, cross(p[t[2]] - p[t[0]], p[t[3]] - p[t[0]])) < 0.0) std::swap(t[2], t[3]);
        mesh_.tets.push_back(t);
    }
    int64_t corners() const { return (2 * cells_.n[0] + 1) * (2 * cells_.n[1] + 1) * (2 * cells_.n[2] + 1); }

    // The place of a corner, or of the centre of a small cell, in number_.
    int64_t index_of(const Spot& s) const {
        const bool odd = s.at[0] & 1;
        int64_t i = 0;
        for (int d = 0; d < 3; ++d) i = i * (2 * cells_.n[d] + (odd ? 0 : 1)) + s.at[d] / 2;
        return odd ? corners() + i : i;
    }
    Vec3 place(const Spot& s) const {
        return cells_.origin + unit_mm_ * Vec3{double(s.at[0]), double(s.at[1]), double(s.at[2])};
    }
    // Kept in number_ as −2 − label until the point becomes a node.
    int label_of(int64_t index, const Spot& s) {
        int32_t& number = number_[index];
        if (number >= 0) return mesh_.sides[number].first;
        if (number == unknown) number = -2 - field_.label(place(s));
        return -2 - number;
    }
    int32_t node(int64_t index, const Spot& s) {
        int32_t& number = number_[index];
        if (number < 0) {
            const auto label = static_cast<uint8_t>(-2 - number);
            number = static_cast<int32_t>(mesh_.nodes.size());
            mesh_.nodes.push_back(place(s));
            mesh_.sides.push_back({label, label});
        }
        return number;
    }

    const LevelField& field_;
    const Cells& cells_;
    double unit_mm_;
    std::vector<int32_t> number_;
    std::vector<std::array<Spot, 4>> outside_;
    LabelledMesh mesh_;
};

}  // namespace

LabelledMesh graded_lattice(const LevelField& field, const LatticeSize& size, const Poll& poll) {
    const Cells cells(field, size, poll);
    Filler filler(field, cells, 0.5 * size.cell_mm);
    for (int32_t i = 0; i < cells.n[0]; ++i) {
        for (int32_t j = 0; j < cells.n[1]; ++j) {
            for (int32_t k = 0; k < cells.n[2]; ++k) {
                const Spot middle{{4 * i + 2, 4 * j + 2, 4 * k + 2}};
                const Cells::Kind kind = cells.kind(middle);
                if (kind != Cells::small) {
                    filler.fill(middle, 4, kind);
                    continue;
                }
                for (int child = 0; child < 8; ++child) {
                    Spot c = middle;
                    for (int d = 0; d < 3; ++d) c.at[d] += child >> d & 1 ? 1 : -1;
                    filler.fill(c, 2, kind);
                }
            }
        }
        poll();
    }
    return filler.take();
}

}  // namespace headfield
