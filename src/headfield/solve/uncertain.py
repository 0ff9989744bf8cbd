# SPDX-License-Identifier: BSD-3-Clause
"""How uncertain what is computed on a model's head is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.arguments import whole
from ..errors import ArgumentError
from ..heads.mesh import TetMesh
from ..measures.measure import as_measure
from ..poses.pose import check_pose
from ..regions.region import Region
from .drives.coil import check_coil
from .uncertainty.jitter import PoseJitter, as_jitter
from .uncertainty.looking import Looking, Question, around, one_rate
from .uncertainty.placement import placement_spread
from .uncertainty.result import Uncertainty
from .uncertainty.spread import Spread
from .uncertainty.thickness import as_thickness, thickness_spread
from .uncertainty.tissues import as_conductivities, conductivity_spread

__all__ = ["Uncertain"]

_MOST_SAMPLES, _DRAWS = 1_000_000, 1 << 14


class Uncertain:
    """What `HeadModel` is built on: a head of which not everything is known."""

    mesh: TetMesh
    conductivity: NDArray[np.float64]
    _asked: dict[str, Any]

    def uncertainty(
        self,
        measure: Any,
        coil: Coil,
        pose: ArrayLike,
        didt: ArrayLike = 1e6,
        *,
        conductivity: Any = None,
        placement: PoseJitter | tuple[Any, Any] | None = None,
        thickness: Any = None,
        where: Region | None = None,
        samples: int = 64,
        heads: int = 0,
        error: float = 1e-3,
        tol: float = 1e-5,
        seed: int = 0,
    ) -> Uncertainty:
        """Find how uncertain a value of the field is, by what, and where in the brain |E| varies most.

        Each source is looked at by itself, by sampling and by gradient; sources are taken for independent of
        each other, so that their deviations add up. See `docs/uncertainty.md`.

        Parameters
        ----------
        measure : Region, Target, Targets or any Measure
            The value; of a region it is the mean of |E| there.
        coil : Coil
        pose : array_like (4, 4)
            One pose: coil to head, mm.
        didt : float, text, or array_like (s,)
            See `solve`.
        conductivity : True, or dict of int to Distribution or (low, high), optional
            Of each tissue, S/m, by its tag: True takes the published ranges of all that the head has, as
            Beta(3, 3); so are limits that are given.
        placement : PoseJitter or (mm, degrees), optional
            Standard deviations of where the coil is.
        thickness : dict of {"scalp", "skull", "csf"} to float or Distribution, optional
            Standard deviation of the thickness of each layer, mm, or how much thicker it is.
        where : Region, optional
            Of the maps: whole tetrahedra; by default the brain within 50 mm of the measure's region.
        samples : int
            Sampled poses, each solved in full.
        heads : int
            Sampled heads for each layer, 2 or more; 0 takes a parabola through three.
        error : float
            Of the basis in conductivities, relative L2 of E over the measure's regions.
        tol : float
            Of solves, see `solve`.
        seed : int

        Returns
        -------
        Uncertainty

        Raises
        ------
        ArgumentError
            Nothing is uncertain, or what is wrong with an option.
        RegionError, MeasureError
            What is wrong with the measure, or with its values: the message has the number of the pose.
        ConductivityError
            Ranges that touch zero, or of tags that the head lacks: the message names the tag.
        MeshError
            A layer that the head does not have.
        MissingPackageError
            SciPy is missing.
        CoilError, PoseError, ConvergenceError, DeviceError
            See `solve`.

        Examples
        --------
        >>> import headfield as hf
        >>> head = hf.phantom_head(edge_mm=8)
        >>> model = hf.HeadModel(head)
        >>> coil = hf.figure_of_eight()
        >>> pose = model.place(coil, centre_mm=[-46, -8, 70], handle_mm=[-46, 42, 70])
        >>> knob = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
        >>> found = model.uncertainty(knob, coil, pose, placement=([1, 1, 0], 3), samples=16)
        >>> found
        <Uncertainty: mean |E| in 122 tetrahedra 0.9868 ± 0.017 by placement>
        """
        if conductivity is None and placement is None and thickness is None:
            raise ArgumentError("nothing is uncertain: give conductivity, placement or thickness")
        checked = as_measure(measure)
        jitter = None if placement is None else as_jitter(placement)
        inputs = None if conductivity is None else as_conductivities(conductivity, self.mesh)
        layers = {} if thickness is None else as_thickness(thickness)
        count = whole(samples, "samples", ArgumentError, _MOST_SAMPLES, 2)
        n_heads = whole(heads, "heads", ArgumentError, _MOST_SAMPLES, 0)
        if n_heads == 1:
            raise ArgumentError("heads = 1 has no spread: give 2 or more, or 0 for a parabola")
        start = whole(seed, "seed", ArgumentError, 2**32 - 1, 0)
        looking = Looking(checked, around(self.mesh, checked, where))
        question = Question(self, looking, check_coil(coil), check_pose(pose), one_rate(didt), tol)
        value, magnitude = question.nominal
        found: list[Spread] = []
        if inputs is not None:
            found.append(conductivity_spread(question, inputs, error, start))
        if jitter is not None:
            found.append(placement_spread(question, jitter, count, start))
        for layer, change in layers.items():
            counts = (_DRAWS, n_heads)
            found.append(thickness_spread(question, layer, change, self._with, counts, start))
        ordered = tuple(sorted(found, key=lambda one: -one.std))
        what = repr(checked).removeprefix("<Target: ").removeprefix("<").removesuffix(">")
        return Uncertainty(
            value, ordered, what, looking.where, magnitude, coil, question.pose, draws=_DRAWS, seed=start
        )

    def _with(self, mesh: TetMesh) -> Any:
        """Return a model like this one of a head whose nodes lie elsewhere."""
        kind: Any = type(self)
        return kind(mesh, self.conductivity, **self._asked)
