# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line: commands, arguments, and what they may be."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from ..core.version import VERSION
from ..solve.options import PRIMARIES
from ..solve.recovery import KINDS
from . import values
from .parser_doctor import add_doctor
from .parser_dose import add_dose
from .parser_jobs import add_jobs
from .parser_mesh import add_mesh
from .parser_outputs import TABLE_EXAMPLE, add_outputs
from .parser_place import add_place, add_placing, add_poses
from .parser_protocol import add_protocol
from .parser_replay import add_replay
from .parser_roi import ROI_EXAMPLE, add_roi
from .parser_serve import add_serve
from .parser_target import add_target
from .parser_view import add_view
from .pose_options import add_pose_options
from .words import Parser

__all__ = ["build_parser"]

Command = Callable[[argparse.Namespace], "int | None"]

_EXAMPLE = """\
Example, from a segmented MRI to a picture of a field:
  headfield mesh labels.nii.gz -o head.msh --tissues simnibs
  headfield place head.msh coil.ccd --centre -46,-8,70 --handle -46,42,70 -o poses.npy
  headfield solve head.msh coil.ccd poses.npy -o field.h5 --didt 70e6 --tissues 1,2
  headfield view field.h5 --coil coil.ccd -o field.png

Example, with what `headfield demo` writes into the folder demo:
  headfield place demo/head.msh demo/coil.ccd --eeg demo/eeg.csv --centre F3 --handle AF3 -o f3.npy
  headfield solve demo/head.msh demo/coil.ccd f3.npy -o f3.h5 --didt 50A/us --tissues gray
  headfield view f3.h5 --coil demo/coil.ccd --tissues gray -o f3.png

Exit codes: 0 done; 1 it failed, and one line on stderr says why; 2 the command
line is wrong; 3 done, but some poses did not converge, or pulses have no field;
128 + n stopped by signal n, such as 130 by Ctrl-C.

Completion in bash and zsh: pip install "headfield[complete]", and in the
start-up file of the shell
  eval "$(register-python-argcomplete headfield)"
"""


