"""A derivation line by line: the first line that does not follow, and the slip in it."""

import pytest
import sympy

from derive.language.bad_input import BadInput
from verify.formulas.aligning import read_derivation
from verify.formulas.deciding import Outcome

RIGHT = r"""
Some words.
\begin{align}
  c &= \frac{h}{4}\cdot\frac{1-\beta^2}{(1-\beta)^3} \label{eq:one} \\
    &= \frac{h(1-\beta)(1+\beta)}{4(1-\beta)^3} \nonumber \\
    &= \frac{h(1+\beta)}{4(1-\beta)^2}.
\end{align}
"""


def outcomes(rows: str, environment: str = "align*"):
    text = rf"\begin{{{environment}}} {rows} \end{{{environment}}}"
    return [step.outcome for step in read_derivation(text).judged()]


def follows(rows: str) -> bool:
    found = outcomes(rows)
    assert found
    assert Outcome.UNDECIDED not in found
    return set(found) == {Outcome.EQUAL}


def test_a_right_derivation_has_no_break():
    steps = read_derivation(RIGHT).judged()
    assert [step.outcome for step in steps] == [Outcome.EQUAL, Outcome.EQUAL]


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
    found = read_derivation(RIGHT.replace(right, wrong)).judged()[-1]
    assert found.outcome is Outcome.DIFFERENT
    assert found.line.number in (5, 6)
    assert slip in found.slip
    assert "the line before" in found.counterexample


@pytest.mark.parametrize(
    "rows",
    [
        r"(1-h)^2 &= 1 - 2h + h^2 \\ &= 1 + h(h-2)",
        r"\left(1-\beta\right)^2 = 1 - 2\beta + \beta^2",
        r"c &= \sum_{k=0}^{\infty} \beta^k \\ &= \frac{1}{1-\beta}",
        r"c &= \sum_{j\ge0} \beta^{2j} \\ &= \frac{1}{1-\beta^2}",
        r"c &= \sum_{k=0}^{n} k &= \frac{n(n+1)}{2}",
        r"c &= \frac{1}{1-h} \\ &= 1 + h + \mathcal{O}\left(h^2\right)",
        r"c &= \frac{1}{1-\eta} \\ &= 1 + \eta + O(\eta^2)",
        r"\frac{1}{1-\Delta t} &= 1 + \Delta t + O((\Delta t)^2)",
        r"\sqrt{1+h} + O(h^2) &= 1 + \frac{h}{2} + O(h^2)",
        r"\sqrt{1+h} &= 1 + \tfrac h2 - \tfrac{h^2}{8} + O(h^3)",
        r"e^{-h} &= 1 - h + o(h)",
        r"\frac{1}{h}\log(1+h) &= 1 - \frac h2 + O(h^2)",
        r"\frac{1}{1-h} &= 1 + h + h^2 + O(h^3) \\ &= 1 + h + O(h^2)",
        r"a &= 1 + h \\ b &= \frac{1+\beta}{4} \\ &= \frac{\beta}{4} + \frac14",
        r"c &= 1 \\ &\quad + h \\ &= h + 1",
        r"\dot x &= -\nabla\Bigl(E + \frac h4\|\nabla E\|^2\Bigr) \\"
        r" &= -\nabla E - \frac h2 \nabla^2 E\,\nabla E",
        r"\lambda_1 + \lambda_{2} &= \lambda_2 + \lambda_1",
    ],
)
def test_lines_that_follow(rows):
    assert follows(rows)


@pytest.mark.parametrize(
    "rows",
    [
        r"(1-h)^2 &= 1 - 2h \\ &= 1 - h - h",
        r"\left(1-\beta\right)^2 = 1 - 2\beta - \beta^2",
        r"c &= \sum_{k=0}^{\infty} \beta^k \\ &= \frac{1}{1+\beta}",
        r"c &= \sum_{k=0}^{n} k &= \frac{n(n-1)}{2}",
        r"\frac{1}{1-h} &= 1 + h + h^2 + O(h^3) \\ &= 1 + h + 2h^2 + O(h^3)",
        r"\sqrt{1+h} &= 1 + \frac{h}{2} + O(h^3)",
        r"e^{-h} &= 1 + h + O(h^2)",
        r"\frac{1}{(1-\beta)^2} &= \frac{1}{(1-\beta)^2} + h + O(h) \\ &= 0",
        r"\sqrt{x^2} &= x",
        r"|x-2| &= 2-x",
        r"a &= 1 + h \\ a &= 1 + 2h",
        r"\dot x &= -\nabla(E + \frac h4\|\nabla E\|^2) \\"
        r" &= -\nabla E - \frac h4 \nabla^2 E\nabla E",
        r"\dot x &= -\nabla E - \frac h2 \nabla^2 E\nabla E + O(h^2) \\ &= -\nabla E + O(h^2)",
    ],
)
def test_lines_that_do_not_follow(rows):
    assert not follows(rows)


def test_every_environment_is_read():
    wrong = r"\begin{gather} \frac{1+\beta}{4} = \frac{1+\beta}{2} \end{gather}"
    steps = read_derivation(RIGHT + "\nThen\n" + wrong).judged()
    assert steps[-1].outcome is Outcome.DIFFERENT
    assert steps[-1].line.number == 10


def test_rows_with_another_left_side_are_not_compared():
    text = r"\begin{align} \kappa &= \frac{L}{\mu} \\ \rho &= 1-\frac{1}{\sqrt{\kappa}} \end{align}"
    assert read_derivation(text).judged() == []


@pytest.mark.parametrize("sign", [r"\approx", r"\le", r"\geq", r"\sim", "<", r"\propto"])
def test_what_is_no_equation_is_noted_and_not_compared(sign):
    text = rf"\begin{{align}} c &= \frac{{1}}{{1-h}} \\ &{sign} 1 + h \end{{align}}"
    derivation = read_derivation(text)
    assert derivation.judged() == []
    assert [sign in note for note in derivation.notes] == [True]


def test_what_is_assumed_takes_the_place_of_the_usual_range():
    text = r"\[ |1-\beta| = \beta - 1 \]"
    assert read_derivation(text).judged()[0].outcome is Outcome.DIFFERENT
    above = sympy.Gt(sympy.Symbol("beta"), 2)
    assert read_derivation(text).judged([above])[0].outcome is Outcome.EQUAL


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no mathematics", "no align environment"),
        ("\\begin{align}\n a &= b \\\\\n &= \\frac{1}{\n\\end{align}", "line 3"),
        ("\\begin{align}\n a &= b \\\\\n &= \\unknown{h}\n\\end{align}", "line 3"),
        ("\\begin{align}\n h^2 &= b + O(h^2 \\beta)\n\\end{align}", "line 2"),
        ("\\begin{align}\n a &= b \\\\\n &= \n\\end{align}", "line 3: nothing follows"),
    ],
)
def test_a_derivation_that_cannot_be_read_is_refused(text, said):
    with pytest.raises(BadInput, match=said):
        read_derivation(text)
