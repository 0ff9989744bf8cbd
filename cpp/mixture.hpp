// SPDX-License-Identifier: BSD-3-Clause
// The matrices of the tissues of a head, apart from each other, so that each column of a block has its own conductivities:
// K = Σ_t s_t K_t. The rows of all tissues lie one after the other, node by node, scaled as the fine matrix of a
// hierarchy is, which preconditions them.
#pragma once

#include <vector>

#include "device_hierarchy.hpp"

namespace headfield {

class Mixture {
public:
    // Of matrices of the tissues on the host, with as many rows as the hierarchy. Throws std::length_error where they
    // have more than 2^31 nonzeros together.
    Mixture(const DeviceHierarchy& hierarchy, const std::vector<CsrView<double>>& tissues);

    // With factors (tissues, W) where the loops look for them.
    MixtureView<float> fine32(const double* factors) const { return view(float_.data(), factors); }
    MixtureView<double> fine64(const double* factors) const { return view(double_.data(), factors); }
    int tissues() const { return tissues_; }
    int32_t rows() const { return rows_; }

private:
    // What is taken to the device; what it was copied from is then not kept.
    template <class T>
    class Kept {
    public:
        explicit Kept(std::vector<T>&& host) : host_(std::move(host)), there_(host_) {
            if constexpr (asynchronous) std::vector<T>().swap(host_);
        }
        const T* data() const { return there_.data(); }

    private:
        std::vector<T> host_;
        OnDevice<T> there_;
    };
    struct Host;
    Mixture(Host&& host, int tissues);

    template <class T>
    MixtureView<T> view(const T* values, const double* factors) const {
        return {rows_, first_.data(), tissue_.data(), ptr_.data(), col_.data(), values, factors};
    }

    int32_t rows_;
    int tissues_;
    Kept<int32_t> first_, tissue_, ptr_, col_;
    Kept<float> float_;
    Kept<double> double_;
};

}  // namespace headfield
