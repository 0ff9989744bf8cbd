# SPDX-License-Identifier: BSD-3-Clause
"""Pages of docs/: examples run, links lead somewhere, and no public name lacks a place in the reference."""

import ast
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import headfield as hf

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MODULES = ("analytic", "dose", "jobs", "metrics", "optimize", "regions", "statistics")
WRITTEN = sorted(
    path for glob in ("*.md", "docs/**/*.md", "benchmarks/*.md", "tests/*/*.md") for path in ROOT.glob(glob)
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^(```|:::).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
# docs/derivatives.md and the tutorials have tests of their own.
TRIED = [p for p in WRITTEN if p.parent.name == "howto" or p == DOCS / "index.md"]
TRIED = [p for p in TRIED if ">>>" in p.read_text(encoding="utf-8")]


def named(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", TRIED, ids=named)
def test_the_examples_of_a_page_run(page):
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert failed == 0
    assert tried > 2


def in_the_reference():
    """The names that pages of docs/api list, by page."""
    found = {}
    for page in (DOCS / "api").glob("*.rst"):
        blocks = re.findall(r"\.\. autosummary::\n((?:   .*\n|\n)*)", page.read_text(encoding="utf-8"))
        found[page.stem] = [
            n for block in blocks for n in re.findall(r"^   (\w[\w.]*)$", block, re.MULTILINE)
        ]
    return found


def test_every_public_name_has_one_place_in_the_reference():
    modules = [n for n in MODULES if hasattr(hf, n)]
    public = {n for n in hf.__all__ if n not in modules}
    public |= {f"{m}.{n}" for m in modules for n in getattr(hf, m).__all__}
    # The same object by a shorter name is one place: hf.Normal is hf.statistics.Normal.
    public -= {f"{m}.{n}" for m in modules for n in getattr(hf, m).__all__ if n in public and _same(m, n)}
    listed = [name for names in in_the_reference().values() for name in names]
    assert sorted(public - set(listed)) == []
    assert sorted(set(listed) - public) == []
    assert sorted(n for n in listed if listed.count(n) > 1) == []


def _same(module, name):
    return getattr(getattr(hf, module), name) is getattr(hf, name)


def test_every_page_of_the_reference_is_in_its_table():
    table = (DOCS / "api" / "index.rst").read_text(encoding="utf-8")
    assert {f"   {page}" for page in in_the_reference() if page != "index"} <= set(table.splitlines())


def anchors(path):
    """Of headings, as sites make them of Markdown."""
    lines = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", lines, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", WRITTEN, ids=named)
def test_links_lead_to_what_there_is(page):
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    wrong = []
    for link in LINK.findall(text):
        name, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            wrong += [] if re.fullmatch(r"https?://[\w.-]+\.[a-z]+(/[^\s<>]*)?", link) else [link]
            continue
        target = page.parent / name if name else page
        made = target.parent.name == "gallery" or target.with_suffix(".md").exists()  # by Sphinx; without .md
        known = target.suffix == ".md" and target.exists()
        if not (target.exists() or made) or (anchor and known and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


def test_settings_of_the_site_fetch_nothing():
    settings = (DOCS / "conf.py").read_text(encoding="utf-8")
    assert "intersphinx" not in settings
    strings = [n.value for n in ast.walk(ast.parse(settings)) if isinstance(n, ast.Constant)]
    assert [s for s in strings if isinstance(s, str) and "://" in s] == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.html", '<a href="https://x.org/">x</a> <img src="_images/x.png">', None),
        ("a.html", '<script async src="https://x.org/x.js"></script>', "a.html fetches https://x.org/x.js"),
        ("a.html", '<link rel="stylesheet" href="//x.org/x.css">', "a.html fetches //x.org/x.css"),
        ("a.css", '@font-face { src: url("https://x.org/x.woff") }', "a.css fetches https://x.org/x.woff"),
        ("a.txt", "nothing", "there is no page"),
    ],
)
def test_what_a_page_fetches_is_found(tmp_path, name, text, said):
    if name == "a.css":
        (tmp_path / "index.html").write_text("<p>x</p>")
    (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "check_site.py", tmp_path], capture_output=True, text=True
    )
    assert done.returncode == (0 if said is None else 1)
    assert (said or "") in done.stdout
