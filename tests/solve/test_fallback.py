# SPDX-License-Identifier: BSD-3-Clause
"""Which device is taken, and what is said where there is no GPU or one fails; the CPU can always be had."""

import functools
import importlib
import subprocess
import sys
import threading
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import EMULATED, WHY_NO_GPU

import headfield as hf
from headfield.core import device as backend
from headfield.solve import model as model_module
from headfield.solve import selfcheck
from headfield.solve.drives.coil import CoilDrive

gpu = pytest.mark.skipif(bool(WHY_NO_GPU), reason=WHY_NO_GPU)
emulated = pytest.mark.skipif(not EMULATED, reason="needs the emulation, whose kernels can be made to fail")
NO_KERNELS, LAUNCH_FAILURE = "launch:209", "launch:719"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing is known of a GPU yet, and HEADFIELD_DEVICE doesn't decide."""
    monkeypatch.setattr(selfcheck, "_lasting", {})
    monkeypatch.setattr(selfcheck, "_said", set())
    monkeypatch.delenv("HEADFIELD_DEVICE", raising=False)


@functools.cache
def mesh():
    return hf.sphere_mesh([80], [3], 30.0)


def device_of(device="auto"):
    return hf.HeadModel(mesh(), device=device).device


def refusal(asked="device='cuda'"):
    """What is said where a GPU is asked for and can't be had: one line that names what asks."""
    with pytest.raises(hf.DeviceError) as caught:
        device_of("cuda" if asked.startswith("device") else "auto")
    text = str(caught.value)
    assert text.startswith(f"{asked}: ")
    assert "\n" not in text
    return text


def falls_back(words):
    """With "auto" the first model warns, whoever makes it; the next is as silent as those on the CPU."""
    with pytest.warns(UserWarning, match=words) as said:
        assert device_of() == "cpu"
    assert len(said) == 1
    assert "the CPU is taken" in str(said[0].message)
    assert device_of() == "cpu"
    assert device_of("cpu") == "cpu"


def warns_at_the_caller_of_the_model(words):
    with pytest.warns(UserWarning, match=words) as said:
        hf.HeadModel(mesh())
    assert said[0].filename == __file__


def fail_by(error):
    def fail(*_):
        raise error

    return fail


def failing_import(broken, error, name):
    if name == broken:
        raise error
    return importlib.import_module(name)


# Where there is no GPU, "auto" is the CPU without a word: the tests turn warnings into errors.


def is_absent():
    text = refusal()
    assert device_of() == "cpu"
    return text


def test_without_the_module_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "headfield.core._cuda", None)
    assert "nvcc" in is_absent()


@gpu
def test_without_cupy_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert "CuPy is missing" in is_absent()


@gpu
@pytest.mark.parametrize("why", ["no driver", "no device", "none visible"])
def test_without_a_gpu_one_line_says_so(monkeypatch, why):
    """A machine without a driver, as a login node: CUDA then says that the driver is too old."""
    from cupy.cuda import runtime

    status = {"no driver": 35, "no device": 0, "none visible": 100}[why]
    count = fail_by(runtime.CUDARuntimeError(status)) if status else lambda: 0
    monkeypatch.setattr(runtime, "getDeviceCount", count)
    if why == "no driver":
        monkeypatch.setattr(runtime, "driverGetVersion", lambda: 0)
    assert "no NVIDIA GPU was found" in is_absent()


def test_the_environment_says_what_auto_is(monkeypatch):
    monkeypatch.setenv("HEADFIELD_DEVICE", "cpu")
    assert device_of() == "cpu"
    monkeypatch.setenv("HEADFIELD_DEVICE", "gpu")
    with pytest.raises(hf.DeviceError, match="HEADFIELD_DEVICE"):
        device_of()
    assert device_of("cpu") == "cpu"


def test_importing_the_package_leaves_the_gpu_alone():
    code = "import sys, headfield; print([m for m in sys.modules if 'cupy' in m or m.endswith('._cuda')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_cpu_is_had_without_a_look_at_the_gpu(monkeypatch):
    monkeypatch.setattr(backend, "gpu", fail_by(AssertionError("looked")))
    assert device_of("cpu") == "cpu"
    monkeypatch.setenv("HEADFIELD_DEVICE", "cpu")
    assert device_of() == "cpu"


# Where a GPU is there but fails.


