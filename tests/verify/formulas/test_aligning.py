"""A derivation line by line: the first line that does not follow, and the slip in it."""

import pytest

from derive.language.update_rule import BadInput
from verify.formulas.aligning import first_break, read_align

RIGHT = r"""
Some words.
\begin{align}
  c &= \frac{h}{4}\cdot\frac{1-\beta^2}{(1-\beta)^3} \label{eq:one} \\
    &= \frac{h(1-\beta)(1+\beta)}{4(1-\beta)^3} \nonumber \\
    &= \frac{h(1+\beta)}{4(1-\beta)^2}.
\end{align}
"""


def test_a_right_derivation_has_no_break():
    assert first_break(read_align(RIGHT)) is None


@pytest.mark.parametrize(
    ("right", "wrong", "slip"),
    [
        (r"(1-\beta)(1+\beta)}{4", r"(1-\beta)(1-\beta)}{4", ""),
        (r"{4(1-\beta)^2}", r"{4(1-\beta)^3}", "exponent"),
        (r"\frac{h(1+\beta)}{4", r"\frac{h(1+\beta)}{2", "factor 2"),
        (r"&= \frac{h(1+\beta)}{4", r"&= -\frac{h(1+\beta)}{4", "the sign"),
    ],
)
def test_the_first_wrong_line_is_named_with_its_slip(right, wrong, slip):
    found = first_break(read_align(RIGHT.replace(right, wrong)))
    assert found is not None
    assert found.line.number in (5, 6)
    assert slip in found.slip
    assert "the line before" in found.counterexample


@pytest.mark.parametrize(
    ("lines", "breaks"),
    [
        (r"\frac{1}{1-h} &= 1 + h + h^2 + O(h^3) \\ &= 1 + h + O(h^2)", None),
        (r"\frac{1}{1-h} &= 1 + h + h^2 + O(h^3) \\ &= 1 + h + 2h^2 + O(h^3)", r"1 + h + 2h^2"),
        (r"\frac{1}{(1-\beta)^2} &= \frac{1}{(1-\beta)^2} + h + O(h) \\ &= 0", "0"),
    ],
)
def test_big_o_terms_are_compared_to_their_order(lines, breaks):
    found = first_break(read_align(rf"\begin{{align*}} {lines} \end{{align*}}"))
    assert (found.line.text.startswith(breaks) if found and breaks else found is None) is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no mathematics", "no align environment"),
        (r"\begin{align} a &= b \end{align}", "fewer than two"),
        ("\\begin{align}\n a &= b \\\\\n &= \\frac{1}{\n\\end{align}", "line 3"),
    ],
)
def test_a_derivation_that_cannot_be_read_is_refused(text, said):
    with pytest.raises(BadInput, match=said):
        read_align(text)
