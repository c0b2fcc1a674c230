"""Experiments at a hundredth of their size, and what makes a verdict."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from derive.language.bad_input import BadInput
from tests.verify.commands.test_cli import undertow
from verify.networks.experiments import NOT_SEEN, SEEN, UNDECIDED, Experiment, Prediction, perform
from verify.networks.predictions import EXPERIMENTS

pytest.importorskip("scipy", reason="intervals are Student's, by scipy")


BELOW = Prediction("the mean is below 0", "here", "value", (-math.inf, 0.0), "it is above")
ABOVE = Prediction("the mean is above 0", "here", "value", (0.0, math.inf), "it is below")


def planted(mean: float, spread: float) -> Experiment:
    """An experiment whose figures are known: it is seen where their mean is below 0."""
    return Experiment(
        "planted", lambda seed, _: {"value": mean + spread * (-1) ** seed}, (BELOW, ABOVE)
    )


@pytest.mark.parametrize(
    ("mean", "spread", "below", "above"),
    [
        (-1.0, 0.1, SEEN, NOT_SEEN),
        (1.0, 0.1, NOT_SEEN, SEEN),
        (-0.1, 1.0, UNDECIDED, UNDECIDED),
        (math.nan, 0.0, UNDECIDED, UNDECIDED),
    ],
)
def test_a_verdict_follows_from_the_interval(mean: float, spread: float, below: str, above: str):
    """And one run decides every statement that its figures bear on."""
    found = perform(planted(mean, spread), seeds=range(4)).findings
    assert [one.verdict for one in found] == [below, above]


def test_an_interval_is_students():
    (below, _) = perform(planted(0.0, 1.0), seeds=range(2)).findings
    low, high = below.interval  # of -1 and 1: t(0.975, 1) = tan(0.475 pi) standard errors of 1
    assert (low, high) == pytest.approx((-math.tan(0.475 * math.pi), math.tan(0.475 * math.pi)))


def test_one_seed_decides_nothing():
    assert perform(planted(-1.0, 0.0), seeds=[0]).findings[0].verdict == UNDECIDED


def test_what_a_ledger_has_is_not_run_again(tmp_path: Path):
    ledger = tmp_path / "runs.jsonl"
    perform(planted(-1.0, 0.5), seeds=range(3), ledger=ledger)
    found = perform(planted(7.0, 0.0), seeds=range(4), ledger=ledger)
    assert found.findings[0].values == (-0.5, -1.5, -0.5, 7.0)
    assert len(ledger.read_text().splitlines()) == 4
    ledger.write_text("no ledger\n")
    with pytest.raises(BadInput, match="line 1"):
        perform(planted(0.0, 0.0), seeds=[0], ledger=ledger)
    ledger.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="line 1"):
        perform(planted(0.0, 0.0), seeds=[0], ledger=ledger)


def test_a_ledger_that_cannot_be_written_is_told_before_the_training(tmp_path: Path):
    def never(*_: Any) -> Any:
        pytest.fail("it trains first")

    experiment = replace(planted(0.0, 0.0), run=never)
    for ledger in (tmp_path, tmp_path / "none" / "runs.jsonl"):
        with pytest.raises(BadInput, match="cannot be written"):
            perform(experiment, seeds=[0], ledger=ledger)


@pytest.fixture
def digits() -> Any:
    torch = pytest.importorskip("torch", reason="get PyTorch with the extra 'experiments'")
    pytest.importorskip("sklearn", reason="get scikit-learn with the extra 'experiments'")
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.usefixtures("digits")
def test_every_experiment_runs_small(capsys, name: str):
    arguments = ("--scale", "0.005", "--seeds", "2", "--format", "json")
    code, out, _ = undertow(capsys, "experiment", name, *arguments)
    found = json.loads(out)
    verdicts = {statement["verdict"] for statement in found["statements"]}
    assert code == (1 if NOT_SEEN in verdicts else 3 if UNDECIDED in verdicts else 0)
    assert len(found["figures"]) == 2
    assert all(statement["fails"] for statement in found["statements"])


@pytest.mark.usefixtures("digits")
def test_an_experiment_is_repeated_to_the_bit_and_tells_its_verdict(capsys, tmp_path: Path):
    ledgers = [tmp_path / name for name in ("a", "b")]
    for ledger in ledgers:
        arguments = ("--scale", "0.001", "--seeds", "2", "--ledger", str(ledger))
        _, out, _ = undertow(capsys, "experiment", "perceptron-batches", *arguments)
        assert out.count("verdict") == 2
    first, second = (ledger.read_text() for ledger in ledgers)
    assert first == second


@pytest.mark.usefixtures("digits")
def test_the_trace_of_an_interpolator_is_that_of_its_hessian():
    from verify.networks.handwritten_digits import read_digits  # noqa: PLC0415 (of an extra)
    from verify.networks.trainings import trace_of_hessian  # noqa: PLC0415

    digits = read_digits(0, 6, 3)
    digits.targets = digits.model(digits.inputs).detach()
    land = digits.landscape
    x = land.point()
    hessian = [land.hessian_times(x, e)[i] for i, e in enumerate(np.eye(x.size))]
    assert math.fsum(hessian) == pytest.approx(trace_of_hessian(digits), rel=1e-4)


def test_spreads_are_within_lines_and_along_them():
    from verify.networks.trainings import gathered, spread_within  # noqa: PLC0415 (of an extra)

    cells = {(line, width): float(line) for line in (1, 2) for width in (0.2, 0.1)}
    assert spread_within(gathered(cells, lambda line, _: line)) == 0
    (equal_rate,) = gathered(cells, lambda line, width: line * width)
    assert sorted(equal_rate) == [1, 2]


@pytest.mark.usefixtures("digits")
def test_a_convolutional_network_learns_the_digits_too():
    from verify.networks.handwritten_digits import read_digits  # noqa: PLC0415 (of an extra)

    found = read_digits(0, 300, 16, convolutional=True)
    before = found.accuracy
    training = found.train(0.1, 0.9)
    for _ in range(30):
        next(training)
    assert found.accuracy > before


def test_experiments_are_listed_and_a_wrong_name_is_told(capsys):
    code, out, _ = undertow(capsys, "experiment")
    assert code == 0
    assert out.splitlines()[0].startswith("perceptron")
    code, _, error = undertow(capsys, "experiment", "perceptrn")
    assert code == 2
    assert "there are perceptron, perceptron-batches" in error
