# SPDX-License-Identifier: BSD-3-Clause
"""Numbers with units as people write them."""

import pytest

from headfield.core.quantities import conductivity, rates
from headfield.errors import ArgumentError


@pytest.mark.parametrize(
    "text",
    [
        "50e6",
        "50A/us",
        "50A/µs",
        "50 A/\u03bcs",
        "0.05kA/us",
        "50MA/s",
        "5e4 A/ms",
        ".05GA/s",
        "50000000.",
        "+5e7",
    ],
)
def test_one_rate_in_many_ways(text):
    assert rates(text) == [(5e7, False)]


def test_shares_and_several():
    assert rates("60%MSO") == rates("60 %") == rates(" 60 % MSO ") == [(0.6, True)]
    assert rates("-70e6,12.5%MSO,1A/us") == [(-7e7, False), (0.125, True), (1e6, False)]


@pytest.mark.parametrize(
    "text",
    ["", "A/us", "50A", "50 V/m", "50mA/s", "50a/us", "nan", "inf", "1_0", "5,", "50A/us A", "٥", "5%SO"],
)
def test_what_is_no_rate_is_named(text):
    with pytest.raises(ArgumentError, match="neither a number of A/s, such as 50e6, 50A/us or 60%MSO"):
        rates(text)


def test_conductivities():
    assert [conductivity(t) for t in ("0.126", "0.126S/m", "126mS/m", "126 000 µS/m".replace(" ", ""))] == [
        0.126
    ] * 4
    assert conductivity("1.26mS/cm") == pytest.approx(0.126, rel=1e-15)
    for text in ("126m", "0.1S", "x", ""):
        with pytest.raises(ArgumentError, match="is not a number of S/m"):
            conductivity(text)
