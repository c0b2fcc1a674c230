"""Pictures show what is exact, say it in words, and are written the same every time."""

import builtins
import re
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from flint import fmpq
from matplotlib.container import BarContainer

from derive import heavy_ball
from derive.language.update_rule import BadInput
from derive.networks.diagonal_networks import ROTATED
from derive.optimizers import ZOO, find_library
from tests.test_project import README, ROOT, commands
from tests.verify.commands.test_cli import undertow
from verify.models.interpolators import interpolate
from verify.networks.landscapes import Landscape
from verify.networks.meter import Meter
from verify.report.figures import (
    Picture,
    error_figure,
    gain_figure,
    run_figure,
    schedule_figure,
    stability_figure,
    timescales_figure,
    trajectory_figure,
)
from verify.running.losses import polynomial
from verify.workbench.beside_flow import FLOWS, compare

SVG = "{http://www.w3.org/2000/svg}"
RULE = heavy_ball.at(beta="1/2")
BOWL = polynomial(2, (((2, 0), fmpq(1, 2)), ((0, 2), fmpq(1, 4)), ((2, 1), fmpq(1, 8))), "a bowl")
START = [fmpq(1), fmpq(1)]


def curve(figure: Picture, name: str) -> np.ndarray:
    """The points of the only line of this name, of shape (points, 2)."""
    (line,) = [line for axes in figure.axes for line in axes.get_lines() if line.get_gid() == name]
    return np.column_stack(line.get_data()).astype(float)


def legend(figure: Picture) -> list[str]:
    (found,) = figure.legends
    return [text.get_text() for text in found.get_texts()]


# What a meter read


def test_a_training_is_drawn_as_its_meter_read_it():
    """Gradient descent on x^2/2: the term h |grad E|^2/4 of the loss is a share h/2 throughout."""
    x = np.ones(1)
    bowl = Landscape(lambda: x, lambda at: (float(at @ at) / 2, at), lambda _, v: v, lambda at: at)
    meter = Meter(bowl, find_library("torch.SGD").setting(lr=0.25), every=1)
    with pytest.raises(BadInput, match="takes two readings or more, and the meter has 0"):
        run_figure(meter)
    for _ in meter.over(3):
        x *= 0.75
    figure = run_figure(meter)
    assert curve(figure, "term beside the loss") == pytest.approx(
        np.array([[1, 1 / 8], [2, 1 / 8], [3, 1 / 8]])
    )
    assert curve(figure, "the run")[:, 1] == pytest.approx([1 / 4] * 3)
    assert "lag" not in " ".join(legend(figure))  # there is no memory
    assert {"unstable from 2", "series within 1"} < set(legend(figure))
    assert "believed at 3 of 3 readings" in figure.description


# Errors against the step size

STEPS = [fmpq(1, 2**j) for j in range(6, 11)]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_errors_of_a_pure_power_lie_on_their_fitted_line(order):
    figure = error_figure(STEPS, {"a flow": [float(h) ** order for h in map(_float, STEPS)]})
    assert curve(figure, "a flow") == pytest.approx(curve(figure, "a flow, fitted"), rel=1e-9)
    assert legend(figure) == [f"a flow: order {order}.000 ± 0.010"]


def _float(h: fmpq) -> float:
    return int(h.p) / int(h.q)


def test_an_order_that_is_not_clear_is_not_drawn():
    figure = error_figure(STEPS, {"noise": [3e-9, 1e-9, 4e-9, 1e-9, 5e-9]})
    assert legend(figure) == ["noise: order undecided"]
    assert [line.get_gid() for line in figure.axes[0].get_lines()] == ["noise"]


def test_the_errors_of_a_run_show_the_orders_of_the_theory():
    found = compare(RULE, BOWL, START, h=fmpq(1, 64), time=fmpq(1))
    figure = error_figure(found.steps, found.errors)
    for name, order in zip(FLOWS, (1, 1, 2), strict=True):
        assert found.orders[name].supports(order)
        (x0, y0), *_, (x1, y1) = np.log(curve(figure, f"{name}, fitted"))
        assert (y1 - y0) / (x1 - x0) == pytest.approx(found.orders[name].value)
    assert all(name in figure.description for name in FLOWS)


