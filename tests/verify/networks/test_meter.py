"""A meter beside a training, and a network's training beside its flows."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from derive.engine.invariant_manifold import general_flow
from derive.engine.on_loss import Ground, field_on_loss
from derive.language.bad_input import BadInput
from derive.optimizers.libraries import find_library
from derive.optimizers.settings import Setting
from tests.verify.networks.test_following import network
from verify.networks import meter as meters
from verify.networks.following import follow
from verify.networks.landscapes import (
    Landscape,
    top_curvature,
)
from verify.networks.meter import Meter, Reading, watch
from verify.networks.terms import OrderH

pytest.importorskip("scipy", reason="curvatures are found by scipy's Lanczos")
CURVATURES = np.array([0.1, 0.5, 2.0])


def quadratic(x: np.ndarray) -> Landscape:
    return Landscape(
        lambda: x,
        lambda at: (float(CURVATURES @ at**2 / 2), CURVATURES * at),
        lambda _, v: CURVATURES * v,
        lambda at: at,
    )


def sgd(**arguments: Any) -> Any:
    return find_library("torch.SGD").setting(**arguments)


@pytest.mark.parametrize(("lr", "momentum"), [(0.1, 0.0), (0.01, 0.5), (0.002, 0.9)])
def test_the_terms_of_heavy_ball_on_a_quadratic(lr: float, momentum: float):
    x = np.array([1.0, -2.0, 0.5])
    reading = Meter(quadratic(x), sgd(lr=lr, momentum=momentum)).measure()
    g = CURVATURES * x
    part = lr * (1 + momentum) / (4 * (1 - momentum) ** 2)  # Ghosh et al. 2023: of |grad E|^2
    assert reading.loss_term == pytest.approx(part * g @ g / (CURVATURES @ x**2 / 2), rel=1e-12)
    turned = np.linalg.norm(CURVATURES * g) / np.linalg.norm(g)
    assert reading.term == pytest.approx(2 * part * turned, rel=1e-12)
    assert reading.curvature == pytest.approx(2.0, rel=1e-2)
    assert reading.limit == pytest.approx(2 * (1 + momentum))
    assert reading.radius == pytest.approx((1 - momentum**0.5) ** 2 if momentum else 1.0)
    assert reading.radius is not None
    assert reading.believed == (reading.step_times_curvature < 0.5 * reading.radius)


def test_a_coupled_decay_is_a_part_of_the_loss():
    x = np.array([1.0, -2.0, 0.5])
    found = Meter(quadratic(x), sgd(lr=0.1, weight_decay=0.25)).measure()
    assert found.gradient == pytest.approx(np.linalg.norm((CURVATURES + 0.25) * x))
    assert found.curvature == pytest.approx(2.25, rel=1e-2)


def test_who_maximizes_feels_the_loss_upside_down():
    x = np.array([1.0, -2.0, 0.5])
    down, up = (
        Meter(quadratic(x), sgd(lr=0.1, momentum=0.5, maximize=m)).measure() for m in (False, True)
    )
    assert (up.loss, up.gradient, up.term) == (down.loss, down.gradient, down.term)
    assert up.curvature == pytest.approx(-2.0, rel=1e-2)


def test_adams_term_is_that_of_its_formula():
    """Of the flow x' = -P(g + h c H phi), and of N with the gradient phi = g/(|g| + eps)."""
    x, h, b1, b2, eps = np.array([1.0, -2.0, 0.5]), 0.001, 0.5, 0.75, 0.1
    adam = find_library("torch.Adam").setting(lr=h, betas=(b1, b2), eps=eps)
    reading = Meter(quadratic(x), adam).measure()
    g = CURVATURES * x
    size = abs(g) + eps
    one, two = (1 + b1) / (1 - b1), (1 + b2) / (1 - b2)
    c = (one - two * abs(g) / size) / 2
    force = h * c * CURVATURES * g / size
    term = np.linalg.norm(force / size) / np.linalg.norm(g / size)
    assert reading.term == pytest.approx(term, rel=1e-9)
    penalty = c @ (abs(g) - eps * np.log(1 + abs(g) / eps))
    assert reading.loss_term == pytest.approx(h * penalty / reading.loss, rel=1e-6)
    assert set(reading.terms) == {"hessian"}
    assert reading.believed


