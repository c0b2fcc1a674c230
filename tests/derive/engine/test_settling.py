"""Any rule's start-up: the flow of each step, in closed form and followed, and the new start."""

import numpy as np
import pytest
import sympy
from flint import fmpq

from derive import BadInput, initial_shift, optimizer, transient
from derive.engine.fading import Fading
from derive.engine.invariant_manifold import general_flow
from derive.engine.on_loss import Ground, field_on_loss, series_on_loss
from derive.engine.sequences import NoClosedForm
from derive.engine.settling import settled_start, start_up
from derive.optimizers import NONLINEAR, ZOO
from verify.formulas.reading import loss_from_text
from verify.running.flows import flow
from verify.running.general_flows import GeneralField, NamedFields, cold_start, distance, run
from verify.running.numbers import MPFR, precision
from verify.running.orders import observed_order

X, Y = sympy.symbols("x y")
E = X**4 / 4 + X * Y + Y**2 / 3 + X**2 * Y / 5
PLACE = {X: sympy.Rational(3, 7), Y: sympy.Rational(-2, 5)}
LAND = NamedFields({"E": loss_from_text("x^4/4 + y^2/2 + x*y/3 + x^2")}, {"x": 2})
VALUES = {"beta": "1/2", "beta1": "1/2", "beta2": "3/4", "eps": "1/10", "lam": "1/5", "d": "1/2"}
VALUES |= {"mu": "2/3", "c": "1/4", "tau": "1/3", "a": "3/2"}
CLOSED = ["heavy-ball", "nesterov", "ema", "torch-sgd"]


def values_of(rule):
    return {name: fmpq(*map(int, VALUES[name].split("/"))) for name in rule.parameters}


def numbers(field):
    """A field on a loss at one place and choice of the parameters, exactly."""
    at = PLACE | {sympy.Symbol(n): sympy.Rational(1, 3 + i) for i, n in enumerate(field.parameters)}
    return [[sympy.simplify(term.subs(at)) for term in row] for row in field.field["x"]]


def ground(rule):
    return Ground(rule, dict.fromkeys(rule.fields, E), ("x", "y"))


@pytest.mark.parametrize("name", CLOSED[:2])
@pytest.mark.parametrize("k", [0, 1, 4])
def test_the_start_up_of_linear_rules_is_that_of_b_series(name, k):
    rule = ZOO[name]
    series = series_on_loss(transient(rule, order=3, k=k), ground(rule))
    general = field_on_loss(start_up(rule, order=3, k=k), ground(rule))
    assert numbers(general) == numbers(series)


@pytest.mark.parametrize("name", CLOSED[:2])
def test_the_start_of_the_lasting_flow_of_linear_rules_is_that_of_b_series(name):
    """The tree [] of b(t)/sigma(t) h^|t| F(t) is F = -g, the chain [[]] is H g."""
    rule = ZOO[name]
    series = series_on_loss(initial_shift(rule, order=2), ground(rule))
    found = settled_start(rule, order=2)
    moved = field_on_loss(_as_flow(rule, found), ground(rule))
    assert numbers(moved) == numbers(series)


def _as_flow(rule, found):
    """The coefficients beside h, h^2, ... as those of a flow, to be written on a loss."""
    base = start_up(rule, order=2, k=0)
    return type(base)(
        **{**vars(base), "flow": {name: row[1:] for name, row in found.items()}, "manifold": {}}
    )


RULES = ["adam-corrected", "averaged-weights", "schedule-free", "normalized-momentum"]


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("k", [0, 1, 3])
def test_the_closed_form_is_what_following_the_steps_gives(name, k):
    closed, followed = (start_up(NONLINEAR[name], order=2, k=step) for step in (None, k))
    fading = Fading(closed.algebra, name)
    theirs = field_on_loss(followed, ground(followed.optimizer))
    ours = {n: tuple(fading.at(c, k) for c in row) for n, row in closed.flow.items()}
    at_k = type(closed)(**{**vars(closed), "flow": ours})
    assert numbers(field_on_loss(at_k, ground(at_k.optimizer))) == numbers(theirs)


