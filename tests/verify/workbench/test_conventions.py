"""Conversions between conventions: exact where they say so, and caught where they are wrong."""

from collections.abc import Iterable
from dataclasses import astuple, replace
from itertools import product

import numpy as np
import pytest
from flint import fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from derive.engine.start_up import initial_shift
from derive.language.trees import LEAF
from derive.language.update_rule import BadInput
from tests.conventions_table import conventions_table, update_lines
from tests.verify.commands.test_cli import undertow
from verify.report.conventions import describe
from verify.running.losses import polynomial
from verify.running.numbers import FLOAT, RATIONAL
from verify.workbench.conventions import (
    RESIDUES,
    STEPS,
    Agreement,
    Conversion,
    FirstStep,
    convert,
    difference,
    path,
    repair,
    response,
    scales,
    verified,
)
from verify.workbench.library_momentum import CONVENTIONS, ConventionValues, number, setting
from verify.workbench.strategies import betas, polynomial_losses, starts

TENTH, NINE_TENTHS = fmpq(1, 10), fmpq(9, 10)
HEAVY = ("torch", "keras", "optax", "autograd", "ema", "heavy-ball", "paper")
SWITCHED = ("torch", "keras", "optax")
PAIRS = list(product(CONVENTIONS, CONVENTIONS))


def pairs(chosen: list[tuple[str, str]]) -> pytest.MarkDecorator:
    ids = [f"{source}-to-{target}" for source, target in chosen]
    return pytest.mark.parametrize(("source", "target"), chosen, ids=ids)


def arguments(given: ConventionValues) -> dict:
    """What `convert` takes for this setting."""
    return {
        "lr": given.lr,
        "momentum": given.momentum,
        "dampening": given.dampening,
        "nesterov": given.nesterov,
        "nu": given.nu if given.convention.has("nu") else None,
    }


def converted(given: ConventionValues, target: str) -> Conversion:
    return convert(given.convention.name, target, **arguments(given))


def grid(name: str) -> list[ConventionValues]:
    """Undamped settings of a convention with every switch and the ends of every range."""
    convention, lr = CONVENTIONS[name], fmpq(3, 70)
    return [
        setting(name, lr, beta, nesterov=ahead, nu=nu)
        for beta in (fmpq(0), fmpq(1, 3), NINE_TENTHS)
        for ahead in (convention.switches if beta else (False,))
        for nu in ((fmpq(0), fmpq(1, 2), beta, fmpq(1)) if convention.has("nu") else (None,))
    ]


def rates() -> st.SearchStrategy[fmpq]:
    return st.builds(fmpq, st.integers(1, 12), st.integers(1, 100))


@st.composite
def settings(draw: st.DrawFn, name: str) -> ConventionValues:
    """An undamped setting of a convention."""
    beta = draw(betas())
    ahead = CONVENTIONS[name].has("nesterov") and beta > 0 and draw(st.booleans())
    weights = st.sampled_from([fmpq(0), fmpq(1, 3), beta, fmpq(1)])
    nu = draw(weights) if CONVENTIONS[name].has("nu") else None
    return setting(name, draw(rates()), beta, nesterov=ahead, nu=nu)


def paths(conversion: Conversion, loss, start, arithmetic, steps: int = STEPS):
    assert conversion.target is not None
    gradients = conversion.relation is Agreement.GRADIENTS
    ours = path(conversion.source, loss, start, arithmetic, gradients=gradients, steps=steps)
    theirs = path(
        conversion.target,
        loss,
        start,
        arithmetic,
        gradients=gradients,
        first=conversion.first_step,
        steps=steps,
    )
    return ours, theirs


def partners(here: ConventionValues, among: Iterable[str]) -> list[Conversion]:
    """The conversions to these conventions that are exact."""
    found = [converted(here, target) for target in among]
    return [conversion for conversion in found if conversion.relation is not Agreement.SCALES]


@pairs(PAIRS)
def test_there_and_back_is_where_one_was(source: str, target: str):
    for here in grid(source):
        for there in partners(here, [target]):
            assert there.target is not None
            back = converted(there.target, source)
            assert back.relation is there.relation
            assert back.lag == -there.lag
            assert back.target is not None
            assert response(back.target) == response(here)
            if response(here).fading:
                assert back.target == here