@gpu
def test_a_driver_that_is_too_old_is_a_failure(monkeypatch):
    from cupy.cuda import runtime

    monkeypatch.setattr(runtime, "getDeviceCount", fail_by(runtime.CUDARuntimeError(35)))
    assert "not usable" in refusal()
    falls_back("not usable: cuda")


@gpu
@pytest.mark.parametrize(
    "error",
    [
        ImportError("libnvrtc.so.13: cannot open"),
        RuntimeError("CuPy is not\ncorrectly installed"),
        ModuleNotFoundError("No module named 'cuda.pathfinder'", name="cuda.pathfinder"),
    ],
)
def test_modules_that_cannot_be_loaded_are_a_failure(monkeypatch, error):
    for name, words in (
        ("headfield.core._cuda", "the CUDA module can't be loaded"),
        ("cupy", "CuPy can't be loaded"),
    ):
        with monkeypatch.context() as patch:
            load = functools.partial(failing_import, name, error)
            patch.setattr(backend, "importlib", SimpleNamespace(import_module=load))
            assert words in refusal()
            falls_back(words)


@gpu
@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("cudaErrorLaunchFailure: unspecified launch failure"),
        hf.DeviceError("wait for the device: an illegal memory access was encountered"),
        TypeError("Argument 'a' has incorrect type"),
        MemoryError("Out of memory allocating 1,024 bytes"),
        OSError("nvrtc"),
    ],
)
def test_whatever_fails_in_the_check_means_the_cpu(monkeypatch, error):
    monkeypatch.setattr(selfcheck, "difference_from_cpu", fail_by(error))
    words = str(error).replace("(", r"\(")
    assert str(error) in refusal()
    falls_back(words)
    monkeypatch.setenv("HEADFIELD_DEVICE", "cuda")
    assert str(error) in refusal("HEADFIELD_DEVICE='cuda'")


@gpu
@pytest.mark.parametrize("error", [RuntimeError("launch failed"), MemoryError("Out of memory")])
def test_a_head_that_cannot_be_built_on_the_gpu_is_built_on_the_cpu(monkeypatch, error):
    made = model_module.DeviceHead

    def build(mesh, conductivity, device, *options):
        if device.name == "cuda":
            raise error
        return made(mesh, conductivity, device, *options)

    monkeypatch.setattr(model_module, "DeviceHead", build)
    assert str(error) in refusal()
    falls_back(str(error))


@gpu
def test_what_was_taken_of_a_gpu_that_is_not_used_is_given_back(monkeypatch):
    """The arrays that a failed attempt holds are gone, traceback and all, when the pool is emptied."""
    import cupy

    def build(mesh, conductivity, device, *options):
        if device.name == "cuda":
            held = device.put(np.zeros(1 << 20))
            raise RuntimeError(f"failed with {held.nbytes} bytes")
        return made(mesh, conductivity, device, *options)

    made, used, release = model_module.DeviceHead, [], backend.Device.release

    def note(device):
        used.append(cupy.get_default_memory_pool().used_bytes() - before)
        release(device)

    monkeypatch.setattr(model_module, "DeviceHead", build)
    monkeypatch.setattr(backend.Device, "release", note)
    assert selfcheck.difference_from_cpu(backend.gpu()) < 1e-6
    before = cupy.get_default_memory_pool().used_bytes()
    falls_back("failed with")
    assert len(used) == 2
    assert max(used) < 1 << 20


