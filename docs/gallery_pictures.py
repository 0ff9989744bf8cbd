# SPDX-License-Identifier: BSD-3-Clause
"""Take the pictures of the gallery: pyplot, where sphinx-gallery looks, does not know those of headfield."""

from __future__ import annotations

from typing import Any


def scraper(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Save the figure that an example calls `picture`, once; return what shows it on its page."""
    from matplotlib.pyplot import close
    from sphinx_gallery.scrapers import figure_rst  # in the environment of `make docs` alone

    picture = block_vars["example_globals"].get("picture")
    close("all")
    if picture is None or getattr(picture, "was_shown", False):
        return ""
    picture.was_shown = True
    path = next(block_vars["image_path_iterator"])
    picture.savefig(path, dpi=120, facecolor="white")
    return figure_rst([path], gallery_conf["src_dir"])
