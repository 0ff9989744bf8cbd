# SPDX-License-Identifier: BSD-3-Clause
"""What is a GPU's alone: CuPy in and out, streams, memory that runs out."""

import functools
import gc
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import WHY_NO_GPU
from given import p1
from given.comparisons import same_bits
from given.heads import coil

import headfield as hf
from headfield.core import _cpu
from headfield.core import device as backend
from headfield.solve import selfcheck

gpu = pytest.mark.skipif(bool(WHY_NO_GPU), reason=WHY_NO_GPU)
# They start processes that load all kernels again, and see what any build of the kernels does.
not_translated = pytest.mark.skipif(
    bool(os.environ.get("HEADFIELD_EMULATED_PTX")), reason="is the same for kernels that nvcc compiled"
)
RATES = np.array([1e6, -2e6, 5e6, 1e6, 3e6])


@functools.cache
def model(device):
    return hf.HeadModel(hf.sphere_mesh(radii_mm=[80, 86, 92], tags=[3, 4, 5], edge_mm=16), device=device)


@functools.cache
def poses():
    pose = model("cpu").place(coil(), [10, 20, 90], [10, 70, 90])
    return hf.ring(pose, angles_deg=[0, 40, 80, 120, 160])


@functools.cache
def some():
    return np.arange(0, model("cpu").mesh.n_tets, 7, dtype=np.int32)


@gpu
def test_modules_export_the_same_names_and_signatures():
    """They are compiled from the same bindings; the arrays are NumPy's in one and CuPy's in the other."""
    from headfield.core import _cuda

    def signatures(module, owner=None):
        found = {}
        for name, value in vars(owner or module).items():
            if name.startswith("_") and name != "__init__":
                continue
            if isinstance(value, type):
                found |= {f"{name}.{k}": v for k, v in signatures(module, value).items()}
            elif callable(value) and value.__doc__:
                text = value.__doc__.splitlines()[0].replace("headfield.core._cuda", "headfield.core._cpu")
                text = text.replace("cupy.ndarray[", "numpy.typing.NDArray[").replace(', "C_CONTIGUOUS"', "")
                found[name] = text.replace(
                    "typing.Annotated[numpy.typing.ArrayLike, ", "numpy.typing.NDArray["
                )
            else:
                found[name] = type(value).__name__
        return found

    mine, theirs = signatures(_cpu), signatures(_cuda)
    assert mine.keys() == theirs.keys()
    assert {"assemble", "electric_field", "Solver.solve", "Grid.sample", "widths"} <= mine.keys()
    for name, signature in mine.items():
        assert theirs[name] == signature, name


@gpu
def test_the_gpu_and_the_cpu_agree():
    for elements in (None, some()):
        e = [model(d).solve(coil(), poses(), RATES, tol=1e-7, elements=elements).E for d in ("cpu", "cuda")]
        assert p1.relative(e[1], e[0]) < 1e-6
    assert model("cuda").device == "cuda"


@gpu
def test_cupy_in_cupy_out_with_the_same_bits():
    import cupy

    here = model("cuda").solve(coil(), poses(), RATES)
    there = model("cuda").solve(coil(), cupy.asarray(poses()), cupy.asarray(RATES))
    for name in ("E", "magnitude", "potential"):
        value = getattr(there, name)
        assert isinstance(value, cupy.ndarray), name
        assert isinstance(getattr(here, name), np.ndarray), name
        same_bits(value.get(), getattr(here, name))
    mask = np.isin(np.arange(model("cuda").mesh.n_tets), some())
    chosen = model("cuda").solve(coil(), cupy.asarray(poses()), RATES, elements=cupy.asarray(mask))
    assert isinstance(chosen.E, cupy.ndarray)
    same_bits(chosen.E.get(), here.E[:, some()])
    warm = model("cuda").solve(coil(), cupy.asarray(poses()), RATES, initial=there.potential, tol=1.1e-5)
    assert (warm.report.iterations == 0).all()


@gpu
def test_metrics_reduce_on_the_gpu_to_the_same_numbers():
    import cupy

    mesh = model("cuda").mesh
    field = model("cuda").solve(coil(), cupy.asarray(poses()), RATES)
    there, here = field.magnitude, field.on_host().magnitude
    assert isinstance(here, np.ndarray)
    volumes, centres = mesh.volumes_mm3(), mesh.nodes_mm[mesh.tets].mean(axis=1)
    volumes[::3] = 0.0
    metrics = hf.metrics
    pairs = [
        (metrics.percentiles(m, volumes, [50, 99, 100]), metrics.percentiles(m[0], volumes, 99.9))
        + (metrics.focality(m, volumes), *metrics.peak(m, centres))
        + (metrics.roi_mean(m, volumes, centres, [0, 0, 85], 10.0),)
        for m in (there, here)
    ]
    for on_gpu, expected in zip(*pairs, strict=True):
        assert isinstance(on_gpu, cupy.ndarray)
        assert on_gpu.shape == np.shape(expected)
        np.testing.assert_allclose(on_gpu.get(), expected, rtol=1e-12)
    with pytest.raises(hf.HeadfieldError, match="finite"):
        metrics.peak(there * np.nan, centres)


