// SPDX-License-Identifier: BSD-3-Clause
// Modules `_cpu` and `_cuda`, from the same sources, so that they export the same names and signatures. Bindings check
// shapes and dtypes, release the interpreter's lock, and do nothing else; defaults, units and messages for users are
// Python's (headfield.core.device is their only importer). Every array is one of the device's; those of
// bindings_currents.cpp, bindings_host.cpp, bindings_images.cpp, bindings_mesher.cpp, bindings_refine.cpp,
// bindings_triangles.cpp and
// bindings_zoom.cpp are NumPy's, and so are their results.
#include "arrays.hpp"
#include "instruction_sets.hpp"
#include "kernels.hpp"

#if defined(HEADFIELD_CUDA)
#define HEADFIELD_MODULE _cuda
#else
#define HEADFIELD_MODULE _cpu
#endif

namespace {

const char* compiler() {
#if defined(__clang__)
    return "Clang " __clang_version__;
#else
    return "GCC " __VERSION__;
#endif
}

// Year and month of the standard; 0 without OpenMP.
int openmp() {
#if defined(_OPENMP)
    return _OPENMP;
#else
    return 0;
#endif
}

}  // namespace

PYBIND11_MODULE(HEADFIELD_MODULE, m) {
    using namespace headfield;
    m.doc() = "the native side of headfield";
    bind_device(m);
    bind_host(m);
    bind_currents(m);
    bind_mesher(m);
    bind_images(m);
    bind_zoom(m);
    bind_operators(m);
    bind_primary(m);
    bind_recovery(m);
    bind_refine(m);
    bind_solver(m);
    bind_transposes(m);
    bind_triangles(m);
    m.attr("instruction_set") = instruction_set();
    m.attr("instruction_sets") = py::tuple(py::cast(compiled_instruction_sets()));
    m.attr("compiler") = compiler();
    m.attr("openmp") = openmp();
    py::tuple compiled(std::size(widths));
    for (std::size_t i = 0; i < std::size(widths); ++i) compiled[i] = widths[i];
    m.attr("widths") = compiled;
}
