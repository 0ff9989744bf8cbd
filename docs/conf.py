# SPDX-License-Identifier: BSD-3-Clause
"""How Sphinx makes the site of these pages: `make docs` all, `make docs-quick` without running examples.

Nothing is fetched while it is built or read: fonts, scripts and styles are the theme's, pictures lie here.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from docutils import nodes

import headfield

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))  # for gallery_pictures.py
# HEADFIELD_DOCS=quick neither runs the gallery nor the notebooks.
QUICK = os.environ.get("HEADFIELD_DOCS") == "quick"

# Files outside of docs/ that are pages of the site as well, in place of the text of these pages.
PAGE_OF = {
    "benchmarks/README.md": "developers/benchmarks",
    "benchmarks/RESULTS.md": "developers/results",
    "tests/abuse/RESULTS.md": "developers/abuse",
    "packaging/README.md": "developers/packaging",
    "CHANGELOG.md": "developers/changelog",
    "CONTRIBUTING.md": "developers/contributing",
}
FILE_OF = {page: file for file, page in PAGE_OF.items()}

project = "headfield"
author = copyright = "the headfield authors"
version = release = headfield.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["api/generated/*.md", "gallery/*.ipynb", "gallery/*.py", "gallery/*.md5"]
nitpicky = True
smartquotes = False

html_theme = "furo"
html_title = f"headfield {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

# Pages are written for this site and for who reads them in the repository, so headings are what links name.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]
nb_execution_mode = "off" if QUICK else "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True

# Types are in the docstrings, with shapes and units that annotations lack; they are prose, not names.
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
# `name` in a docstring links to what has this name, and is set as code where nothing has.
default_role = "py:obj"

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples" / "gallery"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("gallery_pictures.scraper",),
    "plot_gallery": not QUICK,
    "abort_on_example_error": True,
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
    "reference_url": {},
}


# Links and pictures of Markdown to files, not to the web or to a heading of the same page.
_LINK = re.compile(r"\]\((?![a-z]+:|#|/)([^)\s]+)\)")
# "|E|" is a magnitude, "m2m_" a name: no substitution, no reference of reStructuredText. Code and literals
# are left as they are.
_PLAIN = re.compile(r"``.+?``|`[^`]+`|\\?\||(?<=\w)_(?!\w)")


def setup(app):
    app.connect("autodoc-process-docstring", escape_marks, priority=100)
    app.connect("missing-reference", as_code)
    app.connect("source-read", take_file)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def escape_marks(app, what, name, obj, options, lines):
    example = False
    for at, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if not example:
            lines[at] = _PLAIN.sub(lambda found: f"\\{found[0]}" if found[0] in "|_" else found[0], line)


def take_file(app, docname, source):
    """Fill a page that a file outside of docs/ is, and lead links to such files to their pages."""
    path = HERE / f"{docname}.md"
    if docname in FILE_OF:
        path = ROOT / FILE_OF[docname]
        app.env.note_dependency(str(path))
        source[0] = path.read_text(encoding="utf-8")
    source[0] = _LINK.sub(lambda found: _led(found, path.parent, (HERE / docname).parent), source[0])


def _led(found, folder, here):
    """A link of a file in `folder`, as it is on a page in `here`."""
    name, hash_, anchor = found[1].partition("#")
    target = Path(os.path.normpath(folder / name))
    file = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else ""
    to = os.path.relpath(target, here)
    if file in PAGE_OF:
        to = f"/{PAGE_OF[file]}.md"
    elif re.fullmatch(r"examples/gallery/plot_\w+\.py", file):
        to = f"/gallery/{target.stem}"
    return f"]({to}{hash_}{anchor})"


def as_code(app, env, node, contnode):
    """`docs/numerics.md` in a docstring links to the page; what else no public name has is code."""
    if node.get("reftype") != "obj":
        return None
    page = node["reftarget"].removeprefix("docs/").removesuffix(".md")
    if page in env.found_docs:
        uri = app.builder.get_relative_uri(node["refdoc"], page)
        return nodes.reference("", "", contnode, refuri=uri, internal=True)
    return contnode