def build_parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Make the parser of the command line; `args.command` will be what runs it.

    Parameters
    ----------
    commands : mapping of str to callable
        What runs each of the commands; it takes the parsed arguments and returns an exit code, or None for 0.

    Returns
    -------
    argparse.ArgumentParser
    """
    parser = Parser(
        prog="headfield",
        description="The electric field that a magnetic coil induces in a head.",
        epilog=_EXAMPLE,
    )
    parser.add_argument("--version", action="version", version=f"headfield {VERSION}")
    names = {
        "demo": _add_demo,
        "mesh": add_mesh,
        "place": _add_place,
        "target": _on_a_head(add_target),
        "solve": _add_solve,
        "jobs": add_jobs,
        "serve": _on_a_head(add_serve),
        "replay": _on_a_head(add_replay),
        "dose": _on_a_head(add_dose),
        "protocol": add_protocol,
        "merge": _add_merge,
        "view": add_view,
        "info": _add_info,
        "convert": _add_convert,
        "doctor": add_doctor,
    }
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, add in names.items():
        parser_of_one = add(subparsers)
        parser_of_one.set_defaults(command=commands[name])
        parser_of_one.add_argument(
            "--no-plausibility",
            action="store_true",
            help="don't warn of what is possible but unlikely, such as a dI/dt of 50 A/s",
        )
    return parser


def _add_demo(commands: Any) -> argparse.ArgumentParser:
    demo: argparse.ArgumentParser = commands.add_parser(
        "demo",
        help="try it: a head and a coil that come with headfield, twelve angles, a picture",
        description="Solve the template head (an average brain in geometric shells) for a figure-8 over the "
        "left motor area at twelve angles; print a table; write head, coil and poses, and the field of the "
        "best angle (.msh, .vtu) with a picture. Then search for the best pose, as `headfield target` does.",
        epilog="Example: headfield demo --edge-mm 4 -o demo",
    )
    demo.add_argument(
        "--head", choices=("template", "phantom"), default="template", help="phantom: synthetic [%(default)s]"
    )
    demo.add_argument(
        "--edge-mm",
        type=float,
        metavar="MM",
        help="scale of the edges: their mean in gray matter is 0.7 of it [5]; of the phantom their mean "
        "[3, at most 8]",
    )
    demo.add_argument(
        "-o", "--output", type=values.folder, default="demo", metavar="FOLDER", help="[%(default)s]"
    )
    _add_common(demo)
    return demo


def _add_solve(commands: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        "solve",
        help="the field of a coil at any number of poses",
        description="Solve a head for a coil at every pose of a file, in bounded memory. .h5: one file of "
        "all poses; .msh, .vtu: a file a pose, OUT_0000.msh and so on, or OUT.msh of one. "
        "If it stops, what is solved stays.",
        epilog="Example: headfield solve head.msh coil.ccd poses.npy -o field.h5 --didt 70e6 "
        f"--tissues white,gray --conductivity gm=0.3 skull=0.01\n{ROI_EXAMPLE}\n{TABLE_EXAMPLE}",
    )
    _add_problem(parser)
    add_roi(parser)
    add_outputs(parser)
    add_placing(parser, required=False)
    add_pose_options(parser)
    _add_head_options(parser)
    _add_accuracy(parser)
    _add_course(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    _add_common(parser)
    return parser


def _add_place(commands: Any) -> argparse.ArgumentParser:
    parser = add_place(commands)
    _add_head_options(parser)
    return parser


def _on_a_head(add: Callable[[Any], argparse.ArgumentParser]) -> Callable[[Any], argparse.ArgumentParser]:
    """Return what adds a command, and the options of heads and devices that it shares with `solve`."""

    def added(commands: Any) -> argparse.ArgumentParser:
        parser = add(commands)
        _add_material(parser)
        _add_head_options(parser)
        _add_common(parser)
        return parser

    return added


def _add_problem(parser: argparse.ArgumentParser) -> None:
    """Arguments that say what is solved, and where the field goes."""
    parser.add_argument(
        "head", metavar="HEAD", help="mesh (.msh, .npz, or what meshio reads) or folder m2m_x"
    )
    parser.add_argument("coil", metavar="COIL", help=".ccd, .tcd, .nii, .nii.gz; its wire: .txt, .csv, .npy")
    add_poses(parser)
    parser.add_argument(
        "-o", "--output", type=values.file_name, required=True, metavar="OUT", help=".h5, .msh or .vtu; .csv"
    )
    parser.add_argument(
        "--didt",
        type=values.rates,
        default=None,
        metavar="A/S",
        help="50e6, 50A/us or 60%%MSO, one for each stimulator: 1e6,2e6 [what POSES says, else 1e6]",
    )
    parser.add_argument(
        "--tissues",
        type=values.tags,
        default=None,
        metavar="TAGS",
        help="keep E in these only, such as 1,2 or gray,white [all]",
    )
    _add_material(parser)


def _add_material(parser: argparse.ArgumentParser) -> None:
    """Options that say what the head conducts."""
    parser.add_argument(
        "--conductivity",
        type=values.tag_value,
        nargs="+",
        action="extend",
        default=[],
        metavar="TISSUE=S/M",
        help="in place of the standard value: gm=0.3, or by its tag, 2=0.3; several are one after the other",
    )
    parser.add_argument(
        "--tensors",
        choices=("vn", "dir", "mc"),
        default=None,
        help="conductivity of brain tissue from the diffusion tensors in the folder HEAD",
    )


def _add_head_options(parser: argparse.ArgumentParser) -> None:
    """Options that say what in the file of a head is meant."""
    parser.add_argument(
        "--without-tags",
        type=values.some_tags,
        default=[],
        metavar="TAGS",
        help="leave these tissues out, such as -1 or air (around some heads)",
    )
    parser.add_argument(
        "--tags",
        type=values.tag_choice,
        default=None,
        metavar="FIELD|OLD=NEW,…",
        help="the field that has the tissues of a head, such as labels; or what its numbers are, 1=5,2=3",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="join coincident nodes, and collapse or move what is tiny or flat; says what it did",
    )


def _add_accuracy(parser: argparse.ArgumentParser) -> None:
    """Options that say how accurate a solve is, and how much effort it may take."""
    parser.add_argument(
        "--recovery",
        choices=KINDS,
        default=None,
        help="recover E from patches of tetrahedra, and say how far elements are off [no]",
    )
    parser.add_argument(
        "--primary",
        choices=PRIMARIES,
        default=PRIMARIES[0],
        help="what ∂A/∂t of a tetrahedron is the mean of [%(default)s]; with edges a gradient hardly counts",
    )
    parser.add_argument(
        "--tol",
        type=values.tolerance,
        default=1e-5,
        metavar="TOL",
        help="relative residual, or auto: well below the discretisation error [%(default)g]",
    )
    parser.add_argument("--max-iterations", type=int, default=200, metavar="N", help="[%(default)s]")
    parser.add_argument(
        "--batch", type=int, default=None, metavar="N", help="poses at a time [what fits, ≤ 32]"
    )


def _add_course(parser: argparse.ArgumentParser) -> None:
    """Options that say which poses are solved, and what happens if one fails."""
    parser.add_argument(
        "--resume", action="store_true", help="go on after the last complete pose of a run that was stopped"
    )
    parser.add_argument(
        "--slice",
        type=values.pose_range,
        default=None,
        metavar="A:B",
        help="only the poses A to B − 1; see merge",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="stop at a pose that does not converge [leave it out, exit code 3]",
    )


def _add_merge(commands: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        "merge",
        help="one result of slices that were solved apart",
        description="Join the .h5 of slices of one run, also of runs that were stopped, to one of all poses. "
        "Head, coil, poses and options must have been the same.",
        epilog="Example: headfield merge part1.h5 part2.h5 -o field.h5",
    )
    parser.add_argument("results", metavar="RESULT", nargs="+", help=".h5 of `headfield solve --slice`")
    parser.add_argument("-o", "--output", type=values.file_name, required=True, metavar="OUT", help=".h5")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")
    return parser


def _add_info(commands: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        "info",
        help="what a file holds: a head, an image of labels, a coil, poses, a result",
        description="Say what a file is and what is in it: a mesh (tissues, sizes, quality, fields), an "
        "image (labels, volumes, how to mesh it), a coil, poses, a result (peaks in each tissue, what it was "
        "computed from), electrode positions, a casing, diffusion tensors, or a subject folder m2m_x.",
        epilog="Example: headfield info head.msh",
    )
    parser.add_argument("file", metavar="FILE")
    _add_head_options(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    add_pose_options(parser)
    return parser


def _add_convert(commands: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        "convert",
        help="a head, coil, poses or result in another format",
        description="Read a head, a coil, poses or a result, and write it in the format that OUT ends in. "
        "Heads: .msh, .npz, .vtu and what meshio writes; .stl, .ply, .obj, .off get the skin. Coils: .ccd, "
        ".tcd, .nii.gz. Poses: .npy, .csv, .txt (Brainsight), .xml (Localite), .stmpx, .mrk, .mrk.json, "
        ".tfm, .mat. Results: .msh, .vtu (a file a pose), .npy, .csv, .nii.gz, .func.gii.",
        epilog="Example: headfield convert spiral.tcd coil.ccd --dipoles 500",
    )
    parser.add_argument("source", metavar="IN")
    parser.add_argument("target", type=values.file_name, metavar="OUT")
    _add_head_options(parser)
    parser.add_argument("--dipoles", type=int, metavar="N", help="of a coil: at most N sources a stimulator")
    parser.add_argument("--casing", metavar="FILE", help="of a coil, for .tcd: its housing, .stl, .ply, .obj")
    parser.add_argument(
        "--spacing-mm",
        type=float,
        metavar="MM",
        help="of a coil: sample A on a grid; of a .nii.gz: voxels [1]",
    )
    _add_result_options(parser)
    parser.add_argument(
        "--nearest-rotation", action="store_true", help="of poses: make scaled or sheared axes a rotation"
    )
    add_pose_options(parser)
    return parser


def _add_result_options(parser: argparse.ArgumentParser) -> None:
    """Options that say what of a result is converted, and where to."""
    parser.add_argument("--pose", type=int, metavar="I", help="of a result: only this pose, from 0 [all]")
    parser.add_argument(
        "--quantity",
        choices=("E", "magnE", "v", "local_error", "normal", "tangential"),
        help="of a result: only this [.npy: E; .nii.gz: magnE; else all]",
    )
    parser.add_argument("--like", metavar="IMAGE", help="of a .nii.gz: the grid of this image, such as a T1")
    parser.add_argument(
        "--surface",
        metavar="GII",
        help="of a .func.gii: such as lh.central.gii [the mid-layer of the cortex]",
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="cuda: an NVIDIA GPU [%(default)s]"
    )
    parser.add_argument("--threads", type=int, default=None, metavar="N", help="of the CPU [all cores]")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")
