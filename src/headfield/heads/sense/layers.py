# SPDX-License-Identifier: BSD-3-Clause
"""Whether tissues lie as they do in a head: scalp outside, gray around white matter, no holes in a layer."""

from __future__ import annotations

from ..findings import Finding
from ..tissues import BLOOD, BONES, CARTILAGE, CSF, EYES, SCALP, TISSUES, tissue
from ..tissues import GRAY_MATTER as GRAY
from ..tissues import WHITE_MATTER as WHITE
from .contacts import Contacts

__all__ = ["holes", "misnumbered", "volumes"]

INSIDE = (WHITE, GRAY, CSF)
NOT_OUTSIDE = (*INSIDE, EYES, BLOOD, CARTILAGE)  # never the outermost tissue of a head

_LARGEST_EYES_CM3 = 40.0
_GEL_OUTSIDE = 0.3  # share of the nodes of a "bone" that lie on the outside
_BARE_BRAIN, _BARE_SKULL = 0.02, 0.1  # share of the outer surface
_OPEN_SKULL, _NO_CSF = 0.05, 0.5  # share of the nodes of a surface

# cm³: `docs/checks.md` has the sources. The brain is gray and white matter together.
_VOLUMES_CM3 = {
    "gray matter": ((GRAY,), 100.0, 1300.0),
    "white matter": ((WHITE,), 100.0, 1300.0),
    "brain": ((WHITE, GRAY), 250.0, 2200.0),
    "CSF": ((CSF,), 20.0, 1200.0),
    "skull": (BONES, 50.0, 2500.0),
}
_HEAD_CM3 = (600.0, 12000.0)


def misnumbered(contacts: Contacts) -> list[Finding]:
    """Return the signs that the tags are numbered otherwise than in the table of tissues.

    Examples
    --------
    >>> from headfield.heads.sense.contacts import contacts_of
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([70, 80, 90], tags=[3, 2, 1], edge_mm=20)  # counted from the scalp
    >>> print(misnumbered(contacts_of(ball, ball.boundary(), ball.surface_tets()))[0].message)
    the outermost tissue is white matter (tag 1, 100 % of the outer surface), which lies inside of a head
    """
    found = [
        _outermost(contacts),
        _gray_around_white(contacts) or _csf_around_gray(contacts),
        _eyes(contacts),
        _gel(contacts),
    ]
    return [one for one in found if one is not None]


def _outermost(contacts: Contacts) -> Finding | None:
    inside = {tag: contacts.outer_share.get(tag, 0.0) for tag in NOT_OUTSIDE}
    if sum(inside.values()) < 0.5:
        return None
    tag = max(inside, key=inside.__getitem__)
    return Finding(
        "outermost_tissue",
        "doubt",
        f"the outermost tissue is {TISSUES[tag].name} (tag {tag}, {100 * inside[tag]:.0f} % of the outer "
        "surface), which lies inside of a head",
    )


def _gray_around_white(contacts: Contacts) -> Finding | None:
    around = contacts.of((CSF, *BONES))
    white, gray = (int((contacts.of((tag,)) & around).sum()) for tag in (WHITE, GRAY))
    if not {WHITE, GRAY} <= contacts.nodes.keys():
        return None
    if white <= gray:
        return _white_at_the_skull(contacts)
    return Finding(
        "gray_within_white",
        "doubt",
        f"white matter (tag 1) touches CSF and skull at {white:,} nodes, gray matter (tag 2) at {gray:,}, "
        "and gray matter lies around white matter in a head",
    )


def _white_at_the_skull(contacts: Contacts) -> Finding | None:
    """Look for white matter where CSF should be: FAST numbers CSF 1 and white matter 3."""
    skull = contacts.of(BONES)
    white, gray, csf = (int((contacts.of((tag,)) & skull).sum()) for tag in INSIDE)
    if white <= max(gray, csf):
        return None
    return Finding(
        "gray_within_white",
        "doubt",
        f"white matter (tag 1) touches the skull at {white:,} nodes, gray matter (tag 2) at {gray:,} and CSF "
        f"(tag 3) at {csf:,}, and these lie around white matter in a head",
    )


def _csf_around_gray(contacts: Contacts) -> Finding | None:
    """Look for CSF where gray matter should be: next to white matter or, without it, in the middle."""
    if not {GRAY, CSF} <= contacts.nodes.keys():
        return None
    if WHITE in contacts.nodes:
        beside, between, sign = "white matter", contacts.of((WHITE,)), 1
    else:
        beside, between, sign = "skull and scalp", contacts.of((*BONES, SCALP)), -1
    csf, gray = (int((contacts.of((tag,)) & between).sum()) for tag in (CSF, GRAY))
    if sign * csf <= sign * gray:
        return None
    return Finding(
        "csf_within_gray",
        "doubt",
        f"CSF (tag 3) touches {beside} at {csf:,} nodes, gray matter (tag 2) at {gray:,}, and CSF lies "
        "around gray matter in a head",
    )


def _eyes(contacts: Contacts) -> Finding | None:
    volume = contacts.volumes_cm3.get(EYES, 0.0)
    if volume <= _LARGEST_EYES_CM3 or not {WHITE, GRAY} & contacts.nodes.keys():
        return None
    return Finding(
        "eyes_too_large",
        "doubt",
        f"the eye balls (tag 6) have {volume:.0f} cm³, where two have 13 to 28; others number the air in the "
        "head so",
    )


