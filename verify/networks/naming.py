"""Which known optimizer is a black box, at which arguments; else where it parts from a claimed one.

Arguments are found by least squares on the increments of one run whose gradients have every size
from 1e-12 to 1, then written as the shortest decimals that still give the same run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np

from derive.language.bad_input import BadInput
from derive.optimizers.libraries import LIBRARIES, find_library
from derive.optimizers.settings import LibraryOptimizer
from verify.networks.boxes import ORTHOGONAL, SHAPES, Box, Gradients, setting_box, shape_of
from verify.networks.probing import STEPS, Findings, apart, probe, same

SIZES = 10.0 ** np.array([-12.0, -9.0, -7.0, -5.0, -3.0, -1.0, 0.0, 0.0])
SHARES = {"betas", "b1", "b2", "b3", "momentum", "rho", "dampening", "decay", "alpha", "beta"}
"""Arguments that lie between 0 and 1; the others are positive."""
TYPICAL = {"weight_decay": 0.01, "momentum": 0.9, "dampening": 0.5, "lambd": 1e-4}
"""Where the search begins for an argument that is preset as 0."""
RATES = ("lr", "learning_rate")
SMALL = 1e-8
NEAR = 1e-5
DIGITS = 10


@dataclass(frozen=True)
class Slip:
    """What is wrong with a rule: it is told another number of the step, its memory starts at 0 in
    its first step, or a switch that the library has in one position is in the other.
    """

    late: int = 0
    cold: bool = False
    flipped: str = ""

    def __str__(self) -> str:
        if self.late:
            return f"with the number of the step {self.late:+d}"
        if self.cold:
            return "with a first step as every other, from memories of 0"
        return f"with {self.flipped!r} switched over" if self.flipped else ""


@dataclass(frozen=True)
class Known:
    """A library's optimizer at arguments, perhaps with a slip."""

    optimizer: LibraryOptimizer
    arguments: Mapping[str, Any]
    slip: Slip = Slip()

    @property
    def box(self) -> Box:
        setting = self.optimizer.setting(**self.arguments)
        if name := self.slip.flipped:
            setting = replace(setting, values={**setting.values, name: not setting.values[name]})
        matrix_map = ORTHOGONAL.get(self.optimizer.library, np.asarray)  # no rule of Keras has one
        return setting_box(setting, matrix_map, late=self.slip.late, cold=self.slip.cold)

    def __str__(self) -> str:
        preset = self.optimizer.defaults
        given = ", ".join(
            f"{name}={value!r}"
            for name, value in self.arguments.items()
            if name in RATES or preset.get(name) != value
        )
        slip = f" {self.slip}" if str(self.slip) else ""
        return f"{str(self.optimizer).partition('(')[0]}({given}){slip}"


@dataclass(frozen=True)
class Parting:
    """Where a box first leaves the optimizer that it is claimed to be: its step from 0 on, and the
    two increments of the coordinate that differs most.
    """

    step: int
    gives: float
    claimed: float


@dataclass(frozen=True)
class Identified:
    """What a box is.

    Args:
        claim: the optimizer that it is claimed to be, None where nothing is claimed.
        parting: where it leaves the claim, None where it does not.
        found: the optimizer that it is, None where it is none that is known.
    """

    findings: Findings
    claim: Known | None
    parting: Parting | None
    found: Known | None


