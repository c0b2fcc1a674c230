"""Rules beyond linear memory at the command line: derived, written on a loss, verified, run."""

import json

import pytest
import sympy
from flint import fmpq

from derive.optimizers import NONLINEAR
from tests.verify.commands.test_cli import undertow
from verify.formulas.reading import loss_from_text
from verify.running.general_flows import NamedFields
from verify.workbench.beside_general import run_beside_any

X, Y, U_X, U_Y, H, K = sympy.symbols("x y u_x u_y h k")


def on_loss(capsys, *arguments):
    code, out, _ = undertow(capsys, "derive", *arguments, "--format", "json")
    assert code == 0
    return json.loads(out)


def test_a_field_on_a_loss_has_an_expression_for_each_coordinate(capsys):
    found = on_loss(capsys, "heavy-ball-inertial", "--order", "2", "--loss", "x**2/2 + x*y")
    assert found["coordinates"] == ["x", "y"]
    assert found["slow"] == ["x", "u"]
    assert found["parameters"] == ["k"]
    assert found["names"]["u"] == ["u_x", "u_y"]
    force = [X + Y, X]
    turned = [U_X + U_Y, U_X]
    for j, u in enumerate((U_X, U_Y)):
        speed = sympy.sympify(found["field"]["x"][j], locals={"k": K})
        assert sympy.expand(speed - (u - H * (K * u + force[j] / 2))) == 0
        speed = sympy.sympify(found["field"]["u"][j], locals={"k": K})
        expected = -2 * K * u - force[j] + H * (turned[j] / 2 - K * force[j])
        assert sympy.expand(speed - expected) == 0


def test_a_map_is_written_as_one_and_told_nothing_of(capsys):
    code, out, _ = undertow(capsys, "derive", "lion-k", "--order", "2")
    assert code == 0
    assert "−κ(g)\n" in out
    assert "(β2−1−2β1)/(2(1−β2)) Dκ(g)[H κ(g)]" in out


def test_a_linear_rule_is_written_on_a_loss_likewise(capsys):
    found = on_loss(capsys, "heavy-ball", "--order", "2", "--loss", "x**2/2", "--set", "beta=1/2")
    assert (found["slow"], found["parameters"]) == (["x"], [])
    speed = sympy.sympify(found["field"]["x"][0])
    assert sympy.expand(speed - (-2 * X - 6 * H * X)) == 0


def test_a_schedule_is_given_as_a_function_of_time(capsys):
    given = ("--set", "beta=0", "--set", "eta=1/(1+t)")
    found = on_loss(capsys, "scheduled-heavy-ball", "--order", "2", "--loss", "x**2/2", *given)
    eta = 1 / (1 + sympy.Symbol("t"))
    expected = -eta * X + H * (sympy.diff(eta) - eta**2) * X / 2
    assert sympy.simplify(sympy.sympify(found["field"]["x"][0]) - expected) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("descent-ascent", "--loss", "x*w"), "the variable w of the loss belongs to no player"),
        (("adam", "--loss", "x**2", "--quantity", "one-step-map"), "--loss writes"),
        (("adam", "--quantity", "transient", "--order", "2"), "no closed form in the number"),
        (("adam", "--quantity", "modified-flow", "--k", "2"), "k is the step of a transient"),
        (("adam", "--quantity", "discrete-modified-loss"), "linear in their memory; adam is not"),
        (("nesterov-sc", "--loss", "k**2"), "k is a variable of the loss and also"),
        (("heavy-ball", "--observe", "0**(-h)"), "leads to a division by zero"),
        (("heavy-ball", "--observe", "y = sqrt(x)"), "does not tell where x is"),
        (("heavy-ball", "--observe", "y = x + sqrt(h)*v"), "a root of something that is 0"),
        (("heavy-ball", "--observe", "y = x + sqrt(beta)*v"), "give values to those in it"),
        (("heavy-ball", "--observe", "y = x + exp(beta)*v"), "is not expanded in h here"),
    ],
)
def test_what_cannot_be_written_is_said(capsys, arguments, said):
    code, _, err = undertow(capsys, "derive", *arguments)
    assert (code, said in " ".join(err.split())) == (2, True)


def test_another_variable_is_observed_by_its_name_or_as_an_expression(capsys):
    """The averaged weights are averages of gradient descent, h^1 beside them -H g/2."""
    found = on_loss(capsys, "averaged-weights", "--observe", "w", "--order", "2", "--loss", "x**2")
    w = sympy.Symbol("w_x")
    assert found["slow"] == ["w"]
    assert sympy.expand(sympy.sympify(found["field"]["w"][0]) - (-2 * w - 2 * H * w)) == 0
    ahead = ("nesterov", "--observe", "y = x + beta*v", "--set", "beta=1/2", "--loss", "x**2")
    found = on_loss(capsys, *ahead, "--order", "1")
    assert (found["slow"], found["field"]) == (["y"], {"y": ["-4*y_x"]})


@pytest.mark.parametrize(
    ("root", "rational", "beta"),
    [
        ("sqrt(1-beta)", "1/2", "3/4"),
        ("1/sqrt(1-beta)", "2", "3/4"),
        ("beta^(2/3)", "1/4", "1/8"),
        ("sqrt(sqrt(beta))", "1/2", "1/16"),
    ],
)
def test_a_root_of_parameters_is_its_value(capsys, root, rational, beta):
    """At h^2, where two variables that are h v apart part, and not with another value."""

    def derived(factor: str) -> str:
        text = f"y = x + {factor}*v"
        words = ("heavy-ball", "--observe", text, "--order", "3", "--set", f"beta={beta}")
        code, out, _ = undertow(capsys, "derive", *words)
        assert code == 0
        return out

    assert derived(root) == derived(rational)
    assert derived(root) != derived(f"{rational}+1/99")


