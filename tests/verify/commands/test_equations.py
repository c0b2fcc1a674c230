"""`undertow check` of a second-order equation: which orders agree, and which term is off."""

import json

import pytest
import sympy
from flint import fmpq

from derive.engine.second_order import VELOCITY, second_order_equation, written
from derive.optimizers import NONLINEAR
from verify.cli import main
from verify.formulas.reading_motion import read_motion
from verify.workbench.beside_motion import compare_motion, names_of

RULES = ["heavy-ball-inertial", "nesterov-sc", "nesterov-c", "triple-momentum", "conformal-euler"]
RULES += ["heavy-ball-c"]
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


NAMED = {written(vector): text for vector, text in SHOWN.items()}


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


def derived(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["derive", *arguments])
    return stop.value.code or 0, capsys.readouterr()


def in_words(rows, factor="1"):
    """Rows of coefficients by vector as a sum in text, the last power multiplied."""
    parts = [
        f"({c})*{factor if n == len(rows) - 1 else 1}*h**{n}*({NAMED[v]})"
        for n, row in enumerate(rows)
        for v, c in row.items()
    ]
    return " + ".join(parts) or "0"


@pytest.mark.parametrize("name", RULES)
def test_the_derived_equation_and_its_starts_are_those_that_the_check_finds(capsys, name):
    asked = ("--quantity", "second-order-equation", "--clock", "3/2", "--format", "json")
    code, said = derived(capsys, name, *asked)
    found = json.loads(said.out)
    assert code == 0
    assert found["order"] == len(found["terms"]) == 3
    timed = name.endswith("-c")
    assert found["singular_at_0"] == timed == bool(found["no_start"])
    for factor, equal in (("1", 0), ("101/100", 1)):
        text = f"X'' = {in_words(found['terms'], factor)}"
        assert ask(capsys, text, "--against", name, "--clock", "3/2")[0] == equal
    for rows in found["starts"].values():
        for factor, equal in (("1", 0), ("101/100", 1)):
            text = f"X'' = {in_words(found['terms'])}"
            start = ("--start", in_words(rows, factor))
            assert ask(capsys, text, "--against", name, *start)[0] == equal


def test_the_derived_equation_is_typed_as_people_write_it(capsys):
    asked = ("nesterov-c", "--quantity", "second-order-equation", "--clock", "3/2")
    code, said = derived(capsys, *asked)
    assert code == 0
    assert "x_k met at the time (k + 3/2)h" in said.out
    assert "singular at t = 0" in said.out
    assert r"-\nabla E" in derived(capsys, *asked, "--format", "latex")[1].out
    code, said = derived(capsys, "heavy-ball-inertial", *asked[1:3], "--order", "2")
    assert "at the start, from the memory as declared" in said.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("heavy-ball", "--quantity", "second-order-equation"), "has to be slow"),
        (("heavy-ball-inertial", "--clock", "1"), "--clock has no effect"),
        (("nesterov-c", "--quantity", "second-order-equation", "--order", "0"), "least is 1"),
        (
            ("scheduled-momentum", "--loss", "x^2", "--set", "eta=1", "--set", "beta=k/(k + 3)"),
            "tied to the step",
        ),
        (("nesterov-c", "--quantity", "second-order-equation", "--k", "1"), "--k has no effect"),
        (("nesterov-sc", "--quantity", "second-order-equation", "--format", "sympy"), "latex or"),
    ],
)
def test_what_has_no_second_order_equation_is_said(capsys, arguments, said):
    code, out = derived(capsys, *arguments)
    assert code == 2
    assert said in out.err
    assert out.err.count("\n") == 1