@pytest.mark.parametrize("errors", [[1.0, 0.5], [1.0, 0.5, 0.2, 0.1, 0.0]])
def test_errors_that_cannot_be_drawn_are_refused(errors):
    with pytest.raises(BadInput, match="a flow"):
        error_figure(STEPS, {"a flow": errors})


# Stability

BOUNDARIES = ("oscillating from", "oscillating to", "stable below")
LIMITS = {  # oscillation from and to, stability limit, all for z at momentum b: the classical forms
    ZOO["heavy-ball"]: lambda b: ((1 - b**0.5) ** 2, (1 + b**0.5) ** 2, 2 * (1 + b)),
    ZOO["nesterov"]: lambda b: (((1 - b) / (1 + b)) ** 2, 1 + 0 * b, 2 * (1 + b) / (1 + 2 * b)),
    ZOO["torch-sgd"].at(dampening=0): lambda b: ((1 - b**0.5) ** 2, (1 + b**0.5) ** 2, 2 + 2 * b),
    ZOO["quasi-hyperbolic"].at(nu=1): lambda b: (
        (1 - b**0.5) / (1 + b**0.5),
        (1 + b**0.5) / (1 - b**0.5),
        2 * (1 + b) / (1 - b),
    ),
}


@pytest.mark.parametrize("rule", LIMITS, ids=str)
def test_the_boundaries_of_the_regions_are_the_classical_ones(rule):
    figure = stability_figure(rule)
    for i, name in enumerate(BOUNDARIES):
        z, beta = curve(figure, name).T
        assert z == pytest.approx(LIMITS[rule](beta)[i])


@pytest.mark.parametrize("rule", [ZOO["heavy-ball"], ZOO["nesterov"]], ids=str)
def test_the_multipliers_are_what_the_region_says(rule):
    figure = stability_figure(rule)
    low, high, limit = (curve(figure, name) for name in BOUNDARIES)
    for i in range(20, 400, 60):
        beta, ends = low[i, 1], sorted((low[i, 0], high[i, 0], limit[i, 0]))
        for z in ((1 - 1e-6) * end if s else (1 + 1e-6) * end for end in ends for s in (0, 1)):
            kappa = np.linalg.eigvals(_one_mode(rule.name, z, beta))
            assert (max(abs(kappa)) < 1) == (z < limit[i, 0])
            assert (abs(kappa[0].imag) > 0) == (low[i, 0] < z < high[i, 0])


def _one_mode(name: str, z: float, beta: float) -> np.ndarray:
    """x, v <- x + v', v' = beta v - z (x + c beta v)."""
    look = beta if name == "nesterov" else 0
    return np.array([[1 - z, beta - z * look], [-z, beta - z * look]])


@pytest.mark.parametrize("name", ["gradient-descent", "aggregated-momentum", "torch-sgd", "sam"])
def test_an_optimizer_without_such_a_plane_is_refused(name):
    with pytest.raises(BadInput, match=name):
        stability_figure(ZOO[name])


# Timescales


def test_a_heavy_ball_mode_relaxes_as_its_multipliers_say():
    figure = timescales_figure(heavy_ball, step="1/100", top=4)
    away, times = curve(figure, "slowest mode, curvature 4").T
    oscillating = away < 1 - (1 - 0.04**0.5) ** 2
    assert times[oscillating] == pytest.approx(-2 / np.log(1 - away[oscillating]))
    beta = 1 - away[~oscillating]
    root = np.sqrt((1 + beta - 0.04) ** 2 - 4 * beta)
    assert times[~oscillating] == pytest.approx(-1 / np.log((1 + beta - 0.04 + root) / 2))
    assert curve(figure, "fastest")[0] == pytest.approx([1 - 0.8**2, -1 / np.log(0.8)])


def test_relaxation_and_drift_cross_at_the_matched_momentum():
    """Drift takes 1/(r (h/(1-b))^2) steps, r = s k/4, relaxation 2/(1-b): (1-b)^3 = 2 r h^2."""
    figure = timescales_figure(
        heavy_ball, step="1/1000", top=50, label_noise="1/10", trace_curvature=2
    )
    ((away, steps),) = curve(figure, "matched")
    assert away == pytest.approx((2 * 0.05 * 1e-6) ** (1 / 3))
    assert steps == pytest.approx(2 / away)
    x, drift = curve(figure, "drift along the valley").T
    assert drift == pytest.approx(x**2 / (0.05 * 1e-6))


