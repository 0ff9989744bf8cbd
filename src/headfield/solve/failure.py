# SPDX-License-Identifier: BSD-3-Clause
"""What is said of sources that did not converge: how they ended, and what in the head is the likely cause."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.messages import plural, point
from ..fields.report import SolveReport
from ..heads.conductivity import mean_conductivity
from ..heads.mending.repair import FLATTEST
from ..heads.mesh import TetMesh
from ..heads.tetrahedra import flatness

__all__ = ["how_it_ended", "likely_cause"]

_CONTRAST = 1e6  # tissues differ by 200; up to here insulators take hardly more iterations


def how_it_ended(report: SolveReport, source: int, max_iterations: int) -> str:
    """Say how the iteration of a source ended that did not converge, in a part of a sentence.

    Parameters
    ----------
    report : SolveReport
    source : int
        Its place in the report.
    max_iterations : int
        What it was given.
    """
    count = plural(int(report.iterations[source]), "iteration", "iterations")
    if report.stopped[source] == "iterations":
        return f"it was given no more than {max_iterations} iterations"
    if report.stopped[source] == "breakdown":
        return f"conjugate gradients broke down after {count}, in float64 too"
    return f"it stood still after {count}, in float64 too"


def likely_cause(mesh: TetMesh, conductivity: NDArray[np.float64]) -> str:
    """Say what in a head makes its matrix hard to solve with; "" if nothing stands out.

    Parameters
    ----------
    mesh : TetMesh
    conductivity : ndarray (m,) or (m, 3, 3) float64, S/m

    Returns
    -------
    str
        Sentences, beginning with a space.

    Examples
    --------
    >>> nodes = [[0, 0, 0], [9, 0, 0], [0, 9, 0], [3, 3, 1e-6], [3, 3, -9]]
    >>> mesh = TetMesh(nodes, [[0, 1, 2, 3], [0, 1, 2, 4]], tags=[2, 3])
    >>> print(likely_cause(mesh, np.array([0.275, 1.654]))[:81])
     1 tetrahedron is nearly flat; the first is tetrahedron 0 (tag 2) of 1.35e-05 mm³
    """
    said = ""
    flat = np.flatnonzero(flatness(mesh.nodes_mm, mesh.tets) < FLATTEST)
    if len(flat):
        i = flat[0]
        number = i if mesh.element_ids is None else mesh.element_ids[i]
        where = point(mesh.nodes_mm[mesh.tets[i]].mean(axis=0))
        volume = mesh.volumes_mm3()[i]
        said = (
            f" {plural(len(flat), 'tetrahedron is', 'tetrahedra are')} nearly flat; the first is tetrahedron "
            f"{number} (tag {mesh.tags[i]}) of {volume:.3g} mm³ at {where}: mesh.repaired() removes them."
        )
    sigma = mean_conductivity(conductivity)
    low, high = sigma.argmin(), sigma.argmax()
    if sigma[high] > _CONTRAST * sigma[low]:
        said += (
            f" Conductivities range from {sigma[low]:.3g} S/m (tag {mesh.tags[low]}) to "
            f"{sigma[high]:.3g} S/m (tag {mesh.tags[high]}): leave insulators out, see mesh.crop, or let "
            "them conduct more."
        )
    return said