@given(data=st.data(), source=st.sampled_from(list(CONVENTIONS)))
def test_an_exact_conversion_is_exact_on_any_polynomial(data, source: str):
    loss = data.draw(polynomial_losses(max_dimension=2))
    start = data.draw(starts(loss.dimension))
    conversions = partners(data.draw(settings(source)), CONVENTIONS)
    assert len(conversions) >= (1 if source == "qhm" else 2)
    for conversion, (arithmetic, steps) in product(conversions, ((RESIDUES, STEPS), (RATIONAL, 3))):
        ours, theirs = paths(conversion, loss, start, arithmetic, steps)
        assert ours.shape == theirs.shape == (steps + 1, loss.dimension)
        assert (ours == theirs).all()


@given(data=st.data(), a=st.integers(1, 5), b=st.integers(-3, 3), c=st.integers(1, 5))
def test_fractions_themselves_agree_for_20_steps_on_a_quadratic(data, a: int, b: int, c: int):
    loss = polynomial(2, (((2, 0), a), ((1, 1), b), ((0, 2), c)), "quadratic")
    here, start = data.draw(settings(data.draw(st.sampled_from(HEAVY)))), data.draw(starts(2))
    for conversion in partners(here, CONVENTIONS):
        ours, theirs = paths(conversion, loss, start, RATIONAL)
        assert ours.shape == (STEPS + 1, 2)
        assert (ours == theirs).all()


def test_pytorch_as_an_exponential_average():
    found = convert("torch", "ema", lr=0.1, momentum=0.9)
    assert found.relation is Agreement.ITERATES
    assert found.first_step is None
    assert found.target is not None
    assert found.target.named == {"lr": 1, "beta": NINE_TENTHS}


@pytest.mark.parametrize("target", HEAVY)
def test_without_look_ahead_all_conventions_but_nesterov_say_the_same(target: str):
    lr = {"ema": 1, "autograd": 1}.get(target, TENTH)
    for source in ("torch", "keras", "optax", "heavy-ball", "paper"):
        found = convert(source, target, "0.1", "0.9")
        assert found.relation is Agreement.ITERATES
        assert found.target == setting(target, lr, NINE_TENTHS)
    found = convert("heavy-ball", "qhm", "0.1", "0.9")
    assert found.target == setting("qhm", 1, NINE_TENTHS, nu=1)


@pytest.mark.parametrize("source", SWITCHED)
def test_with_look_ahead(source: str):
    for target in SWITCHED:
        found = convert(source, target, 0.1, 0.9, nesterov=True)
        assert found.relation is Agreement.ITERATES
        assert found.target == setting(target, 0.1, 0.9, nesterov=True)
    assert convert(source, "qhm", 0.1, 0.9, nesterov=True).target == setting(
        "qhm", 1, 0.9, nu=NINE_TENTHS
    )
    sutskever = convert(source, "nesterov", 0.1, 0.9, nesterov=True)
    assert sutskever.relation is Agreement.GRADIENTS
    assert sutskever.target == setting("nesterov", 0.1, 0.9)
    assert sutskever.lag == NINE_TENTHS
    for target in ("autograd", "ema", "heavy-ball", "paper"):
        assert convert(source, target, 0.1, 0.9, nesterov=True).relation is Agreement.SCALES
    for momentum in (0, "1/2"):
        plain = convert("heavy-ball", "nesterov", 0.1, momentum)
        assert plain.relation is (Agreement.SCALES if momentum else Agreement.ITERATES)


@given(
    lr=rates(),
    momentum=betas().filter(bool),
    dampening=st.integers(1, 9).map(lambda n: fmpq(n, 10)),
    target=st.sampled_from([*HEAVY[1:], "qhm"]),
)
@example(lr=TENTH, momentum=NINE_TENTHS, dampening=NINE_TENTHS, target="ema")
def test_dampening_leaves_an_exception_at_the_first_step(lr, momentum, dampening, target: str):
    found = convert("torch", target, lr, momentum, dampening)
    assert found.relation is Agreement.ITERATES
    assert found.first_step is not None
    assert found.first_step.extra == lr * dampening
    assert found.target is not None
    assert scales(found.target) == scales(found.source)
    assert difference(found) == 0
    assert difference(replace(found, first_step=None)) > 0


