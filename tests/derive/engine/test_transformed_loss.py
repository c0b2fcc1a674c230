"""Rules that follow a modified loss through a function of its gradient, and rules that do not."""

import numpy as np
import pytest
import sympy
from flint import fmpq

from derive import BadInput, Parameter, heavy_ball, modified_loss, optimizer, tree
from derive.engine.invariant_manifold import general_flow
from derive.engine.on_loss import Ground, field_on_loss
from derive.engine.transformed_loss import NoModifiedLoss, transformed_loss
from derive.optimizers import NONLINEAR

X, Y, H = sympy.symbols("x y h")
E = X**4 / 4 + X * Y + Y**2 / 3 + X**2 * Y / 5
PLACE = {X: sympy.Rational(3, 7), Y: sympy.Rational(-2, 5)}
VALUES = {"beta1": "1/3", "beta2": "3/4", "eps": "1/5"}
AGE = sympy.Rational(1, 2) + sympy.Rational(1, 3) / (1 - sympy.Rational(3, 4))
"""1/2 + beta1/(1 - beta2) at these values."""


def lion(readout):
    """The update of Lion, its sign replaced by the gradient of a smooth K."""

    @optimizer(state=("m",), parameters=("beta1", "beta2", Parameter("eps", lower=fmpq(0))))
    def smooth(x, m, grad, h, *, beta1, beta2, eps):
        g = grad(x)
        step = readout(beta1 * m + (1 - beta1) * g, eps)
        return x - h * step, beta2 * m + (1 - beta2) * g

    return smooth


KERNELS = {
    "norm": (
        lambda c, eps: c / np.sqrt(np.vdot(c, c) + eps),
        lambda a, b, eps: sympy.sqrt(a**2 + b**2 + eps),
    ),
    "one-norm": (
        lambda c, eps: c / np.sqrt(c * c + eps),
        lambda a, b, eps: sympy.sqrt(a**2 + eps) + sympy.sqrt(b**2 + eps),
    ),
    "quartic": (
        lambda c, eps: c**3 + eps * c,
        lambda a, b, eps: (a**4 + b**4) / 4 + eps * (a**2 + b**2) / 2,
    ),
}


@pytest.mark.parametrize("name", KERNELS)
def test_a_readout_of_linear_memory_follows_the_loss_plus_its_age_times_the_kernel(name):
    """x' = -grad K(grad(E + h c K(grad E))), c = 1/2 + beta1/(1 - beta2), on a loss; not 1.01 c."""
    readout, kernel = KERNELS[name]
    rule = lion(readout)
    values = {key: sympy.Rational(value) for key, value in VALUES.items()}
    factor = transformed_loss(rule).factor
    assert factor is not None
    beta1, beta2 = (factor.algebra.symbol(name, "parameter") for name in ("beta1", "beta2"))
    assert factor == fmpq(1, 2) + beta1 / (1 - beta2)
    derived = field_on_loss(general_flow(rule, order=2), Ground(rule, {"E": E}, ("x", "y")))
    a, b = sympy.symbols("a b")
    k = kernel(a, b, values["eps"])
    gradient = [sympy.diff(E, c) for c in (X, Y)]
    on_loss = k.subs(dict(zip((a, b), gradient, strict=True)), simultaneous=True)
    for weight, right in ((AGE, True), (AGE * sympy.Rational(101, 100), False)):
        modified = E + H * weight * on_loss
        place = [sympy.diff(modified, c) for c in (X, Y)]
        for i, letter in enumerate((a, b)):
            field = -sympy.diff(k, letter).subs(dict(zip((a, b), place, strict=True)))
            term = sympy.diff(field, H).subs(H, 0).subs(PLACE)
            ours = derived.field["x"][i][1].subs(values).subs(PLACE)
            assert bool(abs(sympy.N(term - ours, 30)) < 1e-25) is right


def test_of_plain_momentum_it_is_the_modified_loss_of_the_trees():
    """phi = g/(1 - beta), so that c K = c |g|^2/(2 (1 - beta))."""
    known = modified_loss(heavy_ball, order=2).terms[tree("[[]]")].as_expr()
    found = transformed_loss(heavy_ball.at(beta="1/3"))
    assert found.factor == 1
    third = sympy.Rational(1, 3)
    assert known.subs(sympy.Symbol("beta"), third) == 1 / (2 * (1 - third))


def test_another_function_of_the_gradient_may_be_added():
    @optimizer()
    def ahead(x, grad, h):
        return x - h * grad(x + h * np.tanh(grad(x)))

    found = transformed_loss(ahead)
    assert found.factor is None
    assert repr(found.chi) == "1/2*E + tanh(E)"


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("adam", "no modified loss at order h"),
        ("rmsprop", "no modified loss at order h"),
        ("adamw", "it holds x"),
        ("adagrad", "slow variables are x, v"),
        ("descent-ascent", "a game"),
    ],
)
def test_a_rule_without_one_is_refused_with_the_cause(name, cause):
    with pytest.raises(NoModifiedLoss, match=cause):
        modified_loss(NONLINEAR[name], order=2)


def test_a_first_flow_that_is_no_gradient_of_a_function_of_the_gradient_is_refused():
    @optimizer()
    def turned(x, grad, h):
        g = grad(x)
        return x - h * g * np.vdot(g, g * g)

    with pytest.raises(NoModifiedLoss, match="no gradient of a function"):
        transformed_loss(turned)


def test_higher_orders_are_refused():
    with pytest.raises(BadInput, match="order 1 or 2"):
        modified_loss(NONLINEAR["lion-smooth"], order=3)
