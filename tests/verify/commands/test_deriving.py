"""`undertow derive`: every quantity of every optimizer, in every format."""

import json
from dataclasses import replace

import pytest
import sympy
from flint import fmpq

from derive.engine import settling, start_up
from derive.engine.backward_error import slow_motion
from derive.engine.invariant_manifold import general_flow
from derive.language import stages
from derive.language.trees import tree
from derive.optimizers import ZOO, gradient_descent
from tests.verify.commands.test_cli import undertow
from verify.formulas.asked import Quantity
from verify.report.derivation import as_json, as_latex, as_sympy, as_text
from verify.report.derived import find
from verify.running import copies

every_rule = pytest.mark.parametrize("name", ZOO)
every_quantity = pytest.mark.parametrize("quantity", list(Quantity), ids=str)


def refused(name: str, quantity: Quantity) -> bool:
    if not quantity.about.derivation:
        return True
    loss = quantity in {Quantity.MODIFIED_LOSS, Quantity.DISCRETE_MODIFIED_LOSS}
    return (ZOO[name].game and loss) or (
        quantity is Quantity.SLOW_MANIFOLD and not ZOO[name].memory
    )


@every_rule
@every_quantity
def test_every_quantity_of_every_optimizer(capsys, name, quantity):
    for form in ("text", "latex", "json", "sympy"):
        arguments = ("derive", name, "--quantity", quantity, "--order", "2", "--format", form)
        code, out, err = undertow(capsys, *arguments)
        if refused(name, quantity):
            assert code == 2
            assert err.count("\n") == 1
            return
        assert code == 0
        if form == "json":
            found = json.loads(out)
            names = {s: sympy.Symbol(s) for s in (*found["parameters"], "k")}
            for term in found["terms"]:
                t = tree(term["tree"])
                assert t.order == term["nodes"]
                expr = sympy.parse_expr(term["coefficient"], names)
                assert expr.free_symbols <= set(names.values())
        if form == "sympy":
            exec(out, {})  # noqa: S102 (our own output)


@pytest.mark.parametrize(
    ("quantity", "text", "value"),
    [
        # heavy ball at beta = 4/5: the shift -20 and the second coefficients -225/2 and -100
        ("initial-shift", "[]", fmpq(-20)),
        ("modified-flow", "[[]]", fmpq(-225, 2)),
        ("one-step-map", "[[]]", fmpq(-100)),
        ("slow-manifold", "[]", fmpq(5)),
    ],
)
def test_heavy_ball_at_four_fifths(capsys, quantity, text, value):
    arguments = ("derive", "heavy-ball", "--set", "beta=4/5", "--order", "2", "--format", "json")
    _, out, _ = undertow(capsys, *arguments, "--quantity", quantity)
    (term,) = [t for t in json.loads(out)["terms"] if t["tree"] == text]
    assert term["coefficient"] == str(value)


def test_the_transient_at_a_given_step_is_a_number(capsys):
    arguments = ("derive", "heavy-ball", "--set", "beta=1/2", "--quantity", "transient", "--k", "0")
    _, out, _ = undertow(capsys, *arguments, "--format", "json", "--order", "2")
    # the first step of a cold start is plain gradient descent
    assert [t["coefficient"] for t in json.loads(out)["terms"]] == ["1", "-1/2"]


