"""Statements on deep networks, tried at the size of a desk: each is seen, not seen or undecided.

Every statement says beforehand what it would take to fail. A run gives figures for one seed, which
may bear on several statements; a verdict comes from the interval of a figure's mean at 95 %.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from derive.language.bad_input import BadInput

Run = Callable[[int, float], Mapping[str, float]]
"""From a seed and a scale (1 in full, less for a smoke run) to figures."""
SEEN, NOT_SEEN, UNDECIDED = "seen", "not seen", "undecided at this size"


@dataclass(frozen=True)
class Prediction:
    """What was said of networks, and which figure of a run decides it.

    Args:
        says: the statement; `source` says where it was read.
        quantity: the figure that decides, in words; `within` is where it has to lie.
        fails: what it would take to fail.
    """

    says: str
    source: str
    quantity: str
    within: tuple[float, float]
    fails: str


@dataclass(frozen=True)
class Experiment:
    """A run for each seed, and the statements that it is to decide."""

    name: str
    run: Run
    statements: tuple[Prediction, ...]
    seeds: int = 10


@dataclass(frozen=True)
class Finding:
    """What came of a statement: the figure that decides it, one a seed."""

    statement: Prediction
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return math.fsum(self.values) / len(self.values)

    @property
    def interval(self) -> tuple[float, float]:
        """Of the mean, at 95 % by Student's t; all numbers for a single seed."""
        n = len(self.values)
        if n < 2:
            return -math.inf, math.inf
        from scipy.stats import t  # noqa: PLC0415 (of an extra)

        spread = math.sqrt(math.fsum((v - self.mean) ** 2 for v in self.values) / (n - 1) / n)
        half = float(t.ppf(0.975, n - 1)) * spread
        return self.mean - half, self.mean + half

    @property
    def verdict(self) -> str:
        """Seen where the whole interval lies within, not seen where it lies outside."""
        low, high = self.interval
        least, most = self.statement.within
        if not all(map(math.isfinite, self.values)):
            return UNDECIDED
        if least < low and high < most:
            return SEEN
        return NOT_SEEN if high < least or low > most else UNDECIDED

    def as_json(self) -> dict[str, object]:
        return {
            "statement": self.statement.says,
            "source": self.statement.source,
            "quantity": self.statement.quantity,
            "within": [_number(v) for v in self.statement.within],
            "fails": self.statement.fails,
            "mean": _number(self.mean),
            "interval": [_number(v) for v in self.interval],
            "verdict": self.verdict,
        }


@dataclass(frozen=True)
class ExperimentResult:
    """What came of an experiment: the figures, a mapping for each seed."""

    experiment: Experiment
    figures: tuple[Mapping[str, float], ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(
            Finding(s, tuple(found[s.quantity] for found in self.figures))
            for s in self.experiment.statements
        )

    def as_json(self) -> dict[str, object]:
        return {
            "experiment": self.experiment.name,
            "statements": [found.as_json() for found in self.findings],
            "figures": [{k: _number(v) for k, v in found.items()} for found in self.figures],
        }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def perform(
    experiment: Experiment,
    *,
    seeds: Sequence[int],
    scale: float = 1.0,
    ledger: Path | None = None,
    done: Callable[[str], None] = lambda _: None,
) -> ExperimentResult:
    """Run an experiment on these seeds; what the ledger has is not run again.

    Args:
        ledger: a file with one line of JSON a seed, added to as each is finished.
    Raises:
        BadInput: the ledger is no such file, or cannot be written.
    """
    known = {} if ledger is None else _known(ledger, experiment.name, scale)
    for seed in seeds:
        if seed not in known:
            known[seed] = dict(experiment.run(seed, scale))
            if ledger is not None:
                line = {"experiment": experiment.name, "scale": scale, "seed": seed}
                with ledger.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line | {"figures": known[seed]}) + "\n")
        done(f"seed {seed}")
    return ExperimentResult(experiment, tuple(known[seed] for seed in seeds))


def _known(ledger: Path, name: str, scale: float) -> dict[int, dict[str, float]]:
    """What a ledger has, which can be added to."""
    try:
        ledger.open("a", encoding="utf-8").close()
        return dict(_read(ledger, name, scale))
    except OSError as error:
        raise BadInput(f"{ledger} cannot be written: {error.strerror}.") from None


def _read(ledger: Path, name: str, scale: float) -> Iterator[tuple[int, dict[str, float]]]:
    for number, line in enumerate(
        ledger.read_text(encoding="utf-8", errors="replace").splitlines(), 1
    ):
        try:
            entry = json.loads(line)
            if (entry["experiment"], entry["scale"]) == (name, scale):
                yield int(entry["seed"]), dict(entry["figures"])
        except (ValueError, KeyError, TypeError):
            raise BadInput(f"{ledger}, line {number} is none of an experiment's ledger.") from None
