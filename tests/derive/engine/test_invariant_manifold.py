"""The engine for every rule agrees with B-series, finds what is slow, and says why it cannot."""

import numpy as np
import pytest
import sympy
from flint import fmpq

from derive import optimizer
from derive.engine.component_ring import NoExpansion
from derive.engine.invariant_manifold import NotAtRest, general_flow
from derive.engine.on_loss import Ground, field_on_loss
from derive.optimizers import NONLINEAR
from tests.derive.engine.test_on_loss import ground

X, Y, U, V, H = sympy.symbols("x y u_x u_y h")
E = X**4 / 4 + X * Y + Y**2 / 3 + X**2 * Y / 5
PLACE = {X: sympy.Rational(3, 7), Y: sympy.Rational(-2, 5)}
G = [sympy.diff(E, c) for c in (X, Y)]


@pytest.mark.parametrize(
    ("name", "slow", "fast"),
    [
        ("adam", ("x",), ("m", "v")),
        ("adagrad", ("x", "v"), ()),
        ("schedule-free", ("x",), ("z",)),
        ("averaged-weights", ("x",), ("w",)),
        ("nesterov-sc", ("x", "u"), ()),
        ("scheduled-heavy-ball", ("x", "t"), ("v",)),
        ("optimistic-descent-ascent", ("x", "y"), ("last_f", "last_g")),
        ("lamb", ("x",), ("m", "v")),
    ],
)
def test_slow_and_fast_variables_are_found_without_a_hint(name, slow, fast):
    flow = general_flow(NONLINEAR[name], order=1)
    assert (flow.slow, flow.fast) == (slow, fast)


def hessian(vector):
    return [sum(sympy.diff(g, c) * v for c, v in zip((X, Y), vector, strict=True)) for g in G]


def third(v, w):
    return [
        sum(
            sympy.diff(g, c, d) * a * b
            for c, a in zip((X, Y), v, strict=True)
            for d, b in zip((X, Y), w, strict=True)
        )
        for g in G
    ]


def on_loss(rule, order):
    return field_on_loss(general_flow(rule, order=order), ground(rule)).field["x"]


@pytest.mark.parametrize(
    ("name", "at", "first", "second"),
    [  # the coefficients of HHg and of E'''[g, g] beside h^2, as worked out by hand
        ("schedule-free", {"c": "1/4", "mu": "9/10"}, None, ("-6337/300", "-653/60")),
        ("averaged-weights", {"d": "9/10"}, "-1/2", ("-1/3", "-541/12")),
    ],
)
def test_iterates_that_are_averages_follow_the_published_coefficients(name, at, first, second):
    found = on_loss(NONLINEAR[name].at(**at), 3)
    straight, bent = map(sympy.Rational, second)
    hhg, cubic = hessian(hessian(G)), third(G, G)
    for j, terms in enumerate(found):
        assert sympy.simplify(terms[0] + G[j]) == 0
        if first:
            assert sympy.simplify(terms[1] - sympy.Rational(first) * hessian(G)[j]) == 0
        assert sympy.simplify(terms[2] - straight * hhg[j] - bent * cubic[j]) == 0


def test_adam_at_order_h_is_the_field_of_cattaneo_klusowski_and_shigida():
    """On the Implicit Bias of Adam (2024), Theorem 3.1 in one dimension, after the transient."""
    b1, b2, eps, g, g1 = sympy.symbols("beta1 beta2 eps g g1", positive=True)
    rule = NONLINEAR["adam-inside"]
    loss = g * X + g1 * X**2 / 2
    found = field_on_loss(general_flow(rule, order=2), Ground(rule, {"E": loss}, ("x",)))
    root = sympy.sqrt(g**2 + eps)
    bias = (1 + b1) / (1 - b1) - (1 + b2) / (1 - b2) + (1 + b2) / (1 - b2) * eps / root**2
    expected = -bias * g * g1 / (2 * root**2)
    given = {
        sympy.Symbol(n): s for n, s in zip(("beta1", "beta2", "eps"), (b1, b2, eps), strict=True)
    }
    assert sympy.simplify(found.field["x"][0][1].subs(given).subs(X, 0) - expected) == 0


