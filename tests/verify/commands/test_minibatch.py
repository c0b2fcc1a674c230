"""`undertow derive --minibatch`: the published flow, and what is refused."""

import json

import pytest

from derive.optimizers import ZOO
from tests.verify.commands.test_cli import undertow


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("form", ["text", "latex", "json"])
def test_every_optimizer_has_a_flow_of_mini_batches(capsys, name, form):
    for step in ((), ("--k", "2")):
        arguments = ("derive", name, "--minibatch", "--order", "2", "--format", form, *step)
        code, out, err = undertow(capsys, *arguments)
        assert (code, err) == (0, "")
        if form == "json":
            assert {term["power"] for term in json.loads(out)["terms"]} == {0, 1}


def test_the_modified_loss_of_heavy_ball_is_the_published_one(capsys):
    """Equation (10) of Ghosh et al. (2023)."""
    arguments = ("derive", "heavy-ball", "--minibatch", "--quantity", "modified-loss")
    _, out, _ = undertow(capsys, *arguments, "--format", "latex")
    assert (
        r"\hat E_{k} &= G_{k} \\" + "\n"
        r"&\quad +\frac{h}{4}\lVert\nabla G_{k}\rVert^{2}"
        r"+\sum_{r<k}\frac{h\beta^{k-r}}{2}\lVert\nabla G_{r}\rVert^{2} + O(h^{2})"
    ) in out
    assert r"G_r &= E_r+\sum_{s<r}\beta^{r-s}E_s" in out
    _, out, _ = undertow(capsys, *arguments, "--k", "2", "--format", "json")
    found = json.loads(out)
    assert [(t["weight"], t["expression"]) for t in found["terms"]] == [
        ("1", "G₂"),
        ("1/4", "‖∇G₂‖²"),
        ("beta/2", "‖∇G₁‖²"),
        ("beta**2/2", "‖∇G₀‖²"),
    ]
    assert found["exists_through"] == 1


@pytest.mark.parametrize("name", ["nesterov", "quasi-hyperbolic"])
def test_the_loss_of_mini_batches_can_end_before_that_of_the_full_batch(capsys, name):
    _, out, _ = undertow(capsys, "derive", name, "--minibatch", "--quantity", "modified-loss")
    assert "exists through h⁰; at h¹ the flow is not a gradient" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["heavy-ball", "--quantity", "initial-shift"],
            "modified-flow, modified-loss, expectation",
        ),
        (["heavy-ball", "--order", "4"], "orders 1 to 3"),
        (["heavy-ball", "--k", "-1"], "before the first step"),
        (["heavy-ball", "--format", "sympy"], "text, latex or json"),
        (["extragradient", "--quantity", "modified-loss"], "no loss stands"),
    ],
)
def test_what_does_not_fit_is_refused(capsys, arguments, said):
    code, _, err = undertow(capsys, "derive", *arguments, "--minibatch")
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
