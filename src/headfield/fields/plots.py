# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of fields: on layers of the cortex, of several beside each other, of what differs between two."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from ..coils.coil import Coil
from ..core.arguments import is_whole
from ..core.messages import plural, printable
from ..errors import ArgumentError, PoseError
from ..heads.mesh import TetMesh
from ..heads.selection import same_mesh
from ..pictures.figure import draw_scene
from ..pictures.layer import LayerScene, draw_layer
from ..pictures.look import Look
from ..pictures.montage import draw_montage
from ..pictures.quantity import DIFFERENCE, MAGNITUDE, NORMAL, RELATIVE, TANGENTIAL, Quantity
from ..pictures.scene import Scene, rate_of
from ..pictures.setting import Setting
from ..pictures.shells import Shell
from ..regions.region import Region
from .field import Field
from .on_surface import PARTS, Average, mid_layer_of, nodes_of, parts_of
from .result import Result, result_of

__all__ = [
    "difference_scene",
    "layer_scene",
    "plot_difference",
    "plot_layer",
    "plot_montage",
    "scene_of",
]

_QUANTITIES = dict(zip(PARTS, (MAGNITUDE, NORMAL, TANGENTIAL), strict=True))
_WEAK = 0.05  # of the 99.9th percentile of B: where B is weaker, a share of it says nothing
_WHOLE = 100.0  # percent, at the end of the colours of relative differences


def plot_layer(
    field: Field | Result,
    pose: int = 0,
    quantity: str = "magnE",
    *,
    layer: Region | None = None,
    coil: Coil | None = None,
    **look: Unpack[Look],
) -> Any:
    """Draw E on the mid-layer of the cortex, or on another surface in gray matter: |E| or a part of it.

    E of the tetrahedra of gray matter is averaged to its nodes by volume and is linear in between, as in
    .func.gii files (`headfield.write_result`).

    Parameters
    ----------
    field : Field or Result
    pose : int
        Counted from 0.
    quantity : {"magnE", "normal", "tangential"}
        |E|; E·n, positive where the field leaves the cortex, in colours that go both ways from 0; or
        |E − (E·n)n|.
    layer : Region, optional
        A surface of the field's head, such as `headfield.regions.cortical_layer` makes; by default the
        mid-layer. A field at the points of a surface is shown there.
    coil : Coil, optional
        Drawn over it; it fades where the field is strong.
    **look
        `vmax`, `view`, `target_mm`, `dpi`: see `headfield.pictures.look.Look`.

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot; `savefig` writes it.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    ArgumentError
        No such quantity or view, a layer that is no surface, a coil without a pose.
    PoseError
        The field has no such pose.
    HeadfieldError
        The head has no mid-layer, there is no field in gray matter, or the pose did not converge.

    Examples
    --------
    >>> import headfield as hf
    >>> model = hf.HeadModel(hf.phantom_head(edge_mm=8))
    >>> coil = hf.figure_of_eight()
    >>> field = model.solve(coil, model.place(coil, [-46, -8, 70], [-46, 42, 70]), didt=50e6)
    >>> figure = hf.plot_layer(field, quantity="normal", coil=coil, view="left")
    >>> [axes.get_ylabel() for axes in figure.axes if axes.get_label() == "<colorbar>"]
    ['E·n (V/m), positive out of the cortex']
    """
    dpi = look.pop("dpi", None)
    return draw_layer(layer_scene(field, pose, quantity, layer=layer, coil=coil, **look), dpi)


