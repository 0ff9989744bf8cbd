# SPDX-License-Identifier: BSD-3-Clause
"""How other programs number tissues, and which of them the layers of a head speak for."""

from __future__ import annotations

from typing import NamedTuple

from ..tissues import BRAIN, TISSUES
from .contacts import Contacts
from .layers import holes, misnumbered

__all__ = ["NUMBERINGS", "Numbering", "candidates"]


class Numbering(NamedTuple):
    """What one program calls its numbering, and which tag of the table each of its numbers is."""

    name: str
    tags: dict[int, int]
    needed: tuple[int, ...] = ()  # numbers without which nothing speaks for it


# Colin27: README of github.com/NeuroJSON/Colin27BrainMesh, and brain2mesh without a skull. brain2mesh: the
# help of its function. SPM: the order of its tissue maps c1 to c6. ROAST: Huang 2019
# (doi 10.1088/1741-2552/ab208d). Layers: boundary-element models and spheres, from outside or from inside.
# FAST: the user guide of FSL, for T1 images; it numbers the brain only.
# SimNIBS numbers as the table does.
NUMBERINGS = (
    Numbering("Colin27 (1 scalp and skull, 2 CSF, 3 gray, 4 white)", {1: 5, 2: 3, 3: 2, 4: 1}),
    Numbering(
        "brain2mesh (1 scalp, 2 skull, 3 CSF, 4 gray, 5 white, 6 air)", {1: 5, 2: 4, 3: 3, 4: 2, 5: 1, 6: -1}
    ),
    Numbering("SPM (1 gray, 2 white, 3 CSF, 4 bone, 5 scalp, 6 air)", {1: 2, 2: 1, 3: 3, 4: 4, 5: 5, 6: -1}),
    Numbering(
        "ROAST (1 white, 2 gray, 3 CSF, 4 bone, 5 skin, 6 air, 7 gel, 8 electrodes)",
        {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: -1, 7: 500, 8: 100},
    ),
    Numbering("three layers (1 scalp, 2 skull, 3 brain)", {1: 5, 2: 4, 3: 2}, (1, 2, 3)),
    Numbering("three layers (1 brain, 2 skull, 3 scalp)", {1: 2, 2: 4, 3: 5}, (1, 2, 3)),
    Numbering("FSL FAST (1 CSF, 2 gray, 3 white)", {**dict(zip(TISSUES, TISSUES, strict=True)), 1: 3, 3: 1}),
    Numbering("the table, but counted from 0", {tag - 1: tag for tag in TISSUES}, (0,)),
)


def candidates(contacts: Contacts) -> list[tuple[str, dict[int, int]]]:
    """Return the numberings by which the tissues would lie as they do in a head.

    Parameters
    ----------
    contacts : Contacts

    Returns
    -------
    list of (str, dict)
        What the numbering is called, and what it renumbers: only tags that occur and change.

    Examples
    --------
    >>> from headfield.heads.sense.contacts import contacts_of
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([60, 70, 80, 90], tags=[4, 3, 2, 1], edge_mm=20)
    >>> for name, mapping in candidates(contacts_of(ball, ball.boundary(), ball.surface_tets())):
    ...     print(name, mapping)
    Colin27 (1 scalp and skull, 2 CSF, 3 gray, 4 white) {1: 5, 2: 3, 3: 2, 4: 1}
    brain2mesh (1 scalp, 2 skull, 3 CSF, 4 gray, 5 white, 6 air) {1: 5, 2: 4, 4: 2}
    """
    found = []
    for name, table, needed in NUMBERINGS:
        known = [tag for tag in contacts.tags if tag in TISSUES or tag == 0]
        mapping = {tag: table[tag] for tag in known if tag in table and table[tag] != tag}
        if not mapping or not set(needed) <= set(known) <= table.keys():
            continue
        renumbered = contacts.renumbered(mapping)
        has_brain = set(BRAIN) & renumbered.nodes.keys()
        if has_brain and not misnumbered(renumbered) and not holes(renumbered):
            found.append((name, mapping))
    return found
