"""`undertow check` of a second-order equation: which orders agree, and which term is off."""

import json

import pytest
import sympy
from flint import fmpq

from derive.engine.second_order import VELOCITY, second_order_equation
from derive.optimizers import NONLINEAR
from verify.cli import main
from verify.formulas.motions import read_motion
from verify.workbench.motions import compare_motion, names_of

RULES = ["heavy-ball-inertial", "nesterov-sc", "nesterov-c", "triple-momentum", "conformal-euler"]
SHOWN = {
    VELOCITY: "X'",
    (): "grad f(X)",
    (VELOCITY,): "hess f(X) X'",
    ((),): "hess f(X) grad f(X)",
    (VELOCITY, VELOCITY): "nabla^3 f(X)[X', X']",
}
TEX = {
    VELOCITY: r"\dot X",
    (): r"\nabla f(X)",
    (VELOCITY,): r"\nabla^2f(X)\dot X",
    ((),): r"\nabla^{2}f(X)\,\nabla f(X)",
    (VELOCITY, VELOCITY): r"\nabla^3f(X)[\dot X,\dot X]",
}


def ask(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["check", *arguments])
    return stop.value.code or 0, capsys.readouterr()


def equation(rule, order, factors=None):
    """The derived equation as text, some coefficients multiplied."""
    found = second_order_equation(rule, order=order, clock=fmpq(3, 2))
    terms = (
        f"({found.coefficient(v) * (factors or {}).get(v, 1)})*{SHOWN[v]}" for v in found.vectors
    )
    return f"X'' = {' + '.join(terms)}"


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_derived_equation_reads_back_and_agrees(name, order):
    rule = NONLINEAR[name]
    given = read_motion(equation(rule, order), names=names_of(rule), aliases={})
    assert str(compare_motion(rule, given).outcome) == "equal"


@pytest.mark.parametrize("name", RULES)
def test_a_coefficient_that_is_a_little_off_is_named(name):
    rule = NONLINEAR[name]
    for vector in second_order_equation(rule, order=3).vectors:
        text = equation(rule, 3, {vector: sympy.Rational(1001, 1000)})
        given = read_motion(text, names=names_of(rule), aliases={})
        found = compare_motion(rule, given, clock=fmpq(3, 2))
        assert str(found.outcome) == "different"
        assert {d.vector for d in found.equation.differences} == {vector}


@pytest.mark.parametrize("name", RULES)
def test_latex_reads_as_text_does(name):
    rule, found = NONLINEAR[name], second_order_equation(NONLINEAR[name], order=3)
    texts = [
        head + "".join(f"+({write(found.coefficient(v))}){star}{shown[v]}" for v in found.vectors)
        for head, write, star, shown in (
            ("X''=0", str, "*", SHOWN),
            (r"\ddot X=0", sympy.latex, r"\,", TEX),
        )
    ]
    texts = [text.replace("=0+", "=") for text in texts]
    plain = read_motion(texts[0], names=names_of(rule), aliases={})
    tex = read_motion(texts[1], names=names_of(rule), aliases={}, latex=True)
    assert all(sympy.simplify(plain[v] - tex[v]) == 0 for v in (*plain, *tex))


BALL = "X'' + 2*sqrt(mu)*X' + (1+sqrt(mu*s))*grad f(X) = 0"


def test_the_printed_equation_of_heavy_ball_is_right_and_its_start_is_not(capsys):
    assert ask(capsys, BALL, "--against", "heavy-ball-inertial")[0] == 0
    start = "-2*sqrt(s)*grad f/(1+sqrt(mu*s))"
    printed = (BALL, "--against", "heavy-ball-inertial", "--start", start, "--format", "json")
    code, said = ask(capsys, *printed)
    found = json.loads(said.out)
    assert code == 1
    assert found["equation"]["outcome"] == "equal"
    rights = [side["right"][1]["g"] for side in found["starts"]]
    assert rights == ["-1/2", "-3/2"]


@pytest.mark.parametrize("start", ["-sqrt(s)*grad f/2", "-3*sqrt(s)/2*grad f(X)"])
def test_either_usual_start_is_taken(capsys, start):
    assert ask(capsys, BALL, "--against", "heavy-ball-inertial", "--start", start)[0] == 0


def test_the_clock_is_found_or_given(capsys):
    text = r"\ddot X+\frac3t\dot X+\sqrt s\nabla^2f(X)\dot X+(1+\frac{3\sqrt s}{2t})\nabla f(X)=0"
    code, said = ask(capsys, "--latex", text, "--against", "nesterov-c")
    assert code == 0
    assert "(k + 3/2)h" in said.out
    assert "at the time kh it agrees below h¹ only" in said.out
    assert ask(capsys, "--latex", text, "--against", "nesterov-c", "--clock", "0")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("X'' + 2 = 0", "--against", "nesterov-c"), "a term without a vector"),
        (("X'' + X'*X' = 0", "--against", "nesterov-c"), "a product of two vectors"),
        (("X'' + grad f(Y) = 0", "--against", "nesterov-c"), "taken at X"),
        (("X'' + grad f", "--against", "nesterov-c"), "has one ="),
        (("X'' + grad f = 0", "--against", "adam"), "no second-order equation"),
        (("X'' + grad f = 0", "--against", "nesterov-d"), "Did you mean"),
        (("X'' + grad f/s = 0", "--against", "nesterov-sc"), "grows without bound"),
        (("X'' + X'*sqrt(h) + grad f = 0", "--against", "nesterov-c"), "no series in whole powers"),
        (("X'' + h*X'*log(h) = 0", "--against", "nesterov-c"), "no series in whole powers"),
        (("X'' + grad f = 0", "--against", "nesterov-c", "--start", "0*grad f"), "has more: t"),
        (("X'' + grad f = 0", "--against", "nesterov-c", "--find"), "no effect"),
        (("h/4", "--against", "heavy-ball:modified-loss:order-1", "--clock", "1"), "no effect"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_sentence(capsys, arguments, message):
    code, said = ask(capsys, *arguments)
    assert code == 2
    assert message in said.err
    assert "Traceback" not in said.err