def plot_montage(
    fields: Field | Result | Sequence[Field | Result],
    poses: Sequence[int] | None = None,
    quantity: str | None = None,
    *,
    coil: Coil | Sequence[Coil | None] | None = None,
    tags: int | Sequence[int] = (1, 2),
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    **look: Unpack[Look],
) -> Any:
    """Draw poses of a field, or fields of several heads or coils, beside each other in the same colours.

    Parameters
    ----------
    fields : Field or Result, or sequence of them
        One, of which several poses are drawn; or several, of each of which one pose is.
    poses : sequence of int, optional
        Of one field: which poses, by default all. Of several: one for each, by default 0.
    quantity : {"magnE", "normal", "tangential"}, optional
        Draws this on the mid-layer, see `plot_layer`; by default |E| on the cortex.
    coil : Coil or sequence of Coil, optional
        Drawn in all panels; or one for each.
    tags : int or sequence of int
        Tissues whose |E| is shown, see `Field.plot`.
    titles : sequence of str, optional
        One for each panel; by default names or numbers of the poses.
    columns : int, optional
        Panels in a row.
    **look
        `vmax`, `view`, `target_mm`, `dpi`: see `headfield.pictures.look.Look`. If `vmax` is not given, the
        colours of all end at the largest 99.9th percentile of any.

    Returns
    -------
    matplotlib.figure.Figure
        It is not registered with pyplot.

    Raises
    ------
    ArgumentError
        More than 60 panels, or not one pose, coil or title for each.
    HeadfieldError
        See `plot_layer` and `Field.plot`.

    Examples
    --------
    >>> import headfield as hf
    >>> model = hf.HeadModel(hf.phantom_head(edge_mm=8))
    >>> coil = hf.figure_of_eight()
    >>> poses = hf.ring(model.place(coil, [-46, -8, 70], [-46, 42, 70]), [0, 45, 90])
    >>> figure = hf.plot_montage(model.solve(coil, poses, didt=50e6), [0, 2], coil=coil, view="left")
    >>> [axes.get_title() for axes in figure.axes[:2]]
    ['pose 0', 'pose 2']
    """
    several = isinstance(fields, Sequence)
    each = [_result(one) for one in (fields if isinstance(fields, Sequence) else [fields])]
    if several:
        chosen = [0] * len(each) if poses is None else list(poses)
    else:
        chosen = list(range(each[0].n_poses)) if poses is None else list(poses)
        each = each * len(chosen)
    coils = list(coil) if isinstance(coil, Sequence) else [coil] * len(each)
    if not len(each) == len(chosen) == len(coils):
        counts = ", ".join(
            plural(len(some), what, f"{what}s")
            for some, what in ((each, "field"), (chosen, "pose"), (coils, "coil"))
        )
        raise ArgumentError(f"a montage needs one pose and one coil for each field, not {counts}")
    dpi = look.pop("dpi", None)
    layers: dict[int, Region | None] = {}
    scenes: list[Scene | LayerScene] = []
    for one, pose, its in zip(each, chosen, coils, strict=True):
        if quantity is None:
            scenes.append(scene_of(one, pose, its, tags, **look))
        else:
            mesh = id(one.mesh)
            if mesh not in layers:
                layers[mesh] = None if one.region is not None else mid_layer_of(one)
            scenes.append(layer_scene(one, pose, quantity, layer=layers[mesh], coil=its, **look))
    if titles is None:
        titles = [
            f"field {i}" if several else printable(one.name_of(pose))
            for i, (one, pose) in enumerate(zip(each, chosen, strict=True))
        ]
    rates = [_rate(one, pose) for one, pose in zip(each, chosen, strict=True)]
    of_all = rates[0] if len(set(rates)) == 1 else ""
    if not of_all and len(titles) == len(rates):
        titles = [_with_rate(*one) for one in zip(titles, each, chosen, strict=True)]
    file = os.path.basename(fields.path) if isinstance(fields, Result) else ""
    title = ", ".join(filter(None, (file, of_all)))
    return draw_montage(scenes, titles, title=title, columns=columns, vmax=look.get("vmax"), dpi=dpi)


def plot_difference(
    a: Field | Result,
    b: Field | Result,
    pose: int = 0,
    other_pose: int | None = None,
    *,
    relative: bool = False,
    coil: Coil | None = None,
    tags: int | Sequence[int] = (1, 2),
    **look: Unpack[Look],
) -> Any:
    """Draw |E| of A minus |E| of B in one head: of two coils, poses or settings.

    Parameters
    ----------
    a, b : Field or Result
        In the same tetrahedra. They may be the same field, of which two poses are compared.
    pose, other_pose : int
        Of A, and of B; by default the same.
    relative : bool
        Draw the difference in percent of B. Where B is below a twentieth of its 99.9th percentile, that says
        nothing, and is gray. The colours end at ±100 % unless `vmax` is given.
    coil : Coil, optional
        That of A, drawn over it.
    tags : int or sequence of int
        Tissues that are shown, see `Field.plot`.
    **look
        `vmax`, `view`, `target_mm`, `dpi`: see `headfield.pictures.look.Look`.

    Returns
    -------
    matplotlib.figure.Figure
        As that of `Field.plot`, in colours that go both ways from 0: red where A is stronger.

    Raises
    ------
    ArgumentError
        The fields are of different heads.
    HeadfieldError
        See `Field.plot`.

    Examples
    --------
    >>> import headfield as hf
    >>> model = hf.HeadModel(hf.phantom_head(edge_mm=8))
    >>> coil = hf.figure_of_eight()
    >>> poses = hf.ring(model.place(coil, [-46, -8, 70], [-46, 42, 70]), [0, 90])
    >>> field = model.solve(coil, poses, didt=50e6)
    >>> figure = hf.plot_difference(field, field, 0, 1, coil=coil)
    >>> "|E| of A − |E| of B" in figure.get_suptitle()
    True
    """
    dpi = look.pop("dpi", None)
    scene = difference_scene(a, b, pose, other_pose, relative=relative, coil=coil, tags=tags, **look)
    return draw_scene(scene, dpi)