def test_the_leading_order_of_an_oscillating_mode_is_that_of_the_theory():
    figure = timescales_figure(heavy_ball, step="1/100", top=1)
    lines = [li for li in figure.axes[0].get_lines() if li.get_gid() == "leading order"]
    slow, fast, oscillating = (np.column_stack(line.get_data()).astype(float) for line in lines)
    assert slow[:, 1] == pytest.approx(slow[:, 0] * 100)
    assert fast[:, 1] == pytest.approx(1 / fast[:, 0])
    assert oscillating[:, 1] == pytest.approx(2 / oscillating[:, 0])


# Trajectory and gain


def test_a_trajectory_starts_at_the_start_and_steps_as_declared():
    figure = trajectory_figure(RULE, BOWL, START, h=fmpq(1, 32), time=fmpq(1))
    (x0, x1, x2, *_) = found = curve(figure, "iterates")
    assert len(found) == 33
    assert x0 == pytest.approx([1, 1])
    assert x1 - x0 == pytest.approx([-1.25 / 32, -0.625 / 32])
    x, y = x1
    gradient = np.array([x + x * y / 4, y / 2 + x**2 / 8])
    assert x2 - x1 == pytest.approx((x1 - x0) / 2 - gradient / 32)
    for name in FLOWS[:2]:
        assert curve(figure, name)[0] == pytest.approx([1, 1])


def test_the_shifted_start_is_that_of_the_theory():
    """x_0 + h beta/(1 - beta)^2 grad E + O(h^2)."""
    figure = trajectory_figure(RULE, BOWL, START, h=fmpq(1, 2**12), time=fmpq(1, 2**10))
    shifted = curve(figure, FLOWS[2])[0]
    assert (shifted - 1) * 2**12 == pytest.approx([2.5, 1.25], abs=0.01)


def test_a_loss_of_one_variable_has_no_contours():
    line = polynomial(1, (((2,), fmpq(1)),), "x^2")
    with pytest.raises(BadInput, match=r"1 variable; .* needs 2"):
        trajectory_figure(RULE, line, [fmpq(1)], h=fmpq(1, 32), time=fmpq(1))


def test_gains_are_drawn_coordinate_by_coordinate():
    x = [[fmpq(1), fmpq(2), fmpq(0)], [fmpq(0), fmpq(1), fmpq(1)]]
    run = interpolate(
        x, [fmpq(1), fmpq(2)], [[fmpq(1, 5)] * 3] * 2, network=ROTATED, gamma=fmpq(1, 10)
    )
    figure = gain_figure({"gradient descent": run})
    (bars,) = figure.axes[0].containers
    assert isinstance(bars, BarContainer)
    heights = np.array(bars.datavalues)
    assert heights == pytest.approx([float(g) for g in run.gain])
    w0 = 0.2 * 0.2  # the gain is ln(|w+ w-|/(v+ v-)) from the start to the effective start
    assert np.exp(-heights) * w0 == pytest.approx(run.effective_start.prod(axis=0))
    assert curve(figure, "gradient descent, found")[:, 1] @ [1, 2, 0] == pytest.approx(1)


