"""Experiments at a hundredth of their size, and what makes a verdict."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from derive.language.bad_input import BadInput
from tests.verify.commands.test_cli import undertow
from verify.networks.experiments import NOT_SEEN, SEEN, UNDECIDED, Experiment, perform

pytest.importorskip("scipy", reason="intervals are Student's, by scipy")


def planted(mean: float, spread: float) -> Experiment:
    """An experiment whose figures are known: it is seen where their mean is below 0."""
    return Experiment(
        "planted", "the mean is below 0", "here", "value", (-math.inf, 0.0), "it is above",
        lambda seed, _: {"value": mean + spread * (-1) ** seed},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mean", "spread", "verdict"),
    [(-1.0, 0.1, SEEN), (1.0, 0.1, NOT_SEEN), (-0.1, 1.0, UNDECIDED), (math.nan, 0.0, UNDECIDED)],
)
def test_a_verdict_follows_from_the_interval(mean: float, spread: float, verdict: str):
    assert perform(planted(mean, spread), seeds=range(4)).verdict == verdict


def test_one_seed_decides_nothing():
    assert perform(planted(-1.0, 0.0), seeds=[0]).verdict == UNDECIDED


def test_what_a_ledger_has_is_not_run_again(tmp_path: Path):
    ledger = tmp_path / "runs.jsonl"
    perform(planted(-1.0, 0.5), seeds=range(3), ledger=ledger)
    found = perform(planted(7.0, 0.0), seeds=range(4), ledger=ledger)
    assert found.values == [-0.5, -1.5, -0.5, 7.0]
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


@pytest.mark.parametrize(
    "name", ["flatness", "accuracy", "edge", "explicit", "drift", "level-lines"]
)
@pytest.mark.usefixtures("digits")
def test_every_experiment_runs_small(capsys, name: str):
    arguments = ("--scale", "0.01", "--seeds", "2", "--format", "json")
    code, out, _ = undertow(capsys, "experiment", name, *arguments)
    found = json.loads(out)
    assert code == {SEEN: 0, NOT_SEEN: 1, UNDECIDED: 3}[found["verdict"]]
    assert len(found["figures"]) == 2
    assert found["fails"]


@pytest.mark.usefixtures("digits")
def test_a_convolutional_network_learns_the_digits_too():
    from verify.networks.digits import read_digits  # noqa: PLC0415 (of an extra)

    found = read_digits(0, 300, 16, convolutional=True)
    before = found.accuracy
    training = found.train(0.1, 0.9)
    for _ in range(30):
        next(training)
    assert found.accuracy > before


def test_experiments_are_listed_and_a_wrong_name_is_told(capsys):
    code, out, _ = undertow(capsys, "experiment")
    assert code == 0
    assert out.splitlines()[0].startswith("flatness")
    code, _, error = undertow(capsys, "experiment", "flatnes")
    assert code == 2
    assert "there are flatness, accuracy" in error