def test_a_coefficient_that_is_a_sum_stands_in_brackets(capsys):
    words = ("heavy-ball", "--observe", "y = x + sqrt(beta)*v", "--order", "3")
    code, out, _ = undertow(capsys, "derive", *words, "--set", "beta=1/2")
    assert code == 0
    assert "h²   (2·sqrt(2)−44/3) ∇³E(y)[∇E(y), ∇E(y)]" in out


def test_one_step_of_any_rule_is_written_in_the_state_before_it(capsys):
    code, out, _ = undertow(
        capsys, "derive", "nesterov-sc", "--quantity", "one-step-map", "--order", "1"
    )
    assert code == 0
    assert [line.split() for line in out.splitlines()[2:6]] == [
        ["xₖ₊₁", "h⁰", "x"],
        ["h¹", "u"],
        ["uₖ₊₁", "h⁰", "u"],
        ["h¹", "−2ku"],
    ]


def test_the_start_up_of_a_rule_is_a_formula_in_the_step(capsys):
    """Averaged weights: the average moves by (1 - d) of the weights, so by 1 - d^(k+1) of -h g."""
    code, out, _ = undertow(
        capsys, "derive", "averaged-weights", "--quantity", "transient", "--order", "1"
    )
    assert code == 0
    assert "g(d^(1+k)−1)" in out
    start = ("--quantity", "initial-shift", "--order", "1")
    code, out, _ = undertow(capsys, "derive", "averaged-weights", *start)
    assert code == 0
    assert [line.split() for line in out.splitlines()[2:4]] == [
        ["x(0)", "h⁰", "x"],
        ["h¹", "dg/(1−d)"],
    ]


def test_a_run_across_a_change_of_sign_is_said_to_leave_the_range(capsys):
    rates = ("--set", "beta1=1/2", "--set", "beta2=3/4", "--set", "eps=1/10")
    loss = ("--loss", "x**4/4 + x**2", "--start", "1/4", "--time", "1/2", "--lr", "1/16")
    code, out, _ = undertow(capsys, "trajectory", "adam", *rates, *loss)
    assert (code, "no component of g is 0 or changes sign" in out) == (0, True)
    away = (*loss[:3], "2", "--time", "1/16", "--lr", "1/64")
    code, out, _ = undertow(capsys, "trajectory", "adam", *rates, *away)
    assert (code, "leaves the range" in out) == (0, False)


def test_a_rule_is_verified_and_run_beside_its_flow(capsys):
    assert undertow(capsys, "verify", "rmsprop")[0] == 0
    loss = ("--loss", "x**4/4 + x**2", "--start", "1", "--time", "1/4", "--lr", "1/256")
    code, out, _ = undertow(
        capsys, "trajectory", "rmsprop", "--set", "beta2=1/2", "--set", "eps=1/10", *loss,
        "--format", "json",
    )  # fmt: skip
    orders = json.loads(out)["orders"]
    assert code == 0
    assert orders["first flow"]["value"] == pytest.approx(1, abs=0.1)
    assert orders["modified flow, shifted start"]["value"] == pytest.approx(2, abs=0.3)


PICTURES = {
    "trajectory": (
        "normalized-momentum",
        "--set",
        "beta=1/2",
        "--loss",
        "x**2/2 + y**2/3 + x*y/4",
        "--start",
        "2,1",
    ),
    "errors": ("descent-ascent", "--loss", "x*y + x**4/4 - y**2/3", "--start", "1,1"),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_are_drawn_of_any_rule(capsys, tmp_path, kind):
    pytest.importorskip("matplotlib")
    out = tmp_path / "picture.svg"
    run = (*PICTURES[kind], "--time", "1/4", "--lr", "1/16", "--out", str(out))
    assert undertow(capsys, "plot", kind, *run)[0] == 0
    shown = out.read_text()
    assert "modified flow, shifted start" in shown
    assert 'id="first flow"' in shown


def test_a_path_begins_at_the_start_and_steps_as_declared():
    """Optimistic descent remembers no gradient at first: x_1 = x_0 - 2 h g(x_0)."""
    rule, h = NONLINEAR["optimistic"], fmpq(1, 16)
    land = NamedFields({"E": loss_from_text("x^2/2 + y^2")}, {"x": 2})
    found = run_beside_any(rule, land, [fmpq(2), fmpq(1)], h=h, time=fmpq(1, 4))
    first, second = found.iterates[:2]
    assert list(first) == [2, 1]
    assert second == pytest.approx([2 - 2 * 2 / 16, 1 - 2 * 2 / 16])
    assert {len(points) for points in found.flows.values()} == {2 * 4 + 1}
    assert found.flows["first flow"][0] == pytest.approx([2, 1])


@pytest.mark.parametrize(
    "line",
    [
        ("plot", "stability", "adam", "--set", "beta2=1/2", "--set", "eps=1", "--out", "a.svg"),
        ("drift", "lion", "--loss", "(x*y-1)**2/2", "--at", "2,1/2", "--set", "beta1=1/2",
         "--set", "beta2=1/2"),
        ("trajectory", "nesterov-c", "--loss", "x**2", "--start", "1", "--time", "1/4"),
    ],
)  # fmt: skip
def test_what_is_made_for_other_rules_says_so(capsys, line):
    code, _, err = undertow(capsys, *line)
    said = " ".join(err.split())
    assert (code, "not linear" in said or "cannot be followed from its start" in said) == (2, True)
