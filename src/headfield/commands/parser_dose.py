# SPDX-License-Identifier: BSD-3-Clause
"""The words of the command line that say how strong a coil has to be driven: `headfield dose`."""

from __future__ import annotations

import argparse
from typing import Any

from . import values
from .given_head import add_head
from .parser_place import add_placing, add_poses
from .parser_target import add_what, check_radius
from .roi import share

__all__ = ["RULES", "TAKE_MINUS", "add_dose", "check_dose_options"]

TAKE_MINUS = (
    "--mt-at",
    "--mt-centre",
    "--mt-handle",
    "--placement",
    "--thresholds",
)  # options whose value may begin with a minus

#: What each rule needs, and what it may be given besides.
RULES = {
    "matched-field": (
        ("mt", "mt_at"),
        ("mt_std", "mt_coil", "mt_pose", "mt_centre", "mt_handle", "mt_pulse", "pulse"),
    ),
    "fixed-field": (("field",), ()),
    "fixed-factor": (("mt",), ("mt_std", "factor")),
    "scalp-distance": (("mt",), ("mt_std", "mt_pose", "mt_centre", "mt_handle", "slope")),
}


def add_dose(commands: Any) -> argparse.ArgumentParser:
    """Add the command `dose`; the options of heads and devices are those of `solve`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "dose",
        help="how many percent of the stimulator's output, and a report of the session",
        description="Find how strong a coil has to be driven at a pose for what is wanted at a target, by "
        "one of four rules, and how sure that is. Writes report.html, dose.json and, with a protocol, "
        "sums.vtu into the folder of -o. Research use; no medical advice.",
        epilog="Example: headfield dose m2m_anna b.ccd --centre F3 --handle FC3 --at dlpfc_sgacc --rule "
        "matched-field --mt 52 --mt-coil a.ccd --mt-centre C3 --mt-handle FC3 --mt-at m1_hand --percent 120 "
        "--placement 1.5,3 --protocol itbs -o session",
    )
    add_head(parser)
    parser.add_argument("coil", metavar="COIL", help=".ccd, .tcd, .nii, .nii.gz; its wire: .txt, .csv, .npy")
    add_poses(parser)
    parser.add_argument("-o", "--output", type=values.folder, metavar="DIR", help="folder [print only]")
    add_placing(parser, required=False)
    add_what(parser)
    _add_rule(parser)
    _add_doubts(parser)
    _add_session(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(roi=None)
    return parser


def _add_rule(parser: argparse.ArgumentParser) -> None:
    """Options that say how the intensity is chosen."""
    group = parser.add_argument_group(
        "how strong", "A motor threshold is resting or active, as it was found."
    )
    group.add_argument("--rule", choices=tuple(RULES), required=True)
    group.add_argument(
        "--percent", type=float, default=100.0, metavar="P", help="of the motor threshold [%(default)g]"
    )
    group.add_argument(
        "--didt-max",
        type=values.rates,
        metavar="A/S",
        help="at 100 %% of the stimulator of COIL: 150A/us [what its file says]",
    )
    group.add_argument("--field", type=float, metavar="V/M", help="fixed-field: what is wanted at the target")
    group.add_argument("--mt", type=float, metavar="%MSO", help="the motor threshold")
    group.add_argument(
        "--mt-kind",
        choices=("resting", "active", "other"),
        default="resting",
        help="published tables of trains are in %% of the resting one of the hand [%(default)s]",
    )
    group.add_argument("--mt-std", type=float, metavar="%MSO", help="its standard deviation [0]")
    group.add_argument("--mt-coil", metavar="COIL", help="the coil that it was found with [COIL]")
    group.add_argument("--mt-pose", metavar="FILE", help="where that coil was: a file of one pose; or")
    group.add_argument("--mt-centre", metavar="POINT", help="where that coil was, as --centre")
    group.add_argument("--mt-handle", metavar="POINT", help="and its handle, as --handle")
    group.add_argument("--mt-at", metavar="POINT", help="the motor cortex, as --at; such as m1_hand")
    group.add_argument(
        "--pulse",
        metavar="NAME|FILE",
        help="matched-field: pulse of the stimulator of COIL, where the two differ: .tsv, .tcd, or a name "
        "such as magstim_rapid_d70",
    )
    group.add_argument("--mt-pulse", metavar="NAME|FILE", help="that of the stimulator of --mt-coil")
    group.add_argument("--factor", type=float, metavar="F", help="fixed-factor: [1.335, published]")
    group.add_argument(
        "--slope",
        metavar="%MSO/MM",
        help="scalp-distance: a number, or stokes_2005, stokes_2007 [stokes_2007]",
    )


def _add_doubts(parser: argparse.ArgumentParser) -> None:
    """Options that say what is not known well."""
    group = parser.add_argument_group("how sure")
    group.add_argument(
        "--placement",
        type=_placement,
        metavar="MM,DEG",
        help="standard deviations of where the coils are, such as 1.5,3 [not looked at]",
    )
    group.add_argument(
        "--uncertain-conductivity",
        action="store_true",
        help="published ranges of the conductivities of all tissues [not looked at]",
    )
    group.add_argument(
        "--zoom-error",
        type=share,
        metavar="SHARE",
        help="refine the head around target and motor cortex until E is off by less: 2%%",
    )


def _add_session(parser: argparse.ArgumentParser) -> None:
    """Options of the session that the report is of."""
    group = parser.add_argument_group("the session")
    group.add_argument("--protocol", metavar="NAME|FILE", help="see `headfield protocol --list`")
    group.add_argument("--tables", metavar="FILE", help=".json of published numbers of one's own")
    group.add_argument(
        "--thresholds",
        type=_levels,
        default=[50.0],
        metavar="V/M",
        help="count pulses above these in the brain, with a protocol: 50,80 [50]",
    )
    group.add_argument("--title", default="Session", metavar="TEXT", help="of the report [%(default)s]")


def check_dose_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a message of wrong usage if a rule lacks what it needs, or has what it does not take."""
    if not hasattr(args, "rule"):
        return
    check_radius(parser, args)
    if any(rate.of_maximum for rate in args.didt_max or ()):
        parser.error("--didt-max is dI/dt at 100 %, such as 150A/us: no percentage")
    needed, taken = RULES[args.rule]
    all_of_rules = {name for one in RULES.values() for names in one for name in names}
    given = {name for name in all_of_rules if getattr(args, name) is not None}
    for name in needed:
        if name not in given:
            parser.error(f"--rule {args.rule} needs {_option(name)}")
    for name in sorted(given - {*needed, *taken}):
        parser.error(f"{_option(name)} is no option of --rule {args.rule}")
    if args.rule in ("matched-field", "scalp-distance"):
        placed = {"mt_centre", "mt_handle"} & given
        if ("mt_pose" in given) == bool(placed) or len(placed) == 1:
            parser.error(f"--rule {args.rule} needs --mt-pose, or --mt-centre and --mt-handle")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _placement(text: str) -> tuple[float, float]:
    try:
        mm, degrees = (float(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not mm and degrees such as 1.5,3") from None
    return mm, degrees


def _levels(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of V/m, nor several such as 50,80"
        ) from None