def test_a_decoupled_decay_is_a_term_of_its_own():
    """x <- x - h (g + d x) is gradient descent on E + d |x|^2/2, whose flow is known."""
    x, h, d = np.array([1.0, -2.0, 0.5]), 0.01, 0.25
    plain = replace(sgd(lr=h, momentum=0.0), decoupled=d)
    reading = Meter(quadratic(x), plain).measure()
    force = CURVATURES * x + d * x
    for kind, bend in (("hessian", CURVATURES * force), ("decay", d * force)):
        share = h / 2 * np.linalg.norm(bend) / np.linalg.norm(force)
        assert reading.terms[kind] == pytest.approx(share, rel=1e-12)
    whole = h / 2 * np.linalg.norm((CURVATURES + d) * force) / np.linalg.norm(force)
    assert reading.term == pytest.approx(whole, rel=1e-12)
    assert "the last term by what bends the path: hessian" in str_of(x, plain)


def str_of(x: np.ndarray, setting: Setting) -> str:
    meter = Meter(quadratic(x), setting)
    meter.measure()
    return str(meter)


def test_a_schedule_is_a_term_of_its_own():
    """x_(k+1) - x_k = -h eta(t_k) (sum of gradients), against h x' + h^2 x''/2: half of eta'."""
    x, h = np.array([1.0, -2.0, 0.5]), 0.01
    t = sympy.Symbol("t")
    falling = replace(sgd(lr=h, momentum=0.5), eta=1 / (1 + t))
    meter = Meter(quadratic(x), falling)
    meter.steps = 300
    reading = meter.measure()
    eta, slope = 1 / 4, -1 / 16  # at t = 3
    assert reading.terms["schedule"] == pytest.approx(h * abs(slope) / (2 * eta), rel=1e-12)
    still = Meter(quadratic(x), sgd(lr=h * eta, momentum=0.5)).measure()
    for name in ("loss_term", "lag", "step_times_curvature"):
        assert getattr(reading, name) == pytest.approx(getattr(still, name), rel=1e-9)
    assert reading.terms["hessian"] == pytest.approx(still.terms["hessian"], rel=1e-9)


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_lag_is_the_mean_age_of_the_gradients(nesterov: bool):
    """Gradient j steps ago weighs beta^j; Nesterov's point ahead counts as younger by a step."""
    x, h, beta = np.array([1.0, -2.0, 0.5]), 0.01, 0.75
    weights = beta ** np.arange(200.0)
    if nesterov:
        weights = np.concatenate([[1 + beta], beta ** np.arange(2.0, 200.0)])
    age = weights @ np.arange(weights.size) / weights.sum()
    setting = sgd(lr=h, momentum=beta, nesterov=nesterov)
    g = CURVATURES * x
    rate = np.linalg.norm(CURVATURES * g) / np.linalg.norm(g) * weights.sum()  # |dg/dt|/|g|
    found = Meter(quadratic(x), setting).measure().lag
    assert found == pytest.approx(h * age * rate, rel=1e-9)


@pytest.mark.parametrize(
    "name", ["torch.AdamW", "torch.NAdam", "optax.lamb", "optax.lars", "optax.novograd"]
)
def test_the_terms_add_up_to_the_formula_in_coordinates(name: str):
    """Two ways to evaluate: arrays and products with the Hessian, and written-out formulas."""
    setting = find_library(name).setting()
    x = np.array([1.0, -2.0, 0.5])
    symbols = sympy.symbols("a b c")
    loss = sum(sympy.Rational(str(q)) * s**2 / 2 for q, s in zip(CURVATURES, symbols, strict=True))
    decay = sympy.Rational(str(setting.decoupled)) * sum(s**2 for s in symbols) / 2
    losses = {"E": loss, "W": decay} if setting.decoupled else {"E": loss}
    flow = general_flow(setting.whole, order=2)
    ground = Ground(setting.whole, losses, ("a", "b", "c"))
    rows = field_on_loss(flow, ground).field["x"]
    at = dict(zip(symbols, x, strict=True))
    written = np.array([[float(e.subs(at)) for e in row] for row in rows]).T
    found = OrderH(setting).at(quadratic(x), x, CURVATURES * x, 0.0)
    assert np.allclose(found.leading, written[0], rtol=1e-9)
    assert np.allclose(sum(found.bends.values()), written[1], rtol=1e-6)


