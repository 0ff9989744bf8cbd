// SPDX-License-Identifier: BSD-3-Clause
// How parallel loops fail.
#pragma once

#include <atomic>
#include <exception>
#include <thread>
#include <utility>

#include "poll.hpp"

namespace headfield {

// Carries an exception out of a parallel loop, which none may leave by itself or the process ends. run() keeps the
// first and leaves out the rest of the loop; rethrow(), called after the loop, throws it. The thread that started the
// loop polls before each body.
class FirstError {
public:
    explicit FirstError(Poll poll = never) : poll_(std::move(poll)), starter_(std::this_thread::get_id()) {}

    template <class Body>
    void run(Body body) noexcept {
        if (failed_.load(std::memory_order_relaxed)) return;
        try {
            if (std::this_thread::get_id() == starter_) poll_();
            body();
        } catch (...) {
            // Without a lock, which a process forked meanwhile would inherit closed.
            if (!failed_.exchange(true)) error_ = std::current_exception();
        }
    }
    void rethrow() const {
        if (error_) std::rethrow_exception(error_);
    }

private:
    Poll poll_;
    std::thread::id starter_;
    std::atomic<bool> failed_{false};
    std::exception_ptr error_;
};

}  // namespace headfield