@gpu
def test_an_interrupt_is_none_of_the_failures(monkeypatch):
    monkeypatch.setattr(selfcheck, "difference_from_cpu", fail_by(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        device_of()


@gpu
def test_what_is_wrong_with_the_head_is_no_fault_of_the_gpu(monkeypatch):
    monkeypatch.setattr(model_module, "DeviceHead", fail_by(hf.MeshError("flat")))
    with pytest.raises(hf.MeshError, match="flat"):
        device_of()


@emulated
@pytest.mark.parametrize(
    ("failure", "words"), [(NO_KERNELS, "no kernel image is available"), (LAUNCH_FAILURE, "launch failure")]
)
def test_kernels_that_fail_mean_the_cpu(monkeypatch, failure, words):
    monkeypatch.setenv("HEADFIELD_EMULATED_FAILURE", failure)
    assert words in refusal()
    assert words in backend.find_gpu()
    warns_at_the_caller_of_the_model(words)
    assert device_of() == "cpu"
    monkeypatch.delenv("HEADFIELD_EMULATED_FAILURE")
    assert isinstance(backend.find_gpu(), tuple), "nothing is remembered of a look"
    assert device_of() == ("cpu" if failure == NO_KERNELS else "cuda"), "a failed launch may pass"


@gpu
@pytest.mark.parametrize("wrong", [1.1e-5, np.nan])
def test_a_gpu_that_gives_other_numbers_is_not_used_again(monkeypatch, wrong):
    with monkeypatch.context() as patch:
        patch.setattr(selfcheck, "difference_from_cpu", lambda _: wrong)
        assert "differs from the CPU's" in refusal()
        falls_back("differs from the CPU's")
    assert "differs from the CPU's" in refusal()
    assert device_of() == "cpu"
    monkeypatch.setenv("HEADFIELD_DEVICE", "cuda")
    refusal("HEADFIELD_DEVICE='cuda'")


@gpu
def test_memory_that_is_short_now_may_be_there_later(monkeypatch):
    with monkeypatch.context() as patch:
        for free in (100, 2000):  # other numbers, but no other failure
            patch.setattr(selfcheck, "difference_from_cpu", fail_by(MemoryError(f"{free:,} bytes are free")))
            if free == 100:
                falls_back("no memory is left on the GPU")
            assert device_of() == "cpu"
    assert device_of() == "cuda"


@gpu
def test_each_gpu_is_checked_for_itself_and_once(monkeypatch):
    here, seen = backend.gpu(), []

    def difference(device):
        seen.append(device.id)
        return 0.0 if device.id == 0 else 1.0

    monkeypatch.setattr(selfcheck, "difference_from_cpu", difference)
    for current in (0, 1, 1, 0, 2):
        one = backend.Device("cuda", here.native, here.xp)
        one.id = current
        one.current = here.current
        monkeypatch.setattr(backend, "gpu", lambda one=one: one)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert device_of() == ("cuda" if current == 0 else "cpu")
    assert seen == [0, 1, 2]


@gpu
def test_threads_wait_for_one_check(monkeypatch):
    """Both are in the choice at once: each goes on only when the other has found the GPU as well."""
    asked, counts, taken = threading.Barrier(2, timeout=30), [], []
    find = backend.gpu

    def look():
        found = find()
        asked.wait()
        return found

    def difference(_):
        counts.append(1)
        return 0.0

    monkeypatch.setattr(backend, "gpu", look)
    monkeypatch.setattr(selfcheck, "difference_from_cpu", difference)
    threads = [threading.Thread(target=lambda: taken.append(device_of())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == ["cuda", "cuda"]
    assert len(counts) == 1


@gpu
def test_the_check_sees_the_same_field_on_both(monkeypatch):
    monkeypatch.setattr(selfcheck, "sphere_mesh", hf.sphere_mesh)  # as it is, see tests/emulation.py
    monkeypatch.setattr(selfcheck, "CoilDrive", CoilDrive)
    assert selfcheck.difference_from_cpu(backend.gpu()) < 1e-6


@gpu
def test_host_arrays_are_put_on_the_gpu_as_they_are():
    import cupy

    device = backend.gpu()
    for host in (
        np.float64(3.0),
        np.array(2.0),
        np.arange(6.0).reshape(2, 3).T,
        np.empty((0, 3)),
        [1.0, 2.0],
    ):
        there = device.put(host)
        assert isinstance(there, cupy.ndarray)
        assert there.shape == np.shape(host)
        assert there.flags.c_contiguous
        assert np.array_equal(there.get(), host)
        assert device.put(there) is there
    assert np.array_equal(
        device.put(cupy.asarray(np.arange(6.0).reshape(2, 3)).T).get(), np.arange(6.0).reshape(2, 3).T
    )
    same = np.arange(3.0)
    assert backend.select("cpu").put(same) is same


def test_samples_that_end_inside_the_head_are_warned_of_where_the_field_is_asked_for():
    affine = np.diag([20.0, 20.0, 20.0, 1.0])
    affine[:3, 3] = -20.0
    coil = hf.Coil(elements=[hf.CoilElement(hf.SampledPotential(np.full((3, 3, 3, 3), 1e-6), affine))])
    model = hf.HeadModel(mesh(), device="cpu")
    pose = hf.place(mesh(), [0, 0, 95], [0, 50, 95])
    for solve in (model.solve, lambda *given: next(model.iter_solve(*given))):
        with pytest.warns(UserWarning, match="outside the samples") as said:
            solve(coil, pose)
        assert {one.filename for one in said if "samples" in str(one.message)} == {__file__}