def scene_of(
    field: Field | Result,
    pose: int = 0,
    coil: Coil | None = None,
    tags: int | Sequence[int] = (1, 2),
    /,
    **more: Any,
) -> Scene:
    """Return what a picture of one pose shows; `more` are other parameters of `Scene`."""
    result = _result(field)
    if result.region is not None:
        raise ArgumentError("a field at points has no tetrahedra to draw: see `headfield.plot_layer`")
    magnitude = result.magnitude(pose)
    return Scene(
        result.mesh,
        magnitude,
        tuple(np.atleast_1d(tags).tolist()),
        **_facts(result, pose) | {"coil": coil} | more,
    )


def difference_scene(
    a: Field | Result,
    b: Field | Result,
    pose: int = 0,
    other_pose: int | None = None,
    *,
    relative: bool = False,
    coil: Coil | None = None,
    tags: int | Sequence[int] = (1, 2),
    **more: Any,
) -> Scene:
    """Return what `plot_difference` draws; `more` are other parameters of `Scene`."""
    pair = [(_result(a), pose), (_result(b), _other(pose, other_pose))]
    one, two = (scene_of(field, i, None, tags) for field, i in pair)
    if not same_mesh(one.mesh, two.mesh):
        raise ArgumentError(f"A and B are in different heads, {one.mesh!r} and {two.mesh!r}")
    change = one.magnitude.astype(np.float64) - two.magnitude
    quantity: Quantity = DIFFERENCE
    if relative:
        weak = ~(two.magnitude >= _WEAK * two.top)
        if weak.all():
            raise ArgumentError("B is 0 V/m everywhere: there is no share of it")
        change = np.where(weak, np.nan, 100.0 * change / np.where(weak, 1.0, two.magnitude))
        quantity, more = RELATIVE, {"vmax": _WHOLE, **more}
    names = [_with_rate(_name(field, *its), *its) for field, its in zip((a, b), pair, strict=True)]
    name = f"A: {names[0]}; B: {names[1]}"
    shown = {"matrix": _facts(*pair[0])["matrix"], "coil": coil, "quantity": quantity, "name": name}
    return Scene(one.mesh, change, one.tags, **shown | more)


def layer_scene(
    field: Field | Result,
    pose: int = 0,
    quantity: str = "magnE",
    *,
    layer: Region | None = None,
    coil: Coil | None = None,
    head: TetMesh | None = None,
    **more: Any,
) -> LayerScene:
    """Return what `plot_layer` draws; `head` is the whole head, if the field's is a part of it."""
    if quantity not in _QUANTITIES:
        raise ArgumentError(f"quantity {quantity!r}: one of {', '.join(PARTS)} is needed")
    result = _result(field)
    result.rows(pose)  # a pose that is not there is told before the work
    own = layer is None and result.region is None
    region = mid_layer_of(result) if own else (layer or result.region)
    if not isinstance(region, Region):
        raise ArgumentError(f"layer must be a Region with triangles, not {type(region).__name__}")
    nodes = nodes_of(result, region)
    values = parts_of(Average(result, nodes).at_nodes(pose), nodes)[quantity]
    assert region.faces is not None
    facts = _facts(result, pose)
    placed = {name: more.pop(name) for name in ("view", "target_mm") if name in more}
    setting = Setting(head or result.mesh, matrix=more.pop("matrix", facts["matrix"]), coil=coil, **placed)
    return LayerScene(
        Shell(region.centres_mm, region.faces.astype(np.intp), values),
        region.weights,
        setting,
        quantity=_QUANTITIES[quantity],
        vmax=more.get("vmax"),
        name=_with_rate(more.get("name", _name(field, result, pose)), result, pose),
        what="mid-layer of the cortex" if own else "layer",
    )


def _result(field: Field | Result) -> Result:
    """Return a field as a result, which knows its poses one by one."""
    if isinstance(field, Field):
        return result_of(field.on_host().arrays(), "field")
    if not isinstance(field, Result):
        raise ArgumentError(f"a Field or a Result is drawn, not {type(field).__name__}")
    return field


def _name(field: Field | Result, result: Result, pose: int) -> str:
    """Return what a pose of a field, here also as a result, is called: by file and pose if it has a file."""
    pose_name = printable(result.name_of(pose))
    return pose_name if isinstance(field, Field) else f"{os.path.basename(result.path)}, {pose_name}"


def _rate(result: Result, pose: int) -> str:
    """Return the dI/dt of a pose in words, nothing if it is not known."""
    return "" if result.didt is None else rate_of(np.atleast_1d(result.didt[pose]))


def _with_rate(name: str, result: Result, pose: int) -> str:
    """Return a name with the dI/dt of a pose behind it."""
    return ", ".join(filter(None, (name, _rate(result, pose))))


def _facts(result: Result, pose: int) -> dict[str, Any]:
    return {
        "matrix": None if result.poses is None else result.poses[pose],
        "didt": None if result.didt is None else np.atleast_1d(result.didt[pose]),
        "pose": int(pose),
        "n_poses": result.n_poses,
    }


def _other(pose: int, other: int | None) -> int:
    if other is not None and not is_whole(other):
        raise PoseError(f"other_pose {other!r} is no number of a pose")
    return pose if other is None else int(other)
