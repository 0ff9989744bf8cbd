# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line that make a head of an image: `headfield mesh`."""

from __future__ import annotations

import argparse
from typing import Any

from ..heads.segmentation.numberings import NUMBERINGS
from . import values

__all__ = ["add_mesh"]


def add_mesh(commands: Any) -> argparse.ArgumentParser:
    """Add the command `mesh`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "mesh",
        help="a head of an image whose voxels are labelled by tissue",
        description="Mesh a segmentation: an image whose voxels are labelled by tissue, as charm, SynthSeg "
        "and FreeSurfer write it. Prints how its volumes and interfaces compare with the image, and draws "
        "three slices with the interfaces over it. Exit code 1 if a tissue is lost; where something of it is "
        "left, the files are written all the same, to see where.",
        epilog="Example: headfield mesh labels.nii.gz -o head.msh --tissues simnibs",
    )
    parser.add_argument("image", metavar="IMAGE", help="labels or maps of tissues: .nii, .nii.gz, .mgz, .mgh")
    parser.add_argument(
        "-o",
        "--output",
        type=values.file_name,
        required=True,
        metavar="OUT",
        help=".msh, .npz, .vtu, or what else `convert` writes heads to",
    )
    _add_tissues(parser)
    _add_picture(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")
    return parser


def _add_tissues(parser: argparse.ArgumentParser) -> None:
    """Options of `head_from_labels`."""
    parser.add_argument(
        "--tissues",
        type=values.tissue_choice,
        metavar="NUMBERING|LABEL=TISSUE,…",
        help=f"what the labels are: {', '.join(NUMBERINGS)}, or 1=2,3=gray matter, 0 for outside; of maps "
        "TISSUE,… [simnibs]",
    )
    parser.add_argument(
        "--edge-mm",
        "--edge",
        type=float,
        default=2.5,
        metavar="MM",
        help="scale of the edges: their mean is 0.7 times that in gray matter and CSF [%(default)g]",
    )
    parser.add_argument(
        "--shells",
        action="store_true",
        help="grow CSF, skull and scalp around a brain where the image has none",
    )
    parser.add_argument(
        "--min-island-mm3",
        type=float,
        metavar="MM3",
        help="parts below this volume become what surrounds them [the cube of an edge]",
    )
    parser.add_argument(
        "--keep-csf-mm",
        type=float,
        default=0.0,
        metavar="MM",
        help="least distance of brain and skull; the brain gives way [as in the image]",
    )


def _add_picture(parser: argparse.ArgumentParser) -> None:
    """Options that say which picture is drawn."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--picture", type=values.file_name, metavar="FILE", help=".png, .pdf or .svg [OUT.png]"
    )
    group.add_argument("--no-picture", action="store_true", help="draw none")
    parser.add_argument(
        "--at",
        type=values.point,
        metavar="X,Y,Z",
        help="where the slices meet, mm [the middle of gray matter, x of its left half]",
    )
