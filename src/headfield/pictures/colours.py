# SPDX-License-Identifier: BSD-3-Clause
"""Colours of figures and pages."""

from __future__ import annotations

from colorsys import hls_to_rgb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingPackageError

__all__ = [
    "CLOCKWISE",
    "COUNTER",
    "INK",
    "STOPS",
    "TISSUE",
    "colormap",
    "diverging",
    "matplotlib_parts",
    "tissue_colour",
]

#: Lines and text.
INK = "#20242c"
#: Dipoles of a coil whose current runs clockwise as seen from outside of the head, and the other way round.
CLOCKWISE, COUNTER = "#c1590b", "#1f5fa8"
#: Slices where |E| is not shown.
TISSUE = "#ececec"
# From bone white, for no field, through red to dark violet: the perceptually uniform magma of matplotlib,
# from its light end as far as colours can still be told from black. It darkens all the way, so that it can
# be printed in gray.
_MAGMA = (1.0, 0.1)
#: The colours of |E| at 33 even steps, as #rrggbb, for pages that are made without matplotlib.
STOPS = (
    *(
        "#fcfdbf",
        "#fcf0b2",
        "#fde3a5",
        "#fed799",
        "#feca8d",
        "#febb81",
        "#feae77",
        "#fea16e",
        "#fd9467",
        "#fb8560",
        "#f9785d",
    ),
    *(
        "#f56b5c",
        "#f05f5e",
        "#e95462",
        "#df4a68",
        "#d5446d",
        "#ca3e72",
        "#bf3a77",
        "#b2357b",
        "#a6317d",
        "#9b2e7f",
        "#902a81",
    ),
    *(
        "#832681",
        "#782281",
        "#6d1d81",
        "#621980",
        "#57157e",
        "#4a1079",
        "#3f0f72",
        "#331067",
        "#271258",
        "#1c1044",
        "#140e36",
    ),
)
# By tag of the table of tissues. All are light, so that lines over them can be told; neighbours in a head
# differ in lightness as well as in hue.
_TISSUES = {
    1: "#f7f3e8",
    2: "#d3b5ae",
    3: "#b7d7ec",
    4: "#ecdca6",
    5: "#f0c6a4",
    6: "#9fc9b4",
    7: "#ecdca6",
    8: "#d0b473",
    9: "#d98880",
    10: "#cf9a8c",
    11: "#b9c4d8",
    12: "#f6ecc0",
}
# CIE Lab of the middle and the ends of what has a sign.
_WHITE, _BLUE, _RED = (np.array(lab) for lab in ((97.0, 0, 0), (32.0, 4, -46), (32.0, 52, 30)))
_XYZ_OF_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_GOLDEN = 0.618034  # of a turn: hues of consecutive tags lie far apart


def colormap() -> Any:
    """Return the colours of |E| as a colormap of matplotlib.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.

    Examples
    --------
    >>> strong = colormap()(1.0)
    >>> bool(sum(strong[:3]) < 1 < sum(colormap()(0.0)[:3]))
    True
    """
    colours, _ = matplotlib_parts()
    from matplotlib import colormaps  # an optional package, which only pictures need

    return colours.ListedColormap(colormaps["magma"](np.linspace(*_MAGMA, 256)), "field")


def diverging() -> Any:
    """Return the colours of what has a sign, as a colormap of matplotlib: blue below 0, white, red above.

    Straight lines in CIE Lab, so that equal steps look equal, and of the same lightness on both sides; red
    and blue can be told apart with any kind of colour vision.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.

    Examples
    --------
    >>> low, middle, high = (diverging()(x) for x in (0.0, 0.5, 1.0))
    >>> bool(low[2] > low[0] and high[0] > high[2] and min(middle[:3]) > 0.9)
    True
    """
    colours, _ = matplotlib_parts()
    way = np.linspace(-1.0, 1.0, 257)[:, None]
    lab = _WHITE + np.abs(way) * (np.where(way < 0, _BLUE, _RED) - _WHITE)
    return colours.ListedColormap(_rgb_of(lab), "signed")


def _rgb_of(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sRGB (n, 3), 0 to 1, of CIE Lab under D65 (IEC 61966-2-1)."""
    y = (lab[:, 0] + 16) / 116
    root = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], axis=1)
    xyz = np.where(root > 6 / 29, root**3, 3 * (6 / 29) ** 2 * (root - 4 / 29)) * [0.95047, 1.0, 1.08883]
    linear = np.clip(xyz @ np.linalg.inv(_XYZ_OF_RGB).T, 0, 1)
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


def tissue_colour(tag: int) -> str:
    """Return the colour of a tissue in slices, as #rrggbb; tags without a name get one of their own.

    Examples
    --------
    >>> tissue_colour(3), tissue_colour(40) != tissue_colour(41)
    ('#b7d7ec', True)
    """
    if tag in _TISSUES:
        return _TISSUES[tag]
    rgb = hls_to_rgb(tag * _GOLDEN % 1.0, 0.8, 0.35)
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def matplotlib_parts() -> tuple[Any, Any]:
    """Return matplotlib's module of colours, and its Figure.

    Figure draws without a screen and without pyplot's global state.

    Raises
    ------
    MissingPackageError
        matplotlib is missing.
    """
    try:
        from matplotlib import colors  # an optional package, which only pictures need
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("pictures need matplotlib: pip install 'headfield[plot]'") from error
    return colors, Figure
