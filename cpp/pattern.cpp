// SPDX-License-Identifier: BSD-3-Clause
// Finds the pattern of a head's operators: a counting sort of elements by their nodes, then the distinct nodes of each
// node's elements.
#include "pattern.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>

#include "first_error.hpp"

namespace headfield {

namespace {

// Work space of a thread: the columns of one row, and a mark for each node of the mesh that is among them.
struct RowIndex {
    std::vector<char> seen;
    std::vector<int32_t> columns;

    explicit RowIndex(int64_t n_nodes) : seen(n_nodes, 0) {}
};

// Fills `columns` with the sorted distinct nodes of the elements around one node, the node itself included.
void collect_columns(const ElementNodes& elements, const int32_t* begin, const int32_t* end, RowIndex& row) {
    row.columns.clear();
    for (const int32_t* t = begin; t != end; ++t) {
        for (int k = 0; k < elements.each; ++k) {
            const int32_t j = elements.nodes[elements.each * int64_t(*t) + k];
            if (j < 0 || row.seen[j]) continue;
            row.seen[j] = 1;
            row.columns.push_back(j);
        }
    }
    for (const int32_t j : row.columns) row.seen[j] = 0;
    std::sort(row.columns.begin(), row.columns.end());
}

}  // namespace

// Counts, then places in the order of the elements, which therefore ascend around each node.
NodeTets::NodeTets(const ElementNodes& elements) : start(elements.n_nodes + 1, 0) {
    const int64_t corners = elements.each * elements.n_elements;
    for (int64_t k = 0; k < corners; ++k) {
        if (elements.nodes[k] >= 0) ++start[elements.nodes[k] + 1];
    }
    for (int64_t i = 0; i < elements.n_nodes; ++i) start[i + 1] += start[i];
    around.resize(start.back());
    std::vector<int64_t> next(start.begin(), start.end() - 1);
    for (int64_t k = 0; k < corners; ++k) {
        if (elements.nodes[k] >= 0) around[next[elements.nodes[k]]++] = static_cast<int32_t>(k / elements.each);
    }
}

Pattern::Pattern(const ElementNodes& elements, const Poll& poll) : NodeTets(elements) {
    constexpr int64_t chunk = 4096;
    const int64_t n = elements.n_nodes, n_chunks = (n + chunk - 1) / chunk;
    ptr.assign(n + 1, 0);
    std::vector<std::vector<int32_t>> pieces(n_chunks);
    FirstError error(poll);
#pragma omp parallel
    {
        std::optional<RowIndex> row;
        error.run([&] { row.emplace(n); });
#pragma omp for schedule(dynamic, 1)
        for (int64_t c = 0; c < n_chunks; ++c) {
            error.run([&] {
                pieces[c].reserve(16 * chunk);
                for (int64_t i = c * chunk; row && i < std::min(n, (c + 1) * chunk); ++i) {
                    collect_columns(elements, around.data() + start[i], around.data() + start[i + 1], *row);
                    pieces[c].insert(pieces[c].end(), row->columns.begin(), row->columns.end());
                    ptr[i + 1] = static_cast<int32_t>(row->columns.size());  // lengths, which are summed below
                }
            });
        }
    }
    error.rethrow();
    int64_t total = 0;
    for (const auto& piece : pieces) total += static_cast<int64_t>(piece.size());
    if (total > std::numeric_limits<int32_t>::max()) throw std::length_error("the matrix has more than 2^31 nonzeros");
    for (int64_t i = 0; i < n; ++i) ptr[i + 1] += ptr[i];
    col.reserve(total);
    for (const auto& piece : pieces) col.insert(col.end(), piece.begin(), piece.end());
}

}  // namespace headfield