def test_damped_by_its_momentum_pytorch_is_an_average_that_starts_at_the_first_gradient():
    found = convert("torch", "ema", 0.1, 0.9, 0.9)
    assert found.target == setting("ema", 0.1, 0.9)
    assert found.first_step == FirstStep(weight=fmpq(1), shift=fmpq(0), extra=fmpq(9, 100))
    two_step = convert("torch", "paper", 0.1, 0.9, 0.9)
    assert two_step.first_step == FirstStep(weight=TENTH, shift=fmpq(1), extra=fmpq(9, 100))
    assert convert("torch", "ema", 0.1, 0, 0.9).first_step is None
    assert convert("torch", "torch", 0.1, 0.9, 0.9).target == found.source


def plant(source: str, target: str, **wrong) -> Conversion:
    right = convert(source, target, 0.1, 0.9)
    assert right.target is not None
    return replace(right, target=replace(right.target, **wrong))


@pytest.mark.parametrize(
    "planted",
    [
        plant("torch", "ema", lr=TENTH),
        plant("autograd", "keras", lr=TENTH),
        # the step size moved into the velocity, and the mass wrongly with it
        plant("autograd", "keras", momentum=fmpq(9, 100)),
        plant("torch", "keras", nesterov=True),
        plant("keras", "paper", lr=TENTH + fmpq(1, 10**12)),
        replace(convert("keras", "nesterov", 0.1, 0.9, nesterov=True), relation=Agreement.ITERATES),
        replace(convert("torch", "ema", 0.1, 0.9, 0.9), first_step=None),
    ],
    ids=["1-beta", "1-mass", "mass", "switch", "a little", "look-ahead", "first step"],
)
def test_a_wrong_conversion_does_not_pass_its_check(planted: Conversion):
    assert difference(planted) > 0
    with pytest.raises(ArithmeticError, match="in other words"):
        verified(planted)


@pairs(
    [(s, t) for s in (*SWITCHED, "nesterov") for t in ("ema", "autograd", "heavy-ball", "paper")]
    + [(s, "nesterov") for s in HEAVY]
    + [("qhm", t) for t in CONVENTIONS if t != "qhm"]
)
def test_matches_keep_what_they_say_and_stay_near(source: str, target: str):
    extra = {"nesterov": True} if source in SWITCHED and target != "nesterov" else {}
    found = convert(source, target, 0.1, 0.9, nu="1/2" if source == "qhm" else None, **extra)
    assert found.relation is Agreement.SCALES
    assert found.target is None
    wanted = scales(found.source)
    kept = {match.keeps for match in found.matches}
    assert kept == {("speed", "inertia"), ("speed", "regularizer")}
    for match in found.matches:
        own = scales(match.target)
        assert own.speed == wanted.speed
        assert all(
            abs(getattr(own, n) / getattr(wanted, n) - 1) < fmpq(1, 10**12) for n in match.keeps
        )
        assert 0 < match.apart < 0.5
        assert "not" in match.changes


def test_the_heavy_ball_with_the_regularizer_of_nesterov():
    inertial, regular = convert("keras", "heavy-ball", 0.1, 0.9, nesterov=True).matches
    assert astuple(scales(inertial.target)) == (1, fmpq(19, 4), 10)
    assert regular.target == setting("heavy-ball", "10/91", "81/91")
    assert astuple(scales(regular.target)) == (1, fmpq(43, 10), fmpq(91, 10))


@pytest.mark.parametrize("name", [name for name in CONVENTIONS if name != "nesterov"])
@given(data=st.data())
def test_start_up_and_regularizer_are_one_number_where_gradients_are_taken_at_x(name: str, data):
    """Both measure the mean age of a step's gradients: twice regularizer = shift + speed/2."""
    here = data.draw(settings(name))
    shift = -here.lr * initial_shift(here.rule, order=1)[LEAF].at({})
    own = scales(here)
    assert 2 * own.regularizer == shift + own.speed / 2


def test_each_declaration_does_what_the_documentation_of_its_library_says():
    loss = polynomial(1, (((4,), fmpq(1, 4)), ((2,), fmpq(1, 2))), "x^4/4 + x^2/2")

    def keras(w: float, nesterov: bool):
        velocity = 0.0
        while True:
            yield w
            g = w**3 + w
            velocity = 0.9 * velocity - 0.01 * g
            w = w + 0.9 * velocity - 0.01 * g if nesterov else w + velocity

    def optax(w: float, nesterov: bool):
        trace = 0.0
        while True:
            yield w
            g = w**3 + w
            trace = g + 0.9 * trace
            w = w - 0.01 * (g + 0.9 * trace if nesterov else trace)

    def autograd(x: float, _: bool):
        velocity = 0.0
        while True:
            yield x
            velocity = 0.9 * velocity - (1.0 - 0.9) * (x**3 + x)
            x = x + 0.01 * velocity

    for name, documented in (("keras", keras), ("optax", optax), ("autograd", autograd)):
        for nesterov in CONVENTIONS[name].switches:
            here = setting(name, 0.01, 0.9, nesterov=nesterov)
            ours = path(here, loss, [fmpq(3, 4)], FLOAT)[:, 0].astype(float)
            theirs = [x for x, _ in zip(documented(0.75, nesterov), ours, strict=False)]
            assert np.abs(ours - theirs).max() < 1e-14


