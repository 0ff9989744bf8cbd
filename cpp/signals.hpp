// SPDX-License-Identifier: BSD-3-Clause
// Signals during native work: Python's handlers run in its main thread alone, and only when that asks for them.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>

#include "device.hpp"
#include "poll.hpp"

namespace headfield {

namespace py = pybind11;

// A Poll of one native call. Where it comes to an end is up to the handlers: what one raises is thrown, and Python sees
// that. To be made while the interpreter's lock is held, and called where it is not.
class Signals {
public:
    Signals() : heard_(in_main_thread()), last_(Clock::now()) {}
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    Poll poll() {
        return [this] { look(); };
    }

private:
    using Clock = std::chrono::steady_clock;
    // A fraction of what a person notices. The lock has to be waited for where other threads run Python, so small solves must
    // not take it at all.
    static constexpr auto interval = std::chrono::milliseconds(50);

    static bool in_main_thread() {
        const py::module_ threading = py::module_::import("threading");
        return threading.attr("get_ident")().equal(threading.attr("main_thread")().attr("ident"));
    }
    void look() {
        if (!heard_ || Clock::now() - last_ < interval) return;
        {
            py::gil_scoped_acquire lock;
            if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        }
        last_ = Clock::now();
    }

    bool heard_;
    Clock::time_point last_;
};

// How many of n rows of so many columns a loop takes before it polls: all where it returns before it is done.
inline int64_t some_rows(int64_t n, int64_t width) { return asynchronous ? n : (1 << 20) / width; }

}  // namespace headfield
