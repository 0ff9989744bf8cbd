# SPDX-License-Identifier: BSD-3-Clause
"""Search for the pose of a coil that reaches a target best."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from numpy.typing import ArrayLike

from ..coils.coil import Coil
from ..measures.target import Target, Targets
from ..solve.model import HeadModel
from .aim import Aim
from .options import SearchOptions
from .result import SearchResult
from .run import Run

__all__ = ["search"]


def search(
    model: HeadModel,
    coil: Coil,
    target: Target | Targets,
    didt: ArrayLike = 1e6,
    *,
    centre_mm: ArrayLike | None = None,
    radius_mm: float | None = 60.0,
    spacing_mm: float = 4.0,
    angle_step_deg: float = 5.0,
    distance_mm: float = 4.0,
    tilts_deg: ArrayLike = ((0.0, 0.0),),
    clear_mm: float | None = 0.0,
    smooth_mm: float = 10.0,
    handle_deg: ArrayLike | None = None,
    handle_over_face: bool = False,
    avoid: Sequence[tuple[ArrayLike, float]] = (),
    jitter: tuple[float, float] | None = None,
    refine: bool = True,
    rivals: int = 8,
    zoom_error: float | None = None,
    tol: float = 1e-5,
    progress: Callable[[str], None] | None = None,
) -> SearchResult:
    """Search for the pose of a coil that reaches a target best, over the scalp and all angles.

    The reciprocal field of the target (`ReciprocalField`) gives its value at any pose by a sum over the
    coil's sources: positions and angles are ranked by that, the best are refined, and they and their rivals
    are then solved in full, which is what `value` is. Of poses whose values differ by less than 0.1 %, as
    those of a figure-8 that is turned around, the one is taken whose handle points back the most.

    Parameters
    ----------
    model : HeadModel
    coil : Coil
    target : Target, Targets or Region
        See `Target`; of a region, the mean of |E| there.
    didt : array_like, scalar or (s,)
        dI/dt, A/s, of each stimulator, or a text such as "60 %MSO". Values are linear in it.
    centre_mm : array_like (3,), optional
        What the search is around, projected onto the scalp. By default it is around the point of the scalp,
        above its lowest quarter, that is closest to the middle of the target, and stays above that.
    radius_mm : float or None
        How far from there positions are, mm in a straight line. None: the whole head above its lowest
        quarter.
    spacing_mm : float
        Between positions; what is found is refined to a fraction of a millimetre.
    angle_step_deg : float
        Of the map that is returned. Values are band-limited in the angle: the best is found between steps.
    distance_mm : float
        From the scalp to the casing: hair.
    tilts_deg : array_like (t, 2)
        Tilts to try, about x and y of the coil as in `place`, degrees.
    clear_mm : float or None
        How far the casing stays off the scalp; a coil is lifted along its −z where it would not. None: coils
        may cut into the head. A coil without a casing has the plane z = 0 before its windings for one.
    smooth_mm : float
        Radius of the area that coils rest on, see `place`.
    handle_deg : array_like (2,), optional
        The angles that are allowed, ascending, degrees: 0 is the handle straight back, and they grow
        clockwise as seen from outside; (150, 210) is the handle to the front, within 30.
    handle_over_face : bool
        Whether the handle and cable may lie over the face; the axes of the head have to be RAS.
    avoid : sequence of (point (3,), radius), mm
        Balls that no position lies in: electrodes, scars, ears.
    jitter : (mm, degrees), optional
        Rank by the mean over poses so near, the robust choice for a coil that moves: at least a step of the
        map each. The answer is then a pose of the map, and `value` is that of the pose itself.
    refine : bool
        Whether the best positions are refined between those of the grid.
    rivals : int
        Other poses, apart from the best one and from each other, that are solved in full with it. 0: nothing
        is solved in full, and the values are those by reciprocity.
    zoom_error : float, optional
        Relative error that the value of the best pose is to have: it is then computed in a refined head, see
        `HeadModel.zoom`. Without it, the value has the error of linear elements on this mesh.
    tol : float
        Of the adjoint solves.
    progress : callable, optional
        Called with a line on each stage.

    Returns
    -------
    SearchResult

    Raises
    ------
    RegionError
        A target of another mesh.
    PoseError
        The coil fits nowhere; the message says why.
    CoilError, ArgumentError, MeshError, ConvergenceError, DeviceError

    Examples
    --------
    >>> import headfield as hf
    >>> head = hf.phantom_head(edge_mm=8)
    >>> model, coil = hf.HeadModel(head), hf.figure_of_eight()
    >>> knob = hf.regions.sphere(head, [-40, -8, 50], 15, 2)
    >>> found = hf.search(model, coil, hf.Target(knob), didt=50e6, radius_mm=15, spacing_mm=8, rivals=1)
    >>> over = hf.evaluate(model, coil, found.pose, hf.Target(knob), didt=50e6)
    >>> bool(abs(found.value - over[0]) < 1e-3 * found.value), bool(found.value >= 0.99 * found.best_at.max())
    (True, True)
    """
    options = SearchOptions(
        centre_mm=centre_mm,
        radius_mm=radius_mm,
        spacing_mm=spacing_mm,
        angle_step_deg=angle_step_deg,
        distance_mm=distance_mm,
        tilts_deg=tilts_deg,
        clear_mm=clear_mm,
        smooth_mm=smooth_mm,
        handle_deg=handle_deg,
        handle_over_face=handle_over_face,
        avoid=avoid,
        jitter=jitter,
        refine=refine,
        rivals=rivals,
        zoom_error=zoom_error,
        tol=tol,
    )
    return Run(Aim.of(model, coil, target, didt), options, progress).result()