def _gel(contacts: Contacts) -> Finding | None:
    """Look for gel and electrodes under the numbers of bones: ROAST calls them 7 and 8."""
    skull = contacts.of(INSIDE)
    strange = [
        tag
        for tag in BONES[1:]
        if tag in contacts.nodes
        and BONES[0] in contacts.nodes
        and not (contacts.nodes[tag] & skull).any()
        and contacts.outer_share.get(tag, 0.0) < 0.5
    ]
    outside = contacts.of(strange)
    if not strange or (outside & contacts.outside).sum() < _GEL_OUTSIDE * outside.sum():
        return None
    named = " and ".join(f"{TISSUES[tag].name} (tag {tag})" for tag in strange)
    return Finding(
        "bone_outside",
        "doubt",
        f"{named} lies on the outside of the head and touches nothing within the skull; others number gel "
        "and electrodes so",
    )


def holes(contacts: Contacts) -> list[Finding]:
    """Return the layers that don't go all around what they enclose.

    Examples
    --------
    >>> from headfield.heads.sense.contacts import contacts_of
    >>> from headfield.heads.mesh import TetMesh
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([60, 70, 80, 90], tags=[2, 3, 4, 5], edge_mm=20)
    >>> tags = ball.tags.copy()
    >>> tags[(tags == 4) & (ball.barycentres_mm()[:, 2] > 30)] = 5  # no skull there
    >>> open_ball = TetMesh(ball.nodes_mm, ball.tets, tags)
    >>> contacts = contacts_of(open_ball, open_ball.boundary(), open_ball.surface_tets())
    >>> print(holes(contacts)[0].message)  # doctest: +ELLIPSIS
    the skull has holes: no bone at ... % of its upper half
    """
    found = []
    share = contacts.outer_share
    if SCALP in contacts.nodes:
        for what, tags, limit in (("brain or CSF", INSIDE, _BARE_BRAIN), ("bone", BONES, _BARE_SKULL)):
            bare = sum(share.get(tag, 0.0) for tag in tags)
            if limit < bare < 0.5:
                text = f"the scalp has holes: {what} lies under {100 * bare:.0f} % of the outer surface"
                found.append(Finding("layer_with_holes", "doubt", text))
    bone, brain = contacts.of(BONES), contacts.of((WHITE, GRAY))
    if bone.any() and brain.any():
        # The upper half: below are the cord, which leaves the skull, and the openings for nerves and vessels.
        upper = contacts.height_mm > contacts.height_mm[brain].mean()
        within = contacts.surface(INSIDE) & upper
        # The sinuses lie between brain and skull; what has no name may be a lesion, or an implant.
        unknown = contacts.of(tag for tag in contacts.tags if tag > 0 and tissue(tag) is None)
        closed = bone | unknown | contacts.of((BLOOD,))
        bare = float((within & ~closed).sum() / max(within.sum(), 1))
        if bare > _OPEN_SKULL:
            text = f"the skull has holes: no bone at {100 * bare:.0f} % of its upper half"
            found.append(Finding("layer_with_holes", "doubt", text))
        surface = contacts.surface((WHITE, GRAY))
        bare = float((surface & ~unknown & ~contacts.of((CSF,))).sum() / max(surface.sum(), 1))
        if CSF in contacts.nodes and bare > _NO_CSF:
            text = f"the CSF has holes: there is none at {100 * bare:.0f} % of the surface of the brain"
            found.append(Finding("layer_with_holes", "doubt", text))
    return found


def volumes(contacts: Contacts) -> list[Finding]:
    """Return the tissues of a size that no person has, if all tissues of a head are there.

    Examples
    --------
    >>> from headfield.heads.sense.contacts import contacts_of
    >>> from headfield.heads.phantom import sphere_mesh
    >>> ball = sphere_mesh([20, 25, 30, 35, 40], tags=[1, 2, 3, 4, 5], edge_mm=10)
    >>> print(volumes(contacts_of(ball, ball.boundary(), ball.surface_tets()))[0].message[:27])
    gray matter 37 cm³, white m
    """
    present = contacts.nodes.keys()
    if not (set(INSIDE) | {SCALP} <= present and present & set(BONES)):
        return []
    has = {
        name: sum(contacts.volumes_cm3.get(t, 0.0) for t in tags) for name, (tags, *_) in _VOLUMES_CM3.items()
    }
    limits = {name: limit for name, (_, *limit) in _VOLUMES_CM3.items()}
    has["head"], limits["head"] = sum(contacts.volumes_cm3.values()), list(_HEAD_CM3)
    wrong = [name for name, (low, high) in limits.items() if not low <= has[name] <= high]
    if not wrong:
        return []
    sizes = ", ".join(f"{name} {has[name]:.0f} cm³" for name in wrong)
    ranges = ", ".join(f"{limits[name][0]:.0f} to {limits[name][1]:.0f}" for name in wrong)
    text = f"{sizes}, where people have {ranges}: are the coordinates mm, and the tags what they seem?"
    return [Finding("volumes", "doubt", text, len(wrong))]
