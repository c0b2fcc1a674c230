"""What is typed is read as Typer reads it, whether Typer is asked or not."""

from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer._adapters import build_adapter
from typer.models import OptionInfo, ParameterInfo

from verify.cli import main
from verify.commands.values import UNREAD, read


class Shade(StrEnum):
    """Two choices."""

    DARK = "dark"
    PALE = "pale"


KINDS: dict[str, tuple[Any, ParameterInfo]] = {
    "text": (str, OptionInfo()),
    "texts": (list[str], OptionInfo()),
    "whole": (int, OptionInfo()),
    "in a range": (int, OptionInfo(min=-3, max=40)),
    "clamped": (int, OptionInfo(min=-3, max=40, clamp=True)),
    "wholes": (list[int], OptionInfo()),
    "real": (float, OptionInfo()),
    "flag": (bool, OptionInfo()),
    "choice": (Shade, OptionInfo()),
    "choice in any case": (Shade, OptionInfo(case_sensitive=False)),
    "parsed": (int, OptionInfo(parser=lambda text: len(str(text)))),
}
TYPED = st.one_of(
    st.text(max_size=4),
    st.from_regex("[-+]?[0-9_]{1,21}([.]0)?", fullmatch=True),
    st.sampled_from([*Shade, "dark", "Pale", "DARK"]),
    st.integers(),
    st.booleans(),
    st.floats(allow_nan=False),
)


@pytest.mark.parametrize(("annotation", "info"), KINDS.values(), ids=KINDS)
@given(value=st.one_of(TYPED, st.lists(TYPED, max_size=3).map(tuple)))
def test_what_is_read_directly_is_what_typer_reads(
    annotation: Any, info: ParameterInfo, value: object
):
    found = read(value, annotation, info)
    if found is not UNREAD:
        expected = build_adapter(annotation, info).validate_python(value)
        assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("--order 2.5", "--order 2.5 is not a whole number."),
        ("--order two", "--order two is not a whole number."),
        ("--format latex --columns 3", "--columns 3 is not a whole number in 1 ... 2."),
        ("--format sung", "--format sung is none of text, latex, json, sympy."),
        ("--k 1001", "--k 1001 is above 1000"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_option(typed: str, says: str, capsys: Any):
    with pytest.raises(SystemExit) as ended:
        main(["derive", "heavy-ball", *typed.split()])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
