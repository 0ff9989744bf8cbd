# SPDX-License-Identifier: BSD-3-Clause
"""What a picture of a field shows, as arrays: cortex, scalp, coil, slices, and how |E| is distributed.

Nothing here draws, and nothing here knows where the values are from: `figure` draws with matplotlib, `page`
with plotly; `Field.scene` and the command `headfield view` make scenes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..coils.coil import Coil
from ..core.locks import cached_property
from ..errors import ArgumentError
from ..heads.mesh import TetMesh
from ..heads.names import called
from ..heads.tissues import GRAY_MATTER
from .distribution import Distribution
from .quantity import MAGNITUDE, Quantity, Scale, checked_vmax
from .setting import Setting
from .shells import Shell, shell_of
from .slices import Slice, slice_heads

__all__ = ["Scene", "rate_of", "strength_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scene:
    """One pose of a field, and what a picture shows of it; each part is computed when it is first asked for.

    Parameters
    ----------
    mesh : TetMesh
    magnitude : ndarray (m,)
        |E| of each tetrahedron, V/m; nan where it is not known.
    tags : tuple of int
        Tissues whose |E| is shown; their outer surface is the cortex.
    matrix : ndarray (4, 4), optional
        The pose: coil to head, mm.
    coil : Coil, optional
        Needs a pose.
    didt : ndarray (s,), optional
        A/s, of each stimulator.
    pose, n_poses : int
        Which pose of how many, for the title.
    name : str
        For the title.
    head : TetMesh, optional
        The whole head, if the mesh is a part of it: for the scalp and the borders of tissues.
    target_mm, view
        See `Setting`.
    vmax : float, optional
        Where the colours end; if not given, at the 99.9th percentile.
    quantity : Quantity
        What `magnitude` is, if it is not |E|.

    Raises
    ------
    ArgumentError
        The mesh has none of the tissues, the field has no value in them, or negative ones of a quantity
        without a sign; `vmax` is not above 0; and see `Setting`.

    Examples
    --------
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([50, 60], tags=[2, 5], edge_mm=20)
    >>> scene = Scene(ball, np.ones(ball.n_tets))
    >>> scene.distribution.tissue, scene.distribution.percentiles.tolist()
    ('gray matter', [1.0, 1.0, 1.0])
    """

    mesh: TetMesh
    magnitude: NDArray[Any]
    tags: tuple[int, ...] = (1, 2)
    _: KW_ONLY
    matrix: Floats | None = None
    coil: Coil | None = None
    didt: Floats | None = None
    pose: int = 0
    n_poses: int = 1
    name: str = ""
    head: TetMesh | None = None
    target_mm: ArrayLike | None = None
    view: str | ArrayLike | None = None
    vmax: float | None = None
    quantity: Quantity = MAGNITUDE

    def __post_init__(self) -> None:
        if not self._shown.any():
            there = np.unique(self.mesh.tags).tolist()
            raise ArgumentError(f"the head has no tissue {self.tags}; it has {there}")
        if not len(self._measured):
            raise ArgumentError(f"the field has no value in the tissues {self.tags}: it leaves them out")
        if not self.quantity.signed and (self.magnitude[self._measured] < 0).any():
            raise ArgumentError(f"the field has negative magnitudes: it is not {self.quantity.symbol}")
        checked_vmax(self.vmax)
        assert self.setting is not None  # it refuses what it can't show

    @cached_property
    def _shown(self) -> NDArray[np.bool_]:
        return np.isin(self.mesh.tags, self.tags)

    @cached_property
    def _measured(self) -> NDArray[np.intp]:
        """Tetrahedra for the distribution and the peak: gray matter if it has values, else all shown."""
        known = np.flatnonzero(self._shown & np.isfinite(self.magnitude))
        gray = known[self.mesh.tags[known] == GRAY_MATTER]
        return gray if len(gray) else known

    @cached_property
    def setting(self) -> Setting:
        """What stands around the field: scalp, coil, target; and where the eye is."""
        return Setting(
            self.mesh if self.head is None else self.head,
            matrix=self.matrix,
            coil=self.coil,
            target_mm=self.target_mm,
            view=self.view,
        )

    @cached_property
    def distribution(self) -> Distribution:
        """How much volume has which |E|, in gray matter, or in all that is shown if gray matter is not."""
        chosen = self._measured
        volumes, values = self.mesh.volumes_mm3()[chosen], self.magnitude[chosen]
        tags = np.unique(self.mesh.tags[chosen])
        name = " and ".join(called(tag, self.mesh.tag_names) for tag in tags.tolist())
        if len(chosen) < np.isin(self.mesh.tags, tags).sum():
            name = f"{volumes.sum() * 1e-3:.3g} cm³ of {name}"
        return Distribution.of(values, volumes * 1e-3, (name, "cm³"), self.quantity.signed)

    @property
    def top(self) -> float:
        """The value at the end of the colours: `vmax`, or the 99.9th percentile by volume; 1 if that is 0."""
        if self.vmax is not None:
            return float(self.vmax)
        return float(self.distribution.percentiles[-1]) or 1.0

    @property
    def scale(self) -> Scale:
        """The colours."""
        return Scale(self.quantity, self.top)

    @cached_property
    def peak(self) -> tuple[float, Floats]:
        """The value of the distribution that is farthest from 0, and its place (3,), mm."""
        chosen = self._measured
        element = chosen[int(np.argmax(np.abs(self.magnitude[chosen])))]
        return float(self.magnitude[element]), self.mesh.nodes_mm[self.mesh.tets[element]].mean(axis=0)

    @cached_property
    def cortex(self) -> Shell:
        """The surface of the tissues; |E| of the tetrahedra under it is averaged to its nodes by area."""
        values = self.magnitude[self.mesh.surface_tets(self.tags)]
        return shell_of(self.mesh.nodes_mm, self.mesh.surface(self.tags), values)

    @property
    def surface(self) -> Shell:
        """The surface that is drawn: the cortex."""
        return self.cortex

    @property
    def scalp(self) -> Shell:
        """The outermost surface of the head, without values."""
        return self.setting.scalp

    @property
    def outward(self) -> Floats:
        """Unit vector (3,) from the head to the eye: see `Setting`; over the peak if nothing is said."""
        return self.setting.outward(self.peak[1])

    def slices(self, pixel_mm: float) -> list[Slice]:
        """Return the sagittal, coronal and axial slice through the peak."""
        values = np.where(self._shown, self.magnitude, np.nan)
        head = self.mesh if self.head is None else self.head
        return [
            slice_heads(self.mesh, values, head, axis, float(self.peak[1][axis]), pixel_mm)
            for axis in range(3)
        ]

    def title(self) -> tuple[str, str]:
        """Return two lines of text: what the picture shows, and how strong the field is."""
        facts = [self.name] if self.name else []
        if self.n_poses > 1:
            facts.append(f"pose {self.pose} of {self.n_poses} (from 0)")
        if self.didt is not None:
            facts.append(rate_of(self.didt))
        return ", ".join(facts) or "Electric field", strength_of(self.distribution, self.quantity, self.peak)


def rate_of(didt: Iterable[float]) -> str:
    """Return dI/dt of each stimulator, given in A/s, as titles say it.

    Examples
    --------
    >>> rate_of(np.array([70e6])), rate_of(np.array([1e6, -2.5e6]))
    ('dI/dt 70 A/µs', 'dI/dt 1 and -2.5 A/µs')
    """
    return f"dI/dt {' and '.join(f'{rate * 1e-6:g}' for rate in didt)} A/µs"


def strength_of(found: Distribution, quantity: Quantity, peak: tuple[float, Floats]) -> str:
    """Return a line of text: how large a quantity is, and where."""
    symbol, unit, signed, _ = quantity
    at = ", ".join(f"{x:.0f}" for x in peak[1])
    far, what = ("farthest from 0:", "size") if signed else ("largest", "peak")
    text = (
        f"{symbol} in {found.tissue}: {what} {found.percentiles[-1]:.3g} {unit} (99.9th percentile), "
        f"{far} {peak[0]:.3g} {unit} at ({at}) mm"
    )
    return text.replace(" -", " −").replace("(-", "(−")
