// SPDX-License-Identifier: BSD-3-Clause
// How parallel loops fail.
#pragma once

#include <exception>

namespace headfield {

// Carries an exception out of a parallel loop, which none may leave by itself or the process ends. run() keeps the
// first, and rethrow(), called after the loop, throws it.
class FirstError {
public:
    template <class Body>
    void run(Body body) noexcept {
        try {
            body();
        } catch (...) {
#pragma omp critical(headfield_first_error)
            if (!error_) error_ = std::current_exception();
        }
    }
    void rethrow() const {
        if (error_) std::rethrow_exception(error_);
    }

private:
    std::exception_ptr error_;
};

}  // namespace headfield