def test_rules_whose_term_is_not_read_are_refused_by_name():
    for name, reason in (
        ("torch.Adagrad", "depends on v beside the weights"),
        ("torch.Muon", "does not move on one loss"),
        ("optax.contrib.schedule_free_sgd", "depends on z, t beside the weights"),
    ):
        with pytest.raises(BadInput, match=reason):
            OrderH(find_library(name).setting())


def test_an_eigenvalue_that_overtakes_is_found():
    values = np.linspace(0, 1, 60)
    values[[5, 7]] = 2.0, 1.5
    before = np.eye(60)[7]
    assert top_curvature(lambda v: values * v, 60, before)[0] == pytest.approx(2.0, rel=1e-2)
    assert top_curvature(lambda v: 0 * v, 60)[0] == 0.0  # of a linear loss
    crowded = np.linspace(0, 1, 2000)  # where a few vectors find no end
    assert top_curvature(lambda v: crowded * v, 2000, tolerance=1e-4)[0] == pytest.approx(1, 1e-3)
    with pytest.raises(BadInput, match="Hessian is not finite"):
        top_curvature(lambda v: v * np.nan, 60)


def test_the_default_rate_keeps_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch):
    """On a clock of our own: a measurement takes 10, a step of the training 1."""
    now = [0.0]
    monkeypatch.setattr(meters.time, "perf_counter", lambda: now[0])
    x = np.array([1.0, -2.0, 0.5])
    slow = quadratic(x)

    def slope(at: np.ndarray) -> tuple[float, np.ndarray]:
        now[0] += 10
        return slow.slope(at)

    meter = Meter(replace(slow, slope=slope), sgd(lr=0.1))
    for _ in meter.over(1000):
        now[0] += 1
        if meter.steps > 100:
            assert meter.overhead < meters.SHARE
    assert meter.readings[0].step == 1
    assert len(meter.readings) == 14  # every 10/0.15 = 66.7 steps, and the first
    assert meter.overhead < 0.25


def test_files_are_csv_or_json(tmp_path: Path):
    meter = Meter(quadratic(np.ones(3)), sgd(lr=0.1, momentum=0.5), every=2)
    for _ in range(5):
        meter.step()
    assert [r.step for r in meter.readings] == [2, 4]
    meter.write(tmp_path / "a.csv")
    meter.write(tmp_path / "a.json")
    with (tmp_path / "a.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2", "4"]
    told = json.loads((tmp_path / "a.json").read_text())
    assert (told["rule"], told["values"]["momentum"]) == ("torch-sgd", "1/2")
    assert len(str(meter).splitlines()) == 4
    with pytest.raises(BadInput, match=r"neither \.csv nor \.json"):
        meter.write(tmp_path / "a.txt")
    with pytest.raises(BadInput, match="1 or more"):
        Meter(quadratic(np.ones(3)), sgd(lr=0.1), every=0)
    with pytest.raises(BadInput, match="steps=0 is no number of steps"):
        next(meter.over(0))


