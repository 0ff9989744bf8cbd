# SPDX-License-Identifier: BSD-3-Clause
"""Docstrings that share texts: what users read has no name of a text left in it."""

import inspect

import pytest

import headfield as hf
from headfield.core.docs import fill_doc

MODULES = [hf, hf.metrics, hf.regions, hf.analytic]
NAMES = [(module, name) for module in MODULES for name in module.__all__]


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[f"{m.__name__}.{n}" for m, n in NAMES])
def test_no_name_of_a_text_is_left(module, name):
    thing = getattr(module, name)
    docs = [inspect.getdoc(thing)]
    if inspect.isclass(thing):
        docs += [inspect.getdoc(part) for part in vars(thing).values()]
    assert not [doc for doc in docs if doc and "%(" in doc]


def test_texts_are_indented_as_their_place():
    assert inspect.getdoc(hf.metrics.mean).splitlines()[4] == "magnitude : array_like (m,) or (k, m)"
    assert inspect.getdoc(hf.metrics.roi_mean).splitlines()[4:6] == [
        "magnitude : array_like (m,) or (k, m)",
        "    |E|, V/m.",
    ]


def test_an_unknown_name_is_an_error():
    def unknown():
        """Do nothing.

        %(no_such_text)s
        """

    with pytest.raises(KeyError, match="no_such_text"):
        fill_doc(unknown)


def test_no_docstring_is_no_error():
    def silent():
        pass

    assert fill_doc(silent) is silent
    assert silent.__doc__ is None
