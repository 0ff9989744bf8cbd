# SPDX-License-Identifier: BSD-3-Clause
"""Everything that headfield does with a GPU, once; what it asks of CuPy goes to the file that is named."""

import contextlib
import functools
import pickle
import sys

import emulation
import numpy as np

emulation.install()

import cupy  # noqa: E402
import recorder  # noqa: E402
from given.hard_heads import shells, shrinking  # noqa: E402

import headfield as hf  # noqa: E402
from headfield import metrics  # noqa: E402
from headfield.commands.doctor import diagnose  # noqa: E402
from headfield.core import device as backend  # noqa: E402

POSES, TARGET = 5, [20.0, 0.0, 60.0]


@functools.cache
def head():
    return hf.sphere_mesh(radii_mm=[60, 70, 80], tags=[2, 3, 5], edge_mm=28)


@functools.cache
def coil():
    """A small one, tabulated once: where a GPU is emulated the table of a whole one takes ten seconds."""
    return hf.figure_of_eight(inner_radius_mm=8.0, outer_radius_mm=16.0, separation_mm=34.0, spacing_mm=8.0)


@functools.cache
def poses():
    pose = hf.place(head(), [10, 20, 80], [10, 70, 80])
    return hf.ring(pose, angles_deg=np.linspace(0, 160, POSES))


def solves(kind, model):
    """Poses as arrays of one kind; the results are of the same."""
    there = kind(poses())
    some = np.arange(0, head().n_tets, 3)
    solve = functools.partial(model.solve, coil(), there, kind(np.full(POSES, 2e6)), batch=4)
    whole = solve()
    solve(initial=whole.potential)
    solve(elements=kind(some))
    solve(recovery="interface")
    solve(recovery="patch", tol="auto", roi=hf.regions.points(head(), [TARGET, TARGET, [0, 0, 62]]))
    for field in model.iter_solve(coil(), there, batch=4, elements=some):
        assert isinstance(field.E, type(there))
    assert isinstance(whole.magnitude, type(there))
    whole.on_host()
    return whole


def looks_closer(kind, model):
    """A region on a refined part of the head, in elements and at points, of known and of new potentials."""
    near, there = hf.regions.sphere(head(), TARGET, 20.0), kind(poses())
    zoom = model.zoom(near, coil(), there, error=0.2)
    potential = model.solve(coil(), there).potential
    zoom.solve(coil(), there, potential=potential)
    for field in zoom.iter_solve(coil(), there, kind(np.full(POSES, 2e6)), batch=4):
        assert isinstance(field.E, type(there))
    some = hf.regions.points(head(), [TARGET, [0, 0, 62]])
    model.zoom(some, coil(), there, error=0.2, potential=potential).solve(coil(), there)


def aims(model):
    """A target of a component, by its adjoint: poses ranked by its field, and from ∂A/∂t at all nodes."""
    near = hf.regions.sphere(head(), TARGET, 20.0, 2)
    target = hf.Target(near, [0.0, 1.0, 0.0])
    hf.search(model, coil(), target, 2e6, radius_mm=20.0, spacing_mm=15.0, rivals=1)
    currents, _ = model.reciprocal_currents(near, target.functionals())
    model.primary_sums(currents, coil(), poses(), 2e6)


def changes(model):
    """Derivatives by all there is, of a measure that is linear in E and of one that is not; a basis."""
    near = hf.regions.sphere(head(), TARGET, 25.0, 2)
    wrt = ["pose", "didt", "conductivity", "elements", "dipoles"]
    for measure in (hf.Target(near), hf.Target(near, [0.0, 1.0, 0.0])):
        for error in (1e-3, 0.0):
            model.gradient(measure, coil(), poses(), 2e6, wrt, batch=4, primary_error=error)
    there = hf.MeasureFunction(
        near, lambda E: (E * E).sum(axis=2).sum(axis=1), lambda E: 2.0 * E, on_gpu=True
    )
    model.gradient(there, coil(), poses()[0], 2e6)
    hf.conductivity_basis(model, near, coil(), poses()[0], 2e6, ranges={2: (0.2, 0.4)}, held_out=2)


def solve_again():
    """Flat tetrahedra: the GPU gives up in float32 and goes on in float64, for as long as it is let."""
    with contextlib.suppress(hf.ConvergenceError):
        hf.HeadModel(shrinking(shells(), 5), device="cuda").solve(coil(), poses()[0], 2e6, max_iterations=40)


def reduce(field):
    """All metrics of a field on the GPU."""
    volumes, centres = head().volumes_mm3(), head().nodes_mm[head().tets].mean(axis=1)
    depth, target = np.full(len(volumes), 3.0), head().tags == 2
    m = field.magnitude
    arguments = {
        "percentiles": (m, volumes, [50, 100]),
        "peak": (m, centres),
        "mean": (m, volumes),
        "roi_mean": (m, volumes, centres, TARGET, 30.0),
        "focality": (m, volumes),
        "half_value": (m, volumes, depth),
        "centre_of_gravity": (m, volumes, centres),
        "component": (field.E, [0, 0, 1]),
        "normal_tangential": (field.E, np.ones((len(volumes), 3))),
        "overlap": (m, volumes, target),
        "off_target": (m, volumes, target),
    }
    of_the_host = {"rdm", "ln_mag", "relative_l2"}
    assert set(arguments) == {name for name in metrics.__all__ if name[0].islower()} - of_the_host
    for name, given in arguments.items():
        getattr(metrics, name)(*given)


def main(path):
    recorder.install()
    assert isinstance(backend.find_gpu(), tuple)
    model = hf.HeadModel(head(), device="cuda")
    solves(np.asarray, model)
    reduce(solves(cupy.asarray, model))
    looks_closer(np.asarray, model)
    looks_closer(cupy.asarray, model)
    aims(model)
    changes(model)
    solve_again()
    assert diagnose()["gpu"]["memory_bytes"] > 0
    model._head.release()
    with open(path, "wb") as file:
        pickle.dump(list(recorder.recorded.values()), file)


if __name__ == "__main__":
    main(sys.argv[1])
