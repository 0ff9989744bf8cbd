// SPDX-License-Identifier: BSD-3-Clause
// The tetrahedra around nodes, and how well they are shaped.
#pragma once

#include <unordered_map>

#include "level_field.hpp"
#include "tet_mesh.hpp"

namespace headfield {

// Minus the largest cosine of a tetrahedron's six dihedral angles, which grows with the smallest angle; `inverted`
// unless the volume is positive.
constexpr double inverted = -2.0;
double shape(const Vec3& a, const Vec3& b, const Vec3& c, const Vec3& d);

// The shape whose smallest angle is so large.
double shape_of_angle(double degrees);

// The tetrahedra around each node, also while some are removed or change a corner.
class Stars {
public:
    struct Span {
        const int32_t *first, *past;
        const int32_t* begin() const { return first; }
        const int32_t* end() const { return past; }
    };

    explicit Stars(const LabelledMesh& mesh);

    Span of(int32_t node) const {
        if (!changed_.empty()) {
            const auto found = changed_.find(node);
            if (found != changed_.end()) {
                return {found->second.data(), found->second.data() + found->second.size()};
            }
        }
        return {tets_.data() + begin_[node], tets_.data() + begin_[node + 1]};
    }
    void remove(int32_t node, int32_t tet);
    void add(int32_t node, int32_t tet) { own(node).push_back(tet); }
    void clear(int32_t node) { own(node).clear(); }

private:
    std::vector<int32_t>& own(int32_t node);

    std::vector<int64_t> begin_;
    std::vector<int32_t> tets_;
    std::unordered_map<int32_t, std::vector<int32_t>> changed_;
};

// Colours of nodes, from 0, such that no two of one tetrahedron have the same.
std::vector<int32_t> colours(const LabelledMesh& mesh, const Stars& stars);

}  // namespace headfield
