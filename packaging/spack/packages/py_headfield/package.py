# SPDX-License-Identifier: BSD-3-Clause
"""Spack: `spack repo add packaging/spack`, then `spack install py-headfield +cuda cuda_arch=90`."""

from spack.package import *


class PyHeadfield(PythonPackage, CudaPackage):
    """The electric field that a transcranial magnetic stimulation coil induces in a head, fast."""

    license("BSD-3-Clause")

    # There is no release to download yet: `spack develop --path /path/to/headfield py-headfield@main`.
    version("main")

    variant("plot", default=True, description="Pictures, and pages to turn a head in")
    variant("files", default=True, description="HDF5, NIfTI and MATLAB files")

    depends_on("cxx", type="build")
    depends_on("python@3.11:", type=("build", "link", "run"))
    depends_on("py-scikit-build-core@0.10:", type="build")
    depends_on("py-pybind11@2.13:", type="build")
    depends_on("cmake@3.18:", type="build")
    depends_on("ninja", type="build")
    depends_on("py-numpy@1.26:", type=("build", "run"))
    depends_on("py-meshio@5.3.5:", type=("build", "run"))

    with when("+plot"):
        depends_on("py-matplotlib@3.8:", type="run")
        depends_on("py-plotly@6:", type="run")
    with when("+files"):
        depends_on("py-h5py@3.10:", type="run")
        depends_on("py-nibabel@5.2:", type="run")
        depends_on("py-scipy@1.12:", type="run")
    with when("+cuda"):
        depends_on("cuda@12:")
        depends_on("py-cupy@13:", type="run")
    conflicts("%gcc@:8", msg="the loops use vector types that GCC has from version 9 on")

    def config_settings(self, spec, prefix):
        """Whether kernels for GPUs are built, and for which: never what happens to be on the machine."""
        settings = {"cmake.define.HEADFIELD_CUDA": "ON" if spec.satisfies("+cuda") else "OFF"}
        if spec.satisfies("+cuda"):
            architectures = spec.variants["cuda_arch"].value
            if "none" not in architectures:
                chosen = ";".join(f"{one}-real" for one in architectures)
                settings["cmake.define.CMAKE_CUDA_ARCHITECTURES"] = chosen
        return settings

    @run_after("install")
    @on_package_attributes(run_tests=True)
    def check_answer(self):
        """Solve a sphere whose field is known."""
        Executable(join_path(self.prefix.bin, "headfield"))("doctor")