def rule_of(function, **declared):
    return optimizer(**declared)(function)


def grows(x, v, grad, h):
    v = v + grad(x) ** 2
    return x - h * grad(x) / np.sqrt(v), v


def fades_slowly(x, last, grad, h, *, k):
    return x + (1 - k * h) * (x - last) - h**2 * grad(x), x


def tied(x, v, grad, h, *, k):
    v = v / (1 + k * h) - h**2 * grad(x)
    return x + v, v


def never_less(x, v, most, grad, h):
    v = (v + grad(x) ** 2) / 2
    most = np.maximum(most, v)
    return x - h * grad(x) / most, v, most


def counts(x, n, grad, h):
    return x - h * grad(x) * np.sqrt(1 + n), n + 1


def far(x, grad, h):
    g = grad(x)
    return x - h * grad(x + g / np.linalg.norm(g))


def branches(x, grad, h):
    g = grad(x)
    return x - h * g if g > 0 else x


def squared(x, m, grad, h, *, beta):
    m = beta * m**2 + grad(x)
    return x - h * m, m


@pytest.mark.parametrize(
    ("function", "declared", "said"),
    [
        (grows, {"state": ("v",)}, "the state v still moves"),
        (
            fades_slowly,
            {"state": ("last",), "parameters": ("k",)},
            r"Declare the velocity u = \(x - last\)/h",
        ),
        (tied, {"state": ("v",), "parameters": ("k",)}, "u = v/h in the place of v"),
        (never_less, {"state": ("v", "most")}, "such a tie it has a corner"),
        (counts, {"state": ("n",)}, "the state n counts steps"),
        (far, {}, "stays away from x"),
        (branches, {}, "branches on the size"),
        (squared, {"state": ("m",), "parameters": ("beta",)}, "give a guess"),
        (lambda x, grad, h: x - h * np.sign(0 * grad(x)), {}, "the sign of something that is 0"),
        (lambda x, grad, h: x - h * np.sqrt(grad(x) - grad(x)), {}, "a root of something"),
        (lambda x, grad, h: x - grad(x) / h, {}, "tends to 0 with h"),
        (lambda x, grad, h: x - h * np.arctan(grad(x)), {}, "np.arctan, which is not known"),
    ],
)
def test_a_refusal_names_the_cause(function, declared, said):
    with pytest.raises(NoExpansion, match=said):
        general_flow(rule_of(function, **declared), order=2)


def test_a_memory_of_gradients_at_averages_is_refused_at_every_order():
    """x' = -g - c H x' + ..., a series in H without end; not x' = -g."""

    @optimizer(
        state=("w", "v"), parameters=("b", "c"), start=lambda x, grad, h, **parameters: (x, 0 * x)
    )
    def delayed(x, w, v, grad, h, *, b, c):
        v = b * v + grad(w) - grad(x)
        new = x - h * grad(x) - v
        return new, c * w + (1 - c) * new, v

    for order in (1, 2):
        with pytest.raises(NoExpansion, match="depends on itself through a gradient"):
            general_flow(delayed, order=order)


def test_a_memory_under_a_root_that_is_squared_is_found_without_a_guess():
    """Adadelta, written out: d rests at g^2, where d = g^2 (d + eps)/(g^2 + eps)."""

    @optimizer(state=("v", "d"), parameters=("rho", "eps"))
    def adadelta(x, v, d, grad, h, *, rho, eps):
        g = grad(x)
        v = rho * v + (1 - rho) * g**2
        u = np.sqrt(d + eps) / np.sqrt(v + eps) * g
        return x - h * u, v, rho * d + (1 - rho) * u**2

    flow = general_flow(adadelta, order=1)
    assert flow.manifold["d"] == flow.manifold["v"]