@pytest.mark.parametrize("target", ["ema", "optax", "paper"])
@pytest.mark.parametrize("dampening", [0.0, 0.3, 0.9])
def test_pytorch_itself_does_what_its_conversion_does(target: str, dampening: float):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; use the extra 'torch'")
    found = convert("torch", target, 0.05, 0.9, dampening)
    assert found.target is not None
    loss = polynomial(1, (((4,), fmpq(1, 4)), ((2,), fmpq(1, 2))), "x^4/4 + x^2/2")
    ours = path(found.target, loss, [fmpq(3, 4)], FLOAT, first=found.first_step)
    x = torch.nn.Parameter(torch.tensor(0.75, dtype=torch.float64))
    sgd = torch.optim.SGD([x], lr=0.05, momentum=0.9, dampening=dampening)
    theirs = [x.item()]
    for _ in range(STEPS):
        x.grad = (x**3 + x).detach()
        sgd.step()
        theirs.append(x.item())
    assert np.abs(ours[:, 0].astype(float) - theirs).max() < 1e-14


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (("pytorch", "ema", 0.1, 0.9), "'pytorch'. Did you mean 'torch'"),
        (("torch", "heavyball", 0.1, 0.9), "Did you mean 'heavy-ball'"),
        (("torch", "adam", 0.1, 0.9), "Known are torch, keras"),
        (("torch", "ema", 0.1, 1), r"momentum = 1 is outside \[0, 1\)"),
        (("torch", "ema", 0.1, -0.1), r"outside \[0, 1\)"),
        (("torch", "ema", 0, 0.9), r"lr = 0 is outside \(0, oo\)"),
        (("torch", "ema", "fast", 0.9), "not a rational number"),
        (("torch", "ema", 0.1, 0.9, 1), r"dampening = 1 is outside \[0, 1\)"),
        (("torch", "ema", 0.1, 0.9, 0.5, True), "nesterov needs a momentum above 0"),
        (("torch", "ema", 0.1, 0, 0, True), "nesterov needs a momentum above 0"),
        (("keras", "ema", 0.1, 0.9, 0.5), "keras takes no dampening; torch can"),
        (("ema", "keras", 0.1, 0.9, 0, True), "ema takes no nesterov; torch, keras, optax can"),
        (("qhm", "keras", 0.1, 0.9), "needed by qhm"),
        (("keras", "qhm", 0.1, 0.9, 0, False, 1), "qhm alone"),
        (("qhm", "keras", 0.1, 0.9, 0, False, 2), r"outside \[0, 1\]"),
    ],
)
def test_what_cannot_be_converted_is_said_in_one_sentence(wrong, says: str):
    with pytest.raises(BadInput, match=says) as caught:
        convert(*wrong)
    assert "\n" not in str(caught.value)


def test_the_update_is_shown_as_it_is_declared():
    assert update_lines(CONVENTIONS["keras"]) == [
        "g = grad(w)",
        "velocity = momentum * velocity - learning_rate * g",
        "w = w + velocity",
    ]
    assert update_lines(CONVENTIONS["torch"], nesterov=True)[-1] == (
        "x = x - lr * (g + momentum * buffer)"
    )
    assert update_lines(CONVENTIONS["paper"]) == [
        "x, last = x - h * grad(x) + beta * (x - last), x"
    ]


def test_the_table_has_a_row_for_each_position_of_each_switch():
    head, line, *rows = conventions_table().splitlines()
    assert {row.count("|") for row in (head, line, *rows)} == {7}
    names = [row.split("|")[1].strip() for row in rows]
    assert names == [
        name
        for convention in CONVENTIONS
        for name in (
            [convention, f"{convention}, nesterov"] if convention in SWITCHED else [convention]
        )
    ]
    assert "`lr*(1 - dampening)/(1 - momentum)`" in rows[0]
    assert "| `lr`, a later one `lr*(1 - dampening)` |" in rows[0]
    assert "`step_size*(1 + mass)/(4*(1 - mass))`" in conventions_table()


