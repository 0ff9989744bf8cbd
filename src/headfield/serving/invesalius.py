# SPDX-License-Identifier: BSD-3-Clause
"""The connection object that InVesalius Navigator calls for E-fields, on an engine of headfield.

InVesalius hands the pose of the coil to an object with the methods below, and shows the numbers that it
returns on the cortex. InVesalius is under the GPL, and nothing here was taken from it: the names of methods
and arguments are those of its open interface. What public descriptions do not say is assumed, said at
`InVesaliusConnection`, and may be changed there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..coils.read import read_coil
from ..core.arguments import finite_number, not_negative, plain_array, positive
from ..core.messages import warn
from ..errors import ArgumentError, CoilError, FileFormatError, RegionError
from ..fields.engine import Engine
from ..fields.field import Field
from ..solve.drives.coil import check_coil
from .cortex_file import check_cortex
from .navigator_frame import NavigatorFrame

__all__ = ["InVesaliusConnection", "Maximum"]

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


class Maximum(NamedTuple):
    """Where |E| is largest among some vertices."""

    rows: Rows  #: (n, 4) float32: |E|, Ex, Ey and Ez of each vertex of the list, V/m
    vertex: int  #: the vertex with the largest |E|, as the list names it
    place_mm: Floats  #: (3,) where it is, mm, in the coordinates of the navigator


class InVesaliusConnection:
    """What InVesalius Navigator expects of an E-field engine, with the methods of its interface.

    The head, its conductivities and its cortex are those of the engine, built beforehand; InVesalius names
    files of the same head, and `initialize_efield` checks that their vertices are the engine's.

    Assumed, as public descriptions do not say it:

    - `position` is the middle of the coil's face, mm, in the world coordinates of the image (RAS), which are
      the head's. With `scan` it is in InVesalius's own, as in its marker files: to the right, backward and
      up, y counted from the last voxel. With `to_head` it is in any other frame.
    - `T_rot` is a rotation (3, 3) whose columns are the axes of the coil as InVesalius has them: x the
      prolongation of the handle, z away from the head. `axes` makes headfield's coil axes of them.
    - `orientation` holds three angles, degrees, about fixed x, then y, then z, as in marker files. They are
      only held against `T_rot`: a warning says if the two differ. `rotation="orientation"` takes the angles.
    - `dI_per_dt` is in A/s; `didt_unit` is what 1 of it is, A/s.
    - `coil_set` tells whether `coil_model_path` is a coil to take; if not, the last one stays.
    - The conductivities and `mesh_models_paths` are those of a boundary-element model, which is not used.
    - Ids of `id_list` count the vertices of the file of the cortex from 0, in its order.
    - Vectors are returned along the axes of the frame that positions are in (of the world, with `scan`).

    Parameters
    ----------
    engine : Engine
        Its region must have points, the vertices of the cortex: `cortex_region` makes it of their file.
    coil : Coil, optional
        Until InVesalius sets another.
    didt : float
        A/s, until InVesalius sets another.
    coils : mapping of str to Coil, optional
        Coils to take for names that InVesalius gives, such as "MagVenture_C-B60.stl", whose file may hold
        nothing but its shape. A path that is not among them, whole or by its last part, is read as a coil.
    rotation : {"T_rot", "orientation"}
    axes : array_like (3, 3), optional
        Rotation from headfield's coil axes to InVesalius's: by default that of its marker files.
    to_head : array_like (4, 4), optional
        From the navigator's frame to the head's, mm; rigid.
    scan : path, optional
        The NIfTI image that is navigated on, if positions are in InVesalius's own coordinates.
    didt_unit : float
        A/s.
    tolerance_mm : float
        How far each vertex of the cortex may be from that of the engine; `headfield.regions.surface` moves
        vertices outside of the head by up to 2 mm.
    maximum : {"all", "rows", "vertex", "place"}
        What `update_efield_vectorROIMax` returns: a `Maximum`, or one of its parts.

    Attributes
    ----------
    field : Field or None
        The last one that was computed; `field.report` says how good it is.

    Raises
    ------
    RegionError
        The engine has no points.
    ArgumentError, CoilError, PoseError
        Another kind of option, or a `to_head` or `axes` that is not rigid.

    Examples
    --------
    >>> import headfield as hf
    >>> model = hf.HeadModel(hf.sphere_mesh(radii_mm=[70, 78, 90], tags=[1, 2, 5], edge_mm=16))
    >>> class Solver:
    ...     region = hf.regions.mid_layer(model.mesh)
    ...     def field(self, coil, poses, didt=1e6):
    ...         return model.solve(coil, poses, didt, roi=self.region)
    >>> connection = InVesaliusConnection(Solver(), hf.figure_of_eight())
    >>> connection.set_dIperdt(60e6)
    True
    >>> T_rot = np.eye(3)  # handle along -x, z away from the head
    >>> strength = connection.update_efield([0, 0, 94], [0, 0, 0], T_rot)
    >>> rows = connection.update_efield_vectorROI([0, 0, 94], [0, 0, 0], T_rot, [5, 7])
    >>> strength.shape == (len(Solver.region),), rows.shape, bool(rows[1, 0] == strength[7])
    (True, (2, 4), True)
    """

    def __init__(
        self,
        engine: Engine,
        coil: Coil | None = None,
        didt: float = 1e6,
        *,
        coils: Mapping[str, Coil] | None = None,
        rotation: Literal["T_rot", "orientation"] = "T_rot",
        axes: ArrayLike | None = None,
        to_head: ArrayLike | None = None,
        scan: str | os.PathLike[str] | None = None,
        didt_unit: float = 1.0,
        tolerance_mm: float = 2.0,
        maximum: Literal["all", "rows", "vertex", "place"] = "all",
    ) -> None:
        if engine.region.is_volume:
            raise RegionError(
                f"InVesalius shows E at the vertices of a cortex, but the engine gives it in "
                f"{engine.region!r}: build it for cortex_region(mesh, cortex_model_path)"
            )
        self.engine = engine
        self.field: Field | None = None
        self._coil = None if coil is None else check_coil(coil)
        self._unit = positive(didt_unit, "didt_unit", ArgumentError)
        self._didt = _rate(didt)
        self._coils = {name: check_coil(one) for name, one in (coils or {}).items()}
        self._maximum = _one_of(maximum, "maximum", ("all", "rows", "vertex", "place"))
        by_angles = _one_of(rotation, "rotation", ("T_rot", "orientation")) == "orientation"
        self._frame = NavigatorFrame(to_head, scan, axes, by_angles)
        self._tolerance = not_negative(tolerance_mm, "tolerance_mm", ArgumentError)

    def initialize_efield(
        self,
        cortex_model_path: str | os.PathLike[str],
        mesh_models_paths: Sequence[str | os.PathLike[str]],
        coil_model_path: str | os.PathLike[str],
        coil_set: Any,
        conductivities_inside: ArrayLike,
        conductivities_outside: ArrayLike,
        *last: float,
        dI_per_dt: float | None = None,
    ) -> bool:
        """Check that the cortex is the engine's, and take coil and dI/dt.

        Parameters
        ----------
        cortex_model_path : path
            The surface whose vertices E is wanted at: .stl, .ply, .obj or .gii.
        mesh_models_paths : sequence of path
            Not used.
        coil_model_path, coil_set
            See `set_coil`.
        conductivities_inside, conductivities_outside : array_like
            Not used.
        dI_per_dt : float
            See `set_dIperdt`; also by position, after the others.

        Returns
        -------
        bool
            True.

        Raises
        ------
        RegionError
            The vertices of the file are not those that the engine was built for.
        ArgumentError, CoilError, FileFormatError, OSError

        Warns
        -----
        UserWarning
            Conductivities are given: the engine keeps its own.
        """
        given = [*last, *([] if dI_per_dt is None else [dI_per_dt])]
        if len(given) != 1:
            raise ArgumentError(f"initialize_efield: {len(given)} values of dI_per_dt, where one is needed")
        rate = self._in_amperes(given[0])
        check_cortex(cortex_model_path, self.engine.region, self._frame.to_head, self._tolerance)
        coil = self._chosen(coil_model_path, coil_set)
        if np.size(conductivities_inside) or np.size(conductivities_outside) or len(mesh_models_paths):
            warn(
                "InVesalius names surfaces and conductivities of a boundary-element model: they are not "
                "used, the head and the conductivities are those that the engine was built with"
            )
        self._coil, self._didt = coil, rate
        return True

    def set_coil(self, coil_model_path: str | os.PathLike[str], coil_set: Any) -> bool:
        """Take another coil.

        Parameters
        ----------
        coil_model_path : path
            A name among `coils`, or a file that `headfield.read_coil` reads.
        coil_set : bool
            False leaves the coil as it is.

        Returns
        -------
        bool
            True.

        Raises
        ------
        CoilError
            A name that is not among `coils`, and no file of a coil.
        ArgumentError
            `coil_set` is neither true nor false.
        OSError
            The file can't be read.
        """
        self._coil = self._chosen(coil_model_path, coil_set)
        return True

    def set_dIperdt(self, dI_per_dt: float) -> bool:
        """Take another dI/dt, in units of `didt_unit`; returns True.

        Raises
        ------
        ArgumentError
            It is no finite number.
        """
        self._didt = self._in_amperes(dI_per_dt)
        return True

    def update_efield(self, position: ArrayLike, orientation: ArrayLike | None, T_rot: ArrayLike) -> Rows:
        """Compute |E| at all vertices.

        Parameters
        ----------
        position : array_like (3,)
            mm.
        orientation : array_like (3,), or None
            Degrees.
        T_rot : array_like (3, 3)
            See `InVesaliusConnection` for all three.

        Returns
        -------
        ndarray (p,) float32
            V/m, in the order of the vertices.

        Raises
        ------
        PoseError
            Not a rigid placement, or one that the engine refuses.
        CoilError
            No coil is set.
        HeadfieldError
            What else the engine raises.

        Warns
        -----
        UserWarning
            `T_rot` and the angles differ; told once.
        """
        return self._rows(position, orientation, T_rot)[:, 0].copy()

    def update_efield_vectorROI(
        self, position: ArrayLike, orientation: ArrayLike | None, T_rot: ArrayLike, id_list: ArrayLike
    ) -> Rows:
        """Compute |E| and E at some vertices.

        Parameters
        ----------
        position, orientation, T_rot
            See `update_efield`, also for what is raised.
        id_list : array_like (n,) int
            Vertices, from 0.

        Returns
        -------
        ndarray (n, 4) float32
            |E|, Ex, Ey and Ez, V/m, of each vertex of the list, in its order.

        Raises
        ------
        ArgumentError
            Ids that are no whole numbers, or of vertices that are not there.
        """
        chosen = self._ids(id_list)
        return self._rows(position, orientation, T_rot)[chosen]

    def update_efield_vectorROIMax(
        self, position: ArrayLike, orientation: ArrayLike | None, T_rot: ArrayLike, id_list: ArrayLike
    ) -> Maximum | Rows | int | Floats:
        """Compute what `update_efield_vectorROI` does, and where |E| is largest.

        The option `maximum` says what is returned. Of several vertices with the same |E|, the first
        of the list counts.

        Raises
        ------
        ArgumentError
            See `update_efield_vectorROI`; or the list is empty.
        """
        chosen = self._ids(id_list)
        if not len(chosen):
            raise ArgumentError("id_list is empty: there is no maximum")
        rows = self._rows(position, orientation, T_rot)[chosen]
        vertex = int(chosen[rows[:, 0].argmax()])
        place = self._frame.points(self.engine.region.centres_mm[vertex][None])[0]
        found = Maximum(rows, vertex, place)
        parts = {"rows": rows, "vertex": vertex, "place": place}
        return found if self._maximum == "all" else parts[self._maximum]

    def _rows(self, position: ArrayLike, orientation: ArrayLike | None, T_rot: ArrayLike) -> Rows:
        """Compute |E|, Ex, Ey and Ez (p, 4) at all vertices, along the navigator's axes."""
        if self._coil is None:
            raise CoilError("no coil is set: give one to InVesaliusConnection, or call set_coil")
        pose = self._frame.pose(position, orientation, T_rot)
        self.field = field = self.engine.field(self._coil, pose, self._didt)
        E = self._frame.vectors(field.E[0])
        return np.concatenate([np.asarray(field.magnitude[0])[:, None], E], axis=1)

    def _ids(self, id_list: ArrayLike) -> NDArray[np.int64]:
        if np.size(id_list) == 0:
            return np.zeros(0, np.int64)
        ids, count = plain_array(id_list, "id_list", ArgumentError), len(self.engine.region)
        if ids.dtype.kind not in "iu":
            raise ArgumentError(f"id_list must be whole numbers, not {ids.dtype}")
        bad = (ids < 0) | (ids >= count)
        if ids.ndim != 1 or bad.any():
            first = f"; the first is {ids[bad][0]}" if bad.any() else ""
            raise ArgumentError(
                f"id_list must be a list of vertices from 0 to {count - 1}, not of shape {ids.shape} with "
                f"{bad.sum():,} others{first}"
            )
        return ids.astype(np.int64)

    def _in_amperes(self, dI_per_dt: float) -> float:
        return _rate(dI_per_dt) * self._unit

    def _chosen(self, path: str | os.PathLike[str], coil_set: Any) -> Coil | None:
        """Return the coil that InVesalius means."""
        if not isinstance(coil_set, (bool, np.bool_, int)):
            raise ArgumentError(f"coil_set must be true or false, not {coil_set!r}")
        if not coil_set:
            return self._coil
        name = os.fspath(path)
        known = self._coils.get(name, self._coils.get(os.path.basename(name.replace("\\", "/"))))
        if known is not None:
            return known
        try:
            return read_coil(name)
        except FileFormatError as problem:
            raise CoilError(
                f"{problem}; say which coil is meant by InVesaliusConnection(coils="
                f"{{{os.path.basename(name)!r}: coil}})"
            ) from None


def _rate(didt: Any) -> float:
    return finite_number(didt, "dI_per_dt", ArgumentError)


def _one_of(value: Any, name: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ArgumentError(f"{name} = {value!r} must be one of {', '.join(allowed)}")
    return str(value)
