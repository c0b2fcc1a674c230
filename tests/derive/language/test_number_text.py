"""One reader for every number: what it takes, and what it refuses before it costs anything."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.language.coefficients import exact
from derive.language.number_text import read_number


@given(st.fractions())
def test_a_fraction_is_read_as_it_is_written(value):
    assert read_number(str(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_is_exact(value):
    assert read_number(repr(value)) == Fraction(repr(value))


@pytest.mark.parametrize(
    "text",
    [
        *("", "1/0", "0/0", "nan", "inf", "1_000", "1e", "e5", ".", "1.5/2", "1/2/3", "--1"),
        *("1e-999999999", "1e5000", "1" * 100_000, "1/" + "3" * 100_000, "0." + "1" * 100_000),
        *("٣", "１", "1\u202e2", "\u202e1", "1\x00", "²", "1e٣", "0x10", "1 2"),
    ],
)
def test_what_is_no_number_of_ordinary_size_is_refused_in_one_sentence(text):
    with pytest.raises(ValueError, match=r"not a rational number|too long") as error:
        exact(text)
    assert len(str(error.value)) < 200
