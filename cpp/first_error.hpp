// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <exception>

namespace headfield {

// An exception must not leave a thread of a parallel loop: run() keeps the first, rethrow() throws it after the loop.
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