@gpu
@pytest.mark.parametrize("ending", [".h5", ".msh", ".vtu"])
def test_fields_on_the_gpu_are_saved_like_others(tmp_path, ending):
    import cupy

    files = []
    for kind in (cupy.asarray, np.asarray):
        files.append(tmp_path / (kind.__module__.replace(".", "_") + ending))
        model("cuda").solve(coil(), kind(poses()[:2])).save(files[-1])
    if ending == ".h5":
        with h5py.File(files[0]) as a, h5py.File(files[1]) as b:
            same_bits(a["elements/E"][:], b["elements/E"][:])
            same_bits(a["nodes/v"][:], b["nodes/v"][:])
    else:
        assert files[0].read_bytes() == files[1].read_bytes()


@gpu
def test_work_goes_to_the_current_stream():
    import cupy

    expected = model("cuda").solve(coil(), poses()).E
    with cupy.cuda.Stream(non_blocking=True):
        field = model("cuda").solve(coil(), cupy.asarray(poses()))
        same_bits(field.E.get(), expected)
    same_bits(model("cuda").solve(coil(), poses()).E, expected)


@gpu
def test_a_pose_has_the_same_bits_at_any_width():
    expected = model("cuda").solve(coil(), poses()[:1], batch=1).E[0]
    many = np.concatenate([poses()] * 13)[:64]
    for width in (4, 64):
        field = model("cuda").solve(coil(), many[:width], batch=width, elements=some())
        assert field.report.batch == width
        same_bits(field.E[0], expected[some()])


@gpu
def test_batches_on_their_way_to_the_host_keep_their_order():
    many = np.concatenate([poses()] * 3)
    whole = model("cuda").solve(coil(), many, elements=some(), batch=4)
    parts = list(model("cuda").iter_solve(coil(), many, elements=some(), batch=4))
    assert [len(p) for p in parts] == [4, 4, 4, 3]
    same_bits(np.concatenate([p.E for p in parts]), whole.E)
    for start in (5, 10):
        same_bits(whole.E[start : start + 5], whole.E[:5])


@gpu
def test_results_larger_than_what_may_be_pinned(monkeypatch):
    expected = model("cuda").solve(coil(), poses()).potential
    monkeypatch.setattr("headfield.solve.transfers._PINNED_SHARE", 0.0)
    same_bits(model("cuda").solve(coil(), poses()).potential, expected)


@gpu
def test_a_failing_batch_loses_nothing_that_was_finished(monkeypatch):
    other = hf.HeadModel(model("cuda").mesh, device="cuda")
    solve, count = other._head.solve, iter(range(99))

    def fail_third(*arguments):
        if next(count) == 2:
            raise KeyboardInterrupt
        return solve(*arguments)

    monkeypatch.setattr(other._head, "solve", fail_third)
    fields, done = other.iter_solve(coil(), np.concatenate([poses()] * 3), batch=4), []
    with pytest.raises(KeyboardInterrupt):
        done.extend(fields)
    assert [len(f) for f in done] == [4, 4]


@pytest.fixture
def little_memory():
    """Function that leaves so many bytes free on the emulated GPU."""
    import cupy

    if not hasattr(cupy.cuda, "_set_limit"):
        pytest.skip("needs the emulation: memory of a real GPU can't be taken away")

    def leave(free):
        gc.collect()  # what others have left would be freed at any time, and make room
        cupy.cuda._set_limit(cupy.get_default_memory_pool().used_bytes() + free)

    yield leave
    cupy.cuda._set_limit(None)


@gpu
def test_memory_that_runs_out_means_smaller_batches_and_is_said(little_memory):
    other = hf.HeadModel(model("cuda").mesh, device="cuda")
    many = np.concatenate([poses()] * 4)[:16]
    expected = other.solve(coil(), many, elements=some(), batch=1).E
    other._head.release()
    little_memory(6 * 60 * other.mesh.n_nodes)
    field = other.solve(coil(), many, elements=some(), batch=16)
    assert field.report.batch == 4
    assert field.report.batch_asked == 16
    assert "4 at a time (16 did not fit the memory)" in str(field.report)
    same_bits(field.E, expected)
    whole = other.solve(coil(), many, batch=16)
    assert whole.report.batch == 4
    same_bits(whole.E[:, some()], expected)


@gpu
def test_automatic_batches_heed_the_memory_of_the_gpu(little_memory):
    model("cuda").solve(coil(), poses(), elements=some())  # its table of the coil stays
    little_memory(6 * (60 * model("cuda").mesh.n_nodes + 16 * len(some())))
    field = model("cuda").solve(coil(), np.concatenate([poses()] * 4), elements=some())
    assert field.report.batch == 4