def train(torch: Any, watched: bool) -> tuple[Any, Meter | None]:
    """A network with dropout and running statistics, on batches."""
    torch.manual_seed(3)
    nn = torch.nn
    model = nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.25), nn.Linear(16, 3)
    )
    inputs, targets = torch.randn(64, 6), torch.randint(0, 3, (64,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    loss = nn.functional.cross_entropy
    meter = watch(model, loss, optimizer, (inputs, targets), every=5) if watched else None
    for _ in range(20):
        batch = torch.randint(0, 64, (16,))
        optimizer.zero_grad()
        loss(model(inputs[batch]), targets[batch]).backward()
        optimizer.step()
        if meter is not None:
            meter.step()
    return model.state_dict(), meter


def test_a_linear_loss_has_no_term_of_order_h(torch: Any):
    model = torch.nn.Linear(6, 1)
    data = torch.randn(8, 6), torch.zeros(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    reading = watch(model, lambda found, _: found.mean(), optimizer, data).measure()
    assert (reading.term, reading.curvature, reading.lag) == (0.0, 0.0, 0.0)
    assert reading.believed


def test_a_training_is_the_same_to_the_bit_beside_a_meter(torch: Any):
    alone, _ = train(torch, False)
    beside, meter = train(torch, True)
    assert meter is not None
    assert len(meter.readings) == 4
    assert all(torch.equal(alone[name], beside[name]) for name in alone)


def test_a_training_of_jax_is_the_same_to_the_bit_beside_a_meter(optax: Any):
    jax = pytest.importorskip("jax", reason="get JAX with the extra 'jax'")
    inputs = jax.random.normal(jax.random.PRNGKey(1), (32, 4))
    data = inputs, jax.numpy.sin(inputs.sum(1, keepdims=True))

    def apply(p: Any, x: Any) -> Any:
        return jax.numpy.tanh(x @ p["in"]) @ p["out"]

    def squares(found: Any, wanted: Any) -> Any:
        return ((found - wanted) ** 2).mean()

    adam = optax.adam(0.01)
    gradient = jax.jit(jax.grad(lambda p: squares(apply(p, data[0]), data[1])))

    def train(watched: bool) -> tuple[Any, list[Reading]]:
        keys = jax.random.split(jax.random.PRNGKey(0))
        p = {"in": jax.random.normal(keys[0], (4, 6)), "out": jax.random.normal(keys[1], (6, 1))}
        state = adam.init(p)
        meter = None
        if watched:
            meter = watch(apply, squares, adam, data, parameters=lambda: p, every=5)
        for _ in meter.over(10) if meter else range(10):
            updates, state = adam.update(gradient(p), state, p)
            p = optax.apply_updates(p, updates)
        return p, meter.readings if meter else []

    (alone, _), (beside, readings) = train(False), train(True)
    assert all((alone[name] == beside[name]).all() for name in alone)
    assert [r.step for r in readings] == [5, 10]
    assert readings[1].loss == pytest.approx(float(squares(apply(beside, data[0]), data[1])))
    assert set(readings[1].terms) == {"hessian"}
    with pytest.raises(BadInput, match="a scheduler is PyTorch's"):
        watch(apply, squares, adam, data, parameters=lambda: alone, scheduler=object())


def test_what_cannot_be_watched_or_followed_is_told(torch: Any):
    model, loss, data = network(torch)
    descent = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(BadInput, match="a pair of tensors"):
        watch(model, loss, descent, data[0])
    with pytest.raises(BadInput, match=r"the loss gives \d+ numbers"):
        watch(model, torch.nn.MSELoss(reduction="none"), descent, data, every=1).measure()
    with pytest.raises(BadInput, match="inputs stand beside"):
        watch(model, loss, descent, (data[0], data[1][1:]))
    with pytest.raises(BadInput, match="not of this model"):
        watch(network(torch)[0], loss, descent, data)
    head = torch.optim.SGD([next(model.parameters())], lr=0.1)
    with pytest.raises(BadInput, match="of the model's parameters out"):
        watch(model, loss, head, data)
    wrong: tuple[Any, ...] = (0, 2.5)
    for steps in wrong:
        with pytest.raises(BadInput, match="is no number of steps"):
            watch(model, loss, descent, data, every=steps)
        with pytest.raises(BadInput, match="is no number of steps"):
            follow(model, loss, descent, data, steps=steps)


def test_the_network_of_the_readme(torch: Any, capsys, monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    readme = Path(__file__).parents[3].joinpath("README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```py\n(.*?)```", readme, re.DOTALL)
    exec(code, {})  # noqa: S102 (our own text)
    out = capsys.readouterr().out
    assert "believed" in out
    assert "weights, modified flow, shifted start" in out
    assert (tmp_path / "run.csv").exists()