def test_weights_that_depend_on_the_time_make_no_average_slow():
    """x is averaged with the weight c(t) = 1/(t + 1) of z, which moves only with h."""

    @optimizer(state=("z",), start=lambda x, grad, h: x)
    def averaged(x, z, grad, h, *, t):
        z = z - h * grad(x)
        return x + (z - x) / (t + 1), z

    flow = general_flow(averaged, order=1)
    assert (set(flow.slow), flow.fast) == ({"x", "t"}, ("z",))


def test_a_velocity_that_holds_the_step_is_solved_to_the_order_asked_for():
    @optimizer(state=("v", "m", "b"), parameters=("rho", "mu", "eps"))
    def centered(x, v, m, b, grad, h, *, rho, mu, eps):
        """RMSprop with the variance of the gradient and momentum."""
        g = grad(x)
        v, m = rho * v + (1 - rho) * g**2, rho * m + (1 - rho) * g
        b = mu * b + h * g / np.sqrt(v - m**2 + eps)
        return x - b, v, m, b

    rule = centered.at(rho="1/3", mu="1/2", eps=4)
    for j, (first,) in enumerate(on_loss(rule, 1)):
        assert sympy.simplify(first + G[j]) == 0
    for once, twice in zip(on_loss(rule, 1), on_loss(rule, 2), strict=True):
        assert once[0] == twice[0]


def test_a_guess_of_the_memory_at_rest_is_checked_and_used():
    def rest(x, grad, h, *, c):
        return (grad(x) + c,)

    def step(x, m, grad, h, *, c):
        return x - h * m, m + (grad(x) + c - m) * (1 + m - grad(x) - c) / 2

    right = rule_of(step, state=("m",), parameters=("c",), rest=rest)
    assert on_loss(right, 1)[0][0] == -G[0] - sympy.Symbol("c")
    with pytest.raises(NotAtRest, match="give a guess"):
        general_flow(rule_of(step, state=("m",), parameters=("c",)), order=1)
    wrong = rule_of(step, state=("m",), parameters=("c",), rest=lambda x, grad, h, c: grad(x))
    with pytest.raises(NoExpansion, match="the guess does not rest"):
        general_flow(wrong, order=1)


def test_bias_corrections_have_faded_in_the_long_run():
    corrected = general_flow(NONLINEAR["adam-corrected"], order=2)
    plain = general_flow(NONLINEAR["adam"], order=2)
    assert corrected.counters == {"k": 0}
    assert repr(corrected.flow["x"]) == repr(plain.flow["x"])


def test_a_schedule_brings_its_derivatives():
    def step(x, grad, h, *, eta, t):
        return x - h * eta(t) * grad(x)

    rule = rule_of(step, schedules=("eta",))
    t = sympy.Symbol("t")
    eta = sympy.Function("eta")(t)
    for j, terms in enumerate(on_loss(rule, 2)):
        expected = -(eta**2) * hessian(G)[j] / 2 + sympy.diff(eta, t) * G[j] / 2
        assert sympy.simplify(terms[1] - expected) == 0


def test_a_step_runs_unchanged_on_floats():
    x, m, v = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    given = {"beta1": 0.9, "beta2": 0.99, "eps": 0.1}
    new, (m, v) = NONLINEAR["adam"].step(x, (m, v), lambda at: at**3, 0.25, given)
    assert new == pytest.approx(x - 0.25 * 0.1 * x**3 / (0.1 * abs(x**3) + 0.1))


def test_parameters_may_be_numbers():
    field = on_loss(NONLINEAR["adam"].at(beta1="9/10", beta2=fmpq(99, 100), eps="1/10"), 2)
    assert not {s.name for part in field for term in part for s in term.free_symbols} - {"x", "y"}