def identify(
    box: Box,
    claim: str = "",
    arguments: Mapping[str, Any] | None = None,
    *,
    library: str = "",
) -> Identified:
    """Probe a box, compare it with what it is claimed to be, and look for what it is.

    Args:
        claim: the name of a library's optimizer such as torch.Adam; empty for none.
        arguments: those of the claim.
        library: where alone to look for what it is: "torch", "optax" or "keras".
    Raises:
        BadInput: the box fails, or the claim has no such arguments.
    """
    given = dict(arguments or {})
    rule = find_library(claim).rule if claim else None
    run = _ProbedRun(box, SHAPES[1:] if rule and rule.maps else SHAPES)
    claimed, parting = None, None
    if rule:
        claimed = Known(find_library(claim), given)
        parting = _parting(run.path, run.of(claimed))
        if parting is None:
            return Identified(run.findings, claimed, None, claimed)
    if not run.findings.repeatable:
        return Identified(run.findings, claimed, parting, None)
    if claim and claimed is None:
        return Identified(run.findings, None, None, None)
    if find_spec("scipy") is None:
        raise BadInput("arguments are found with scipy: pip install 'undertow[torch]'.")
    asked = _candidates(run, claim, library)
    found = next(filter(None, (_fitted(run, one, given) for one in asked)), None)
    return Identified(run.findings, claimed, parting, found)


class _ProbedRun:
    """One run of a box, with gradients of all sizes, and what probing it finds."""

    def __init__(self, box: Box, shapes: Sequence[tuple[int, ...]]) -> None:
        shape = shape_of(box, shapes)
        draw = np.random.default_rng(11)
        self.start = np.array([0, 0, 0, 0, 0, 0, 1.0, -2.0]).reshape(shape)
        sizes = SIZES.reshape(shape)
        self.gradients: Gradients = [
            sizes * draw.uniform(0.3, 1.7, shape) * draw.choice((-1, 1), shape)
            for _ in range(STEPS)
        ]
        with np.errstate(all="ignore"):
            self.path = box(self.start, self.gradients)
        self.findings = probe(box, shape)

    def of(self, known: Known) -> np.ndarray:
        """The same run of a known optimizer."""
        with np.errstate(all="ignore"):
            return known.box(self.start, self.gradients)


def _parting(path: np.ndarray, claimed: np.ndarray) -> Parting | None:
    if same(path, claimed):
        return None
    off = apart(path, claimed).reshape(STEPS, -1)
    step = int(np.argmax(off.max(axis=1) >= SMALL))
    place = int(off[step].argmax())
    gives, wanted = (
        float(-np.diff(p.reshape(STEPS + 1, -1), axis=0)[step, place]) for p in (path, claimed)
    )
    return Parting(step, gives, wanted)


def _candidates(run: _ProbedRun, claim: str, library: str) -> Iterator[LibraryOptimizer]:
    """The known optimizers that behave as the box does, of one library or all, the claimed one
    first."""
    ordered = sorted(LIBRARIES.values(), key=lambda one: str(one) != claim)
    for one in ordered:
        if one.rule is None or library not in ("", one.library):
            continue
        if str(one) == claim or any(
            _kind(Known(one, switches), run.start.shape) == run.findings.kind
            for switches in _switches(one)
        ):
            yield one


def _kind(known: Known, shape: tuple[int, ...]) -> object:
    """What an optimizer does with parameters of this shape; None where it takes others."""
    try:
        return probe(known.box, shape).kind
    except (BadInput, ArithmeticError, TypeError, ValueError):
        return None


def _switches(one: LibraryOptimizer) -> Iterator[dict[str, Any]]:
    names = [name for name, value in one.defaults.items() if isinstance(value, bool)]
    for values in product((False, True), repeat=len(names)):
        yield dict(zip(names, values, strict=True))


def _slips(one: LibraryOptimizer) -> Iterator[Slip]:
    yield from (Slip(), Slip(cold=True), Slip(late=1), Slip(late=-1))
    yield from (Slip(flipped=n) for n, v in one.setting().values.items() if isinstance(v, bool))