@pytest.mark.parametrize("name", ["adam", "adamw", "lion-smooth", *RULES])
@pytest.mark.parametrize("k", [0, 2])
def test_each_step_from_a_cold_start_is_a_step_of_its_flow(name, k):
    """The error of one step is of order 3 where the flow goes through h, less where it is wrong."""
    rule = NONLINEAR[name]
    found, values = start_up(rule, order=2, k=k), values_of(rule)
    errors, controls = [], []
    with precision(40):
        for j in range(8, 13):
            h = fmpq(1, 2**j)
            begin = {"x": [fmpq(1), fmpq(-3, 2)]}
            cold = cold_start(rule, LAND, begin, h=h, parameters=values)
            path = run(rule, LAND, cold, h=h, steps=k + 1, parameters=values)
            for errs, weights in ((errors, {}), (controls, {1: fmpq(101, 100)})):
                field = GeneralField(found, LAND, values, h, weights=weights)
                here, time = field.slow_part(path[k]), [MPFR.convert(h)]
                (reached,) = flow(field, here, time, digits=40, arithmetic=MPFR)
                errs.append(distance(list(reached), field.slow_part(path[k + 1])))
    assert observed_order(errors, floor=1e-38).supports(3)
    assert not observed_order(controls, floor=1e-38).supports(3)


@pytest.mark.parametrize("name", ["averaged-weights", "schedule-free", "heavy-ball", "optimistic"])
@pytest.mark.parametrize("wrong", [fmpq(1), fmpq(3, 2)])
def test_from_the_new_start_the_flow_meets_the_iterates(name, wrong):
    """With the shift through h^2 the error is of order 3, and not with another one at h^2."""
    rule = (ZOO | NONLINEAR)[name]
    shift, values = settled_start(rule, order=2), values_of(rule)
    lasting = general_flow(rule, order=3)
    errors = []
    with precision(40):
        for j in range(8, 13):
            h = fmpq(1, 2**j)
            begin = {"x": [fmpq(1), fmpq(-3, 2)]}
            cold = cold_start(rule, LAND, begin, h=h, parameters=values)
            steps = 2**j // 4
            path = run(rule, LAND, cold, h=h, steps=steps, parameters=values)
            field = GeneralField(lasting, LAND, values, h)
            moved = GeneralField(
                type(lasting)(**{**vars(lasting), "flow": shift}), LAND, values, h,
                weights={2: wrong},
            )  # fmt: skip
            start = moved.program.at([*field.slow_part(path[0]), *moved.fixed(0)], MPFR)
            (end,) = flow(
                field, list(start), [MPFR.convert(fmpq(1, 4))], digits=40, arithmetic=MPFR
            )
            errors.append(distance(list(end), field.slow_part(path[-1])))
    assert observed_order(errors, floor=1e-38).supports(3) == (wrong == 1)


def test_the_bias_correction_leaves_the_start_where_it_is_to_first_order():
    place, first = settled_start(NONLINEAR["adam-corrected"], order=1)["x"]
    assert (repr(place), bool(first)) == ("x", False)


@optimizer(state=("m", "n"), parameters=("a", "b"))
def crossed(x, m, n, grad, h, *, a, b):
    return x - h * m, a * n + grad(x), b * m + grad(x)


@optimizer(state=("v",), start=lambda x, grad, h: grad(x))
def away(x, v, grad, h):
    v = v / 2 - h * grad(x)
    return x + v, v


@optimizer(state=("last", "m"), parameters=("b",))
def mixed(x, last, m, grad, h, *, b):
    g = grad(x)
    m = b * m + g
    return x - 2 * h * g + h * last - h * m, g, m


@pytest.mark.parametrize(
    ("compute", "error", "said"),
    [
        (lambda: settled_start(mixed, order=2), NoClosedForm, "another one fades"),
        (lambda: start_up(NONLINEAR["adam"], order=2), NoClosedForm, "give a step, --k 3"),
        (lambda: start_up(crossed, order=1), NoClosedForm, "depend on each other"),
        (lambda: start_up(NONLINEAR["adam"], order=1, k=99), BadInput, "outside"),
        (lambda: start_up(away, order=1, k=0), BadInput, "x jumps before the flow begins"),
        (lambda: settled_start(NONLINEAR["adam"], order=1), NoClosedForm, "undertow trajectory"),
    ],
)
def test_what_has_no_start_up_of_this_kind_is_named(compute, error, said):
    with pytest.raises(error, match=said):
        compute()


def test_a_maximum_is_no_linear_memory():
    @optimizer(state=("m", "u"), parameters=("a", "b"))
    def with_a_maximum(x, m, u, grad, h, *, a, b):
        g = grad(x)
        m, u = a * m + (1 - a) * g, np.maximum(b * u, abs(g))
        return x - h * m / u, m, u

    with pytest.raises(NoClosedForm, match="is not linear"):
        start_up(with_a_maximum, order=1)