def test_a_schedule_is_drawn_with_the_shares_that_are_exact():
    figure = schedule_figure("linear")
    shares = curve(figure, "regularizer, ∫η²")
    middle = shares[len(shares) // 2]
    assert middle == pytest.approx([0.5, 7 / 8], abs=1e-3)
    assert "0.875 of the regularizer" in figure.description


# Files and the command

COMMANDS = {
    "errors": "heavy-ball --set beta=1/2 --loss x^2/2+y^4/4 --start 1,1/2 --time 1/2",
    "trajectory": "heavy-ball --set beta=1/2 --loss x^2/2+y^4/4 --start 1,1/2 --time 1/2",
    "stability": "nesterov",
    "timescales": "nesterov --lr 1e-3 --hessian-top 50 --hessian-bottom 1",
    "schedule": "step",
    "gain": "--x 1,2,0;0,1,1 --y 1,2 --lr 1/20 --start 1/5 --batch 1",
}


@pytest.mark.parametrize("kind", COMMANDS)
def test_an_svg_has_text_a_title_and_a_description_and_is_the_same_again(capsys, tmp_path, kind):
    first, again = (tmp_path / name for name in ("first.svg", "again.svg"))
    for path in (first, again):
        code, out, err = undertow(capsys, "plot", kind, *COMMANDS[kind].split(), "--out", str(path))
        assert (code, out.strip(), err) == (0, str(path), "")
    assert first.read_bytes() == again.read_bytes()
    root = ElementTree.parse(first).getroot()
    title, description = root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")
    assert title
    assert description
    assert len(description) > len(title)
    assert root.get("role") == "img"
    assert len([text for text in root.iter(f"{SVG}text") if text.text]) > 8
    assert "date" not in first.read_text(encoding="utf-8").lower()


@pytest.mark.parametrize(("suffix", "magic"), [(".pdf", b"%PDF-"), (".PNG", b"\x89PNG\r\n")])
def test_other_formats_open(capsys, tmp_path, suffix, magic):
    path = tmp_path / f"picture{suffix}"
    assert undertow(capsys, "plot", "stability", "heavy-ball", "--out", str(path))[0] == 0
    assert path.read_bytes().startswith(magic)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stability heavy-ball --out a.jpg", "should end in .svg, .pdf or .png"),
        ("stability heavy-ball --out no/such/place.svg", "cannot be written"),
        ("stability heavyball --out a.svg", "Did you mean 'heavy-ball'"),
        ("stability sam --set rho=1/2 --out a.svg", "momentum"),
        ("stability heavy-ball --set beta=1/2 --out a.svg", "momentum"),
        ("errors heavy-ball --loss x^2 --start 1 --out a.svg", "--set beta="),
        ("trajectory nesterov --set beta=0 --loss x^2 --start 1 --out a.svg", "needs 2"),
        ("timescales heavy-ball --lr 0 --hessian-top 1 --out a.svg", "above 0"),
        ("gain --x 1,1 --y 1 --lr 1/9 --network odd --out a.svg", "--network odd"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_refused(capsys, tmp_path, monkeypatch, line, said):
    monkeypatch.chdir(tmp_path)
    code, _, err = undertow(capsys, "plot", *line.split())
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_one_sentence_says_how_to_get_it(capsys, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name: str, *rest, **more):
        if name.split(".", maxsplit=1)[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return real(name, *rest, **more)

    for name in [n for n in sys.modules if n.startswith("verify.report.figures")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    path = tmp_path / "a.svg"
    code, _, err = undertow(capsys, "plot", "stability", "heavy-ball", "--out", str(path))
    assert code == 2
    assert err == "undertow: a picture needs matplotlib: pip install 'undertow[plot]'.\n"


def test_the_picture_of_the_readme_is_the_one_that_its_command_draws(capsys, tmp_path):
    ((alternative, name),) = re.findall(r"!\[(.+?)\]\((\S+\.svg)\)", README)
    assert len(alternative) > 80
    (command,) = [c for c in commands() if c.endswith(f"--out {Path(name).name}")]
    *words, _ = shlex.split(command)[1:]
    path = tmp_path / "now.svg"
    assert undertow(capsys, *words, str(path))[0] == 0
    kept, drawn = (ElementTree.parse(p).getroot() for p in (ROOT / name, path))
    assert _words(kept) == _words(drawn)
    for one, other in zip(_paths(kept), _paths(drawn), strict=True):
        assert one == pytest.approx(other, abs=2)  # points; a font may be measured differently


def _words(root: ElementTree.Element) -> list[str]:
    return [e.text or "" for tag in ("title", "desc", "text") for e in root.iter(f"{SVG}{tag}")]


def _paths(root: ElementTree.Element) -> list[list[float]]:
    """The coordinates of the lines of data."""
    lines = [g for g in root.iter(f"{SVG}g") if g.get("id") in (*FLOWS, "iterates")]
    assert len(lines) == 4
    paths = [p.get("d", "") for g in lines for p in g.findall(f"{SVG}path")]
    return [[float(n) for n in re.findall(r"-?\d+\.?\d*", d)] for d in paths]