def _fitted(run: _ProbedRun, one: LibraryOptimizer, given: Mapping[str, Any]) -> Known | None:
    """The optimizer at the arguments, and with the slip if need be, that give the box's run: as
    they are given, and with other ones.
    """
    known = {name: value for name, value in given.items() if name in one.defaults}
    for slip in _slips(one):
        with suppress(BadInput, ArithmeticError, TypeError, ValueError):
            if same(run.path, run.of(as_given := Known(one, known, slip))):
                return as_given
    full = {**one.defaults, **known}
    tries = [(Slip(), {**s, **w}) for w in _switches(one) for s in _starts(full)]
    for slip, start in (*tries, *((slip, full) for slip in _slips(one))):
        with suppress(BadInput, ArithmeticError, TypeError, ValueError):
            if found := _least(run, Known(one, start, slip)):
                return found
    return None


def _starts(given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Where the search begins: as claimed, pairs exchanged, and each 0 as its typical value."""
    yield dict(given)
    for name, value in given.items():
        if isinstance(value, tuple) and len(value) == 2:
            yield {**given, name: value[::-1]}
        if isinstance(value, float) and value == 0:
            yield {**given, name: TYPICAL.get(name, SMALL)}
    if "b1" in given and "b2" in given:
        yield {**given, "b1": given["b2"], "b2": given["b1"]}


def _least(run: _ProbedRun, start: Known) -> Known | None:
    """The arguments near these that give the box's run, where there are any."""
    from scipy.optimize import least_squares  # noqa: PLC0415 (of an extra)

    free = [
        (name, place)
        for name, value in start.arguments.items()
        for place in ([None] if not isinstance(value, tuple) else range(len(value)))
        if not isinstance(value, bool) and _part(start.arguments, name, place) != 0
    ]

    def at(logs: np.ndarray) -> Known:
        arguments = dict(start.arguments)
        for (name, place), log in zip(free, logs, strict=True):
            arguments = _with(arguments, name, place, _value(name, float(log)))
        return replace(start, arguments=arguments)

    def residual(logs: np.ndarray) -> np.ndarray:
        path = run.of(at(logs))
        left, right = np.diff(run.path, axis=0), np.diff(path, axis=0)
        scale = abs(left) + 1e-4 * abs(run.path[:-1]) + 1e-300
        return np.clip(np.nan_to_num((left - right) / scale, nan=10.0), -10, 10).ravel()

    with np.errstate(all="ignore"):
        begin = np.array([_log(n, _part(start.arguments, n, p)) for n, p in free])
    if np.sqrt(np.mean(residual(begin) ** 2)) > 9:
        return None
    with np.errstate(all="ignore"):
        found = least_squares(residual, begin, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=60)
    if np.abs(found.fun).max() > NEAR:
        return None
    return _shortest(run, at(found.x), free)


def _shortest(run: _ProbedRun, found: Known, free: list[tuple[str, int | None]]) -> Known | None:
    """The same optimizer with every argument as short a decimal as gives the same run."""
    for digits in range(1, DIGITS):
        arguments = dict(found.arguments)
        for name, place in free:
            none = _with(arguments, name, place, 0.0)
            if same(run.path, run.of(replace(found, arguments=none))):
                arguments = none
                continue
            short = float(f"{_part(arguments, name, place):.{digits}g}")
            if name in SHARES:
                rest = float(f"{1 - _part(arguments, name, place):.{digits}g}")
                short = round(1 - rest, 12)
            arguments = _with(arguments, name, place, short)
        known = replace(found, arguments=arguments)
        if same(run.path, run.of(known)):
            return known
    return None


def _part(arguments: Mapping[str, Any], name: str, place: int | None) -> float:
    return arguments[name] if place is None else arguments[name][place]


def _with(
    arguments: Mapping[str, Any], name: str, place: int | None, value: float
) -> dict[str, Any]:
    if place is None:
        return {**arguments, name: value}
    parts = list(arguments[name])
    parts[place] = value
    return {**arguments, name: tuple(parts)}


def _log(name: str, value: float) -> float:
    """An argument without its bounds."""
    return float(np.log(value / (1 - value)) if name in SHARES else np.log(value))


def _value(name: str, log: float) -> float:
    return float(1 / (1 + np.exp(-log)) if name in SHARES else np.exp(min(log, 100)))