@gpu
def test_memory_for_not_even_one_pose_is_a_typed_error(little_memory, monkeypatch):
    other = hf.HeadModel(model("cuda").mesh, device="cuda")
    little_memory(10_000)
    with pytest.raises(hf.DeviceError, match="one pose at a time does not fit the memory of the cuda"):
        other.solve(coil(), poses(), elements=some())
    with pytest.raises(hf.DeviceError, match=r"TetMesh.* does not fit the memory of the cuda"):
        hf.HeadModel(other.mesh, device="cuda")
    monkeypatch.setattr(selfcheck, "_lasting", {})
    with pytest.raises(hf.DeviceError, match="no memory is left on the GPU"):
        hf.HeadModel(other.mesh, device="cuda")
    import cupy

    cupy.cuda._set_limit(None)
    assert other.solve(coil(), poses(), elements=some()).report.converged.all()


@gpu
def test_cupy_results_that_cannot_fit_are_refused(little_memory):
    import cupy

    there = cupy.asarray(poses())
    little_memory(10_000)
    with pytest.raises(hf.DeviceError, match=r"5 poses takes .* GiB"):
        model("cuda").solve(coil(), there)


@gpu
def test_cupy_poses_need_a_model_on_the_gpu():
    import cupy

    with pytest.raises(hf.DeviceError, match="CuPy array"):
        model("cpu").solve(coil(), cupy.asarray(poses()))


@gpu
@pytest.mark.parametrize(
    "change", [lambda a: a.astype(np.float32), lambda a: a[:, :-1], lambda a: a * np.nan]
)
def test_a_cupy_guess_that_is_none_is_refused(change):
    import cupy

    guess = cupy.asarray(change(np.ones((5, model("cpu").mesh.n_nodes))))
    with pytest.raises(hf.HeadfieldError, match="initial"):
        model("cuda").solve(coil(), cupy.asarray(poses()), initial=guess)


@not_translated
@gpu
def test_the_order_of_threads_does_not_matter():
    """The emulation runs threads and blocks backwards: what differs then is a race."""
    code = "print(hashlib.sha256(f.E.tobytes() + f.potential.tobytes()).hexdigest())"
    hashes = {emulated_solve(code, HEADFIELD_EMULATED_ORDER=order).stdout for order in ("forward", "reverse")}
    assert len(hashes) == 1


def emulated_solve(code, **variables):
    """What a process prints that has solved some poses, `f`, on the emulation under such variables."""
    import cupy

    if "emulated" not in cupy.__version__:
        pytest.skip("needs the emulation; for a GPU see benchmarks/gpu_check.sh")
    from headfield.core import _cuda

    head = "import hashlib, emulation; emulation.install(); import test_gpu as t\n"
    # A coarse table, which the process makes itself: a fine one takes half of its time.
    head += "f = t.model('cuda').solve(t.coil(), t.poses(), t.RATES, batch=4, primary_error=0.01)\n"
    paths = os.pathsep.join(
        [
            os.path.dirname(__file__),
            str(Path(__file__).resolve().parents[1]),
            os.environ.get("PYTHONPATH", ""),
        ]
    )
    environment = {**os.environ, **variables, "HEADFIELD_EMULATED_CUDA": _cuda.__file__}
    done = subprocess.run(
        [sys.executable, "-c", head + code],
        env={**environment, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@not_translated
@gpu
def test_what_cannot_be_recorded_is_tried_once_and_said():
    code = "print(f.report.recording_problem, f.report, f.report.iterations.max(), sep='\\n')"
    done = emulated_solve(code, HEADFIELD_EMULATED_CAPTURE="spoiled")
    problem, report, iterations = done.stdout.splitlines()
    assert problem.startswith("record: ")
    assert f"launched one by one ({problem})" in report
    assert int(iterations) > 3
    assert done.stderr.count("a capture was spoiled") == 3  # two solvers of the self-check, and the one here
    assert emulated_solve("print(f.report.recording_problem)").stdout == "\n"


@gpu
def test_a_gpu_that_fails_in_a_solve_is_a_typed_error(monkeypatch):
    import cupy

    other = hf.HeadModel(model("cuda").mesh, device="cuda")

    def fail(*arguments):
        raise cupy.cuda.runtime.CUDARuntimeError(400)

    monkeypatch.setattr(other._head.device, "wait", fail)
    with pytest.raises(hf.DeviceError, match=r"the GPU failed: .*invalid resource handle"):
        other.solve(coil(), poses())


@gpu
def test_a_forked_process_is_told_that_it_has_no_gpu(monkeypatch):
    there = model("cuda")
    monkeypatch.setattr(backend, "_forked", True)
    with pytest.raises(hf.DeviceError, match="a forked process can't use a GPU"):
        there.solve(coil(), poses())


@gpu
def test_an_array_of_another_gpu_is_refused(monkeypatch):
    import cupy

    there = model("cuda").solve(coil(), cupy.asarray(poses()))
    monkeypatch.setattr(type(there.potential), "device", cupy.cuda.Device(1))
    with pytest.raises(hf.DeviceError, match="an array lies on GPU 1, and what it is for on GPU 0"):
        model("cuda").solve(coil(), cupy.asarray(poses()), initial=there.potential)
