// SPDX-License-Identifier: BSD-3-Clause
#include "mixture.hpp"

#include <limits>
#include <stdexcept>

namespace headfield {

// See MixtureView. Parts are padded to multiples of row_step entries, by zeros in the last column that they have.
struct Mixture::Host {
    Host(const std::vector<double>& scale, const std::vector<CsrView<double>>& tissues) {
        count(static_cast<int32_t>(scale.size()), tissues);
        col.resize(ptr.back());
        single.resize(ptr.back());
        values.resize(ptr.back());
#pragma omp parallel for schedule(static)
        for (int32_t i = 0; i < rows(); ++i) {
            for (int32_t part = first[i]; part < first[i + 1]; ++part) fill(scale, tissues[tissue[part]], i, part);
        }
    }
    int32_t rows() const { return static_cast<int32_t>(first.size()) - 1; }

    std::vector<int32_t> first{0}, tissue, ptr{0}, col;
    std::vector<float> single;
    std::vector<double> values;

private:
    // Finds the parts of each row, and how many entries they have.
    void count(int32_t n, const std::vector<CsrView<double>>& tissues) {
        int64_t total = 0;
        first.reserve(size_t(n) + 1);
        for (int32_t i = 0; i < n; ++i) {
            for (size_t t = 0; t < tissues.size(); ++t) {
                const int32_t entries = tissues[t].ptr[i + 1] - tissues[t].ptr[i];
                if (entries == 0) continue;
                total += (entries + row_step - 1) / row_step * row_step;
                if (total > std::numeric_limits<int32_t>::max()) {
                    throw std::length_error("the matrices have more than 2^31 nonzeros");
                }
                tissue.push_back(static_cast<int32_t>(t));
                ptr.push_back(static_cast<int32_t>(total));
            }
            first.push_back(static_cast<int32_t>(tissue.size()));
        }
    }

    void fill(const std::vector<double>& scale, const CsrView<double>& m, int32_t i, int32_t part) {
        int32_t to = ptr[part];
        for (int32_t k = m.ptr[i]; k < m.ptr[i + 1]; ++k, ++to) {
            col[to] = m.col[k];
            values[to] = scale[i] * m.val[k] * scale[m.col[k]];
            single[to] = static_cast<float>(values[to]);
        }
        for (; to < ptr[part + 1]; ++to) col[to] = m.col[m.ptr[i + 1] - 1];
    }
};

Mixture::Mixture(const DeviceHierarchy& hierarchy, const std::vector<CsrView<double>>& tissues)
    : Mixture(Host(hierarchy.scale_on_host(), tissues), static_cast<int>(tissues.size())) {}

Mixture::Mixture(Host&& host, int tissues)
    : rows_(host.rows()), tissues_(tissues), first_(std::move(host.first)), tissue_(std::move(host.tissue)),
      ptr_(std::move(host.ptr)), col_(std::move(host.col)), float_(std::move(host.single)),
      double_(std::move(host.values)) {}

}  // namespace headfield
