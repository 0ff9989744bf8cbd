// SPDX-License-Identifier: BSD-3-Clause
// Fields of many nodal currents, outside of where they flow, by a tree of clusters. Compiled into both modules, and
// always run on the host.
//
// After Wang, Krasny & Tlupova 2020, doi 10.4208/cicp.OA-2019-0177: an octree of cubes; far from a cube the kernel is
// replaced by its Lagrange polynomial at p³ Chebyshev points, so that currents there, anterpolated from the nodes, stand
// for those of the nodes. Those of parents follow from those of children, and those for fewer points from those for 8,
// exactly but for rounding. Each target chooses for itself, by its distance from the cube, how many points do, or whether
// to go on to the children; what it chooses depends on nothing else.
//
// 0.7 M nodes of a head, 31,400 points 2–50 mm off it, k = 3, one core with AVX2: most nodes in a leaf, tolerance of B
// (thresholds(), current_tree.cpp): seconds for set-up + B, relative L2 error of B. The direct sum, 22 G pairs: 17 s.
//   5000, 1e-6: 0.3 + 0.6, 7.6e-6 | 5000, 6e-7: 0.25 + 0.65, 3.7e-6 | 5000, 3e-7: 0.27 + 0.9, 1.6e-6
//   1800, 6e-7: 0.47 + 0.58, 3.7e-6 | 640, 6e-7: 0.59 + 0.65, 3.7e-6. Twice the error for a target 70 mm deep.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "current_loops.hpp"
#include "poll.hpp"

namespace headfield {

class CurrentTree {
public:
    // Nodes (n, 3), m, and currents (k, n, 3), A·m, of k functionals. Throws std::invalid_argument unless the nodes are
    // finite.
    CurrentTree(const double* nodes, const float* currents, int64_t n, int k, const Poll& poll);

    int k() const { return k_; }
    // out (count, k, 3) at finite points (count, 3): B, T, with `curl`, else A, T·m; μ0/4π Σ c × d / |d|³ and
    // μ0/4π Σ c / |d|, d = x − r. Nodes less than 1 µm from a point are left out, unless `every` one is to count: the sum
    // is then huge or not a number there.
    void sum(const double* points, int64_t count, bool curl, bool every, float* out, const Poll& poll) const;

private:
    struct Cell {
        int64_t begin, end;               // of the sorted nodes
        std::array<double, 3> centre;     // from that of the tree, m
        double half;                      // of an edge, m
        std::array<int32_t, 8> children;  // −1 where there is no node; all of them in a leaf
        bool leaf;
        std::array<int64_t, most_points + 1> proxies;  // where those of p points begin in proxies_, −1 if never used
    };
    struct Targets;  // a part of the points, and their sums

    // Sets the centre and returns the side of the smallest cube around all nodes, a little wider.
    double enclose(const double* nodes, int64_t n);
    // Adds a cell and those below it; keys are sorted. Returns its number.
    int32_t divide(const uint32_t* keys, Cell cell, int depth);
    void copy(const double* nodes, const float* currents, const std::vector<int32_t>& order);
    void reserve_proxies();
    void gather(const Poll& poll);
    // The moments of a cell, see CurrentKernels::gather; those that are made already are moved out of `made`, where that
    // is not null. Sets the proxies of the cell and of those below it.
    std::vector<float> moments(int32_t cell, std::vector<std::vector<float>>* made);
    LeafView leaf(const Cell& cell) const;
    // Adds what a cell is to the points that `who` names.
    void visit(int32_t cell, const std::vector<int32_t>& who, Targets& targets) const;

    int k_;
    std::array<double, 3> centre_;
    std::vector<Cell> cells_;
    std::vector<float> places_;    // (n, 3) from the centre of each one's leaf, m
    std::vector<float> currents_;  // (n, 3k)
    std::vector<float> proxies_;
};

}  // namespace headfield