def test_the_modified_loss_says_where_it_ends_and_why(capsys):
    _, out, _ = undertow(capsys, "derive", "heavy-ball", "--quantity", "modified-loss")
    for part in (
        "Ê = E + h(1+β)/(4(1−β)²) ‖∇E‖²",
        "E/(1−β) + h(1+β)/(4(1−β)³) ‖∇E‖²",
        "exists through h¹; at h² the flow is not a gradient",
        "[[],[]]   (1+10β+β²)/(6(1−β)⁵)",
        "gradient part",
    ):
        assert part in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["heavy-ball", "--k", "3"], "belongs to the transient"),
        (["heavy-ball", "--quantity", "transient", "--k", "-1"], "before the first step"),
        (["heavy-ball", "--quantity", "transient", "--k", "100000"], "above 1000"),
        (["torch-sgd", "--set", "nesterov=true"], "dampening=0"),
        (["torch-sgd", "--set", "nesterov=maybe"], "neither true nor false"),
        (["lessard", "--set", "alpha=0"], "outside (0, oo)"),
    ],
)
def test_what_does_not_fit_is_refused(capsys, arguments, said):
    code, _, err = undertow(capsys, "derive", *arguments)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_a_derivation_says_its_orders_and_the_terms_that_it_writes(monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(stages, "listeners", [said.append])
    slow_motion.cache_clear()
    as_text(find(gradient_descent, Quantity.MODIFIED_FLOW, order=4))
    written = [f"writing term {i} of 8" for i in range(1, 9)]  # 1 + 1 + 2 + 4 trees
    assert said == [*(f"order {n} of 4" for n in range(1, 5)), *written]


@pytest.mark.parametrize("name", ["heavy-ball", "torch-sgd"])
@pytest.mark.parametrize("quantity", ["modified-flow", "slow-manifold", "modified-loss"])
def test_several_processes_write_what_one_does(monkeypatch, name, quantity):
    monkeypatch.setattr(copies, "LEAST", 1)
    one = find(ZOO[name], Quantity(quantity), order=5)
    for write in (as_text, as_latex, as_json, as_sympy):
        assert write(replace(one, processes=3)) == write(one)


@pytest.mark.parametrize("quantity", ["one-step-map", "transient", "initial-shift"])
@pytest.mark.parametrize("rule", ["heavy-ball", "averaged-weights"])
def test_every_long_derivation_says_its_orders(capsys, monkeypatch, rule, quantity):
    said: list[str] = []
    monkeypatch.setattr(stages, "listeners", [said.append])
    of_any_rule = (general_flow, settling.start_up, settling.settled_start)
    for kept in (slow_motion, start_up._closed, *of_any_rule):
        kept.cache_clear()
    code, _, _ = undertow(capsys, "derive", rule, "--quantity", quantity, "--order", "2")
    assert code == 0
    assert {"order 1 of 2", "order 2 of 2"} <= set(said)


def test_a_start_without_shift_is_the_start_alone():
    written = as_latex(find(gradient_descent, Quantity.INITIAL_SHIFT, order=3))
    assert "y(0) &= x_0 + O(h^{4})" in written


TWO_FIELDS = """
from derive import coupled, decoupled, heavy_ball, optimizer

coupled_hb = coupled(heavy_ball)
decoupled_hb = decoupled(heavy_ball)


@optimizer(parameters=("alpha", "lam"), fields=("F", "G"), game=True)
def alternating(x, grad, h, *, alpha, lam):
    f, g = grad
    y = x - h * alpha * f(x)
    return y - h * lam * g(y)
"""


@pytest.mark.parametrize(
    ("rule", "quantity", "form", "parts"),
    [
        ("decoupled_hb", "modified-loss", "text", ["Ê = E + (1−β) W\n"]),
        ("decoupled_hb", "modified-loss", "latex", [r"\Bigl(E+(1-\beta)W\Bigr)"]),
        ("decoupled_hb", "modified-flow", "text", ["∇²W ∇E", "f₁ = −∇W", "E/(1−β) + W"]),
        (
            "coupled_hb",
            "modified-loss",
            "text",
            ["E + W + h(1+β)/(4(1−β)²) ‖∇E‖²", "h(1+β)/(2(1−β)²) ⟨∇E,∇W⟩", "‖∇W‖²"],
        ),
        ("coupled_hb", "modified-loss", "latex", [r"\langle\nabla E,\nabla W\rangle"]),
        ("coupled_hb", "modified-loss", "json", ['"⟨∇E,∇W⟩"', "E (colour 0)"]),
        (
            "alternating",
            "modified-flow",
            "text",
            ["−α²/2      F′ F", "−α·lam/2   F′ G", "α·lam/2    G′ F", "−lam²/2    G′ G"],
        ),
        ("alternating", "modified-flow", "latex", [r"-\alpha F-\mathrm{lam}G"]),
        ("alternating", "modified-flow", "json", ["f = -F (colour 0) and -G (colour 1)"]),
    ],
)
def test_several_fields_keep_their_names(capsys, tmp_path, rule, quantity, form, parts):
    path = tmp_path / "wd.py"
    path.write_text(TWO_FIELDS)
    arguments = (f"{path}:{rule}", "--order", "2", "--quantity", quantity, "--format", form)
    code, out, _ = undertow(capsys, "derive", *arguments)
    assert code == 0
    for part in parts:
        assert part in out


def test_a_game_is_not_called_a_gradient(capsys):
    _, out, _ = undertow(capsys, "derive", "extragradient", "--order", "2", "--format", "json")
    assert "grad E" not in out
    assert {term["differential"] for term in json.loads(out)["terms"]} == {"G", "G′ G"}