def test_how_numbers_are_written():
    values = (fmpq(1, 10), fmpq(10, 9), fmpq(-3), fmpq(10**12 + 1, 10**13))
    assert [number(value) for value in values] == ["0.1", "10/9", "−3", "~0.1"]


DESCRIBED = {
    ("torch", "ema", 0.1, 0.9): """\
torch           lr=0.1 momentum=0.9
ema             lr=1 beta=0.9
same iterates   yes (difference 0 over 20 steps, exactly)
learning rate   may change, by the same factor for both
both follow     x' = −∇(E + 4.75 ‖∇E‖²) a step, λ = 10""",
    ("torch", "keras", 0.1, 0.9, 0.9): """\
torch           lr=0.1 momentum=0.9 dampening=0.9
keras           learning_rate=0.01 momentum=0.9
same iterates   yes, if velocity starts at −0.1 ∇E instead of 0 (difference 0 over 20 steps, exactly)
first step      0.09 ∇E longer for torch; without such a start 42% apart
learning rate   for a constant learning rate; when it changes, multiply velocity by lr_new/lr_old
both follow     x' = −0.1 ∇(E + 0.475 ‖∇E‖²) a step, λ = 1""",  # noqa: E501
    ("keras", "nesterov", 0.1, 0.9, 0, True): """\
keras            learning_rate=0.1 momentum=0.9 nesterov=True
nesterov         h=0.1 beta=0.9
same iterates    no: x of nesterov is behind that of keras by about 0.9 ∇E
same gradients   yes, at the same points (difference 0 over 20 steps, exactly)
learning rate    for a constant learning rate
both follow      x' = −∇(E + 4.3 ‖∇E‖²) a step, λ = 10""",
    ("keras", "ema", 0.1, 0.9, 0, True): """\
keras           learning_rate=0.1 momentum=0.9 nesterov=True
same iterates   no, whatever the parameters
follows         x' = −∇(E + 4.3 ‖∇E‖²) a step, λ = 10

kept                  ema                effective lr   ‖∇E‖²   λ     apart
effective lr, λ       lr=1 beta=0.9      1              4.75    10    4.2%
effective lr, ‖∇E‖²   lr=1 beta=81/91    1              4.3     9.1   2.6%
""",
}


@pytest.mark.parametrize("given", DESCRIBED, ids=lambda g: f"{g[0]}-to-{g[1]}")
def test_how_a_conversion_is_described(given):
    words = [line.split() for line in DESCRIBED[given].splitlines()]
    assert [line.split() for line in describe(convert(*given)).splitlines()][: len(words)] == words


@pytest.mark.parametrize(
    ("source", "target", "power"),
    [
        ("torch", "keras", 1),
        ("keras", "torch", -1),
        ("torch", "ema", 0),
        ("torch", "paper", 1),
        ("heavy-ball", "optax", -1),
        ("keras", "heavy-ball", 0),
    ],
)
def test_a_velocity_has_to_follow_a_learning_rate_that_changes(source, target, power):
    conversion = convert(source, target, lr="0.1", momentum="0.9")
    assert repair(conversion) == power


def test_pytorch_and_a_velocity_part_when_the_learning_rate_drops():
    """Gradient 1, lr 0.1 then 0.01: -0.119 and -0.2, and -0.119 with the velocity times 1/10."""
    torch, keras = (setting(name, "0.1", "0.9") for name in ("torch", "keras"))

    def ends(given, factor):
        x, memory = fmpq(0), (fmpq(0),)
        for h, scale in ((fmpq(1, 10), fmpq(1)), (fmpq(1, 100), factor)):
            memory = tuple(m * scale for m in memory)
            x, memory = given.rule.step(x, memory, lambda _: fmpq(1), h, {})
        return x

    assert ends(torch, fmpq(1)) == fmpq(-119, 1000)
    assert ends(keras, fmpq(1)) == fmpq(-1, 5)
    assert ends(keras, fmpq(1, 10)) == fmpq(-119, 1000)


def test_a_conversion_says_that_the_learning_rate_is_constant(capsys):
    options = ("--from", "torch", "--lr", "0.1", "--momentum", "0.9", "--to", "keras")
    _, out, _ = undertow(capsys, "convert", *options)
    assert "for a constant learning rate" in out
    assert "multiply velocity by lr_new/lr_old" in out
