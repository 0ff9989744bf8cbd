# SPDX-License-Identifier: BSD-3-Clause
"""Colours of figures and pages."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import MissingPackageError

__all__ = ["INK", "TISSUE", "colormap", "matplotlib_parts"]

#: Lines and text.
INK = "#20242c"
#: Slices where |E| is not shown.
TISSUE = "#ececec"
# From bone white, for no field, through red to dark violet: the perceptually uniform magma of matplotlib,
# from its light end as far as colours can still be told from black. It darkens all the way, so that it can
# be printed in gray.
_MAGMA = (1.0, 0.1)


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
