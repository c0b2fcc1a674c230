"""What a schedule does: which delay a rule sees it with, and how much a regularizer acts in a run.

Along x' = -w eta(t) grad(E + h c eta(t) |grad E|^2) the way made is the integral of eta, and the
regularizer acts by the integral of eta^2; both are over the run [0, 1] here, the peak being 1.

Source: Smith, A disciplined approach to neural network hyper-parameters (2018), for one cycle;
Goyal et al., Accurate, large minibatch SGD (2017), for warm-up and steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache

import sympy

from derive.engine.component_ring import NoExpansion
from derive.engine.components import Components
from derive.engine.invariant_manifold import general_flow
from derive.engine.on_loss import SympyWorld
from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer

T, END = sympy.symbols("t T", positive=True)


@dataclass(frozen=True)
class Schedule:
    """Pieces of a run: up to which share of it, and the rate as an expression in t, 0 <= t <= 1."""

    name: str
    meaning: str
    pieces: tuple[tuple[sympy.Rational, sympy.Expr], ...]

    def expr(self, end: sympy.Expr = END) -> sympy.Expr:
        """The rate at the time t of a run that ends at the time `end`.

        Raises:
            BadInput: it has kinks.
        """
        if not self.smooth:
            smooth = ", ".join(n for n, s in SCHEDULES.items() if s.smooth)
            raise BadInput(
                f"the schedule {self.name} has kinks, and a flow is found for one smooth "
                f"expression at a time; smooth are {smooth}."
            )
        ((_, piece),) = self.pieces
        return piece.subs(T, T / end)

    @property
    def smooth(self) -> bool:
        return len(self.pieces) == 1

    def integral(self, power: int, until: sympy.Expr = sympy.Integer(1)) -> sympy.Expr:
        """The integral of rate^power from 0 to a time, exactly."""
        total, begin = sympy.Integer(0), sympy.Integer(0)
        for end, piece in self.pieces:
            stop = sympy.Min(end, until)
            if begin < stop:
                total += sympy.integrate(sympy.expand(piece**power), (T, begin, stop))
            begin = end
        return sympy.simplify(total)

    @property
    def half(self) -> sympy.Expr:
        """When the rate last falls to half its peak; 1 where it never does."""
        begin = sympy.Integer(0)
        found = sympy.Integer(1)
        for end, piece in self.pieces:
            before, after = piece.subs(T, begin), piece.subs(T, end)
            if after <= sympy.Rational(1, 2) < before:
                roots = sympy.solveset(piece - sympy.Rational(1, 2), T, sympy.Interval(begin, end))
                found = min(roots) if isinstance(roots, sympy.FiniteSet) and roots else begin
            elif before <= sympy.Rational(1, 2) and found == 1 and begin > 0 and after <= before:
                found = begin
            begin = end
        return found


@dataclass(frozen=True)
class Action:
    """Of a run: the way and the action, and which share of either is made before the rate halves.

    Args:
        way: the integral of the rate, over that of a constant one at the peak.
        action: that of its square; action/way is the mean weight of the regularizer.
        half: when the rate has fallen to half its peak.
    """

    way: sympy.Expr
    action: sympy.Expr
    half: sympy.Expr
    way_before: sympy.Expr
    action_before: sympy.Expr

    @property
    def mean_weight(self) -> sympy.Expr:
        return sympy.simplify(self.action / self.way)


@lru_cache(maxsize=32)
def action(name: str) -> Action:
    """How much of the regularizer acts over a run, and before the decay.

    >>> found = action("linear")
    >>> found.mean_weight, found.half, found.action_before
    (2/3, 1/2, 7/8)
    """
    schedule = find_schedule(name)
    way, acts = schedule.integral(1), schedule.integral(2)
    half = schedule.half
    shares = (sympy.simplify(schedule.integral(n, half) / of) for n, of in ((1, way), (2, acts)))
    return Action(way, acts, half, *shares)


def _one(name: str, meaning: str, expr: sympy.Expr) -> Schedule:
    return Schedule(name, meaning, ((sympy.Integer(1), expr),))


def _pieces(name: str, meaning: str, *pieces: tuple[str, sympy.Expr]) -> Schedule:
    return Schedule(name, meaning, tuple((sympy.Rational(end), e) for end, e in pieces))


ONE = sympy.Integer(1)
TENTH = sympy.Rational(1, 10)


def _cosine(begin: sympy.Expr, end: sympy.Expr, high: sympy.Expr, low: sympy.Expr) -> sympy.Expr:
    """From high to low between two times."""
    return low + (high - low) * (1 + sympy.cos(sympy.pi * (T - begin) / (end - begin))) / 2


_ALL = (
    _one("constant", "1", ONE),
    _one("linear", "falls to 0", 1 - T),
    _one("cosine", "half a cosine to 0", _cosine(ONE * 0, ONE, ONE, ONE * 0)),
    _one("polynomial", "(1 - t)^2", (1 - T) ** 2),
    _pieces("warm-up", "rises over a tenth of the run", ("1/10", 10 * T), ("1", ONE)),
    _pieces(
        "warm-up-cosine",
        "rises over a tenth of the run, then half a cosine",
        ("1/10", 10 * T),
        ("1", _cosine(TENTH, ONE, ONE, ONE * 0)),
    ),
    _pieces("step", "a tenth each at 1/2 and 3/4", ("1/2", ONE), ("3/4", TENTH), ("1", TENTH**2)),
    _pieces(
        "one-cycle",
        "a cosine from 1/25 up over 3/10 of the run, and one down to 0",
        ("3/10", _cosine(ONE * 0, 3 * TENTH, ONE / 25, ONE)),
        ("1", _cosine(3 * TENTH, ONE, ONE, ONE * 0)),
    ),
)
SCHEDULES: Mapping[str, Schedule] = {schedule.name: schedule for schedule in _ALL}
"""The usual schedules of a learning rate, by name."""


def find_schedule(name: str) -> Schedule:
    """The schedule of this name; BadInput where there is none."""
    if name in SCHEDULES:
        return SCHEDULES[name]
    near = get_close_matches(name, SCHEDULES, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise BadInput(f"no schedule is called '{name}'.{hint} Known are {', '.join(SCHEDULES)}.")


@dataclass(frozen=True)
class Seen:
    """x' = -w [eta(t - lag h) g + h turn eta^2 H g]: how a rule sees the schedule of its step.

    Args:
        speed: w.
        lag: in steps.
        turn: what stands beside H g; half of it is the weight of |grad E|^2 in the loss over h eta.
    """

    speed: sympy.Expr
    lag: sympy.Expr
    turn: sympy.Expr


def seen_schedule(optimizer: Optimizer) -> Seen:
    """With which delay, in steps, the flow of a rule sees the schedule of its step.

    Args:
        optimizer: a rule with one schedule, which multiplies its step.
    Raises:
        NoExpansion: it has another form.

    >>> from derive.optimizers import scheduled_buffer, scheduled_heavy_ball
    >>> seen_schedule(scheduled_buffer).lag, seen_schedule(scheduled_heavy_ball).lag
    (1/2, -(beta + 1)/(2*(beta - 1)))
    """
    if len(optimizer.schedules) != 1:
        raise NoExpansion(f"{optimizer.name} has {len(optimizer.schedules)} schedules, not one.")
    flow, (name,) = general_flow(optimizer, order=2), optimizer.schedules
    values = {n: sympy.Symbol(n) for n in (*optimizer.parameters, "t")}
    scalars = Components(SympyWorld({}, [], {}), values, {})
    rows: list[dict[int, sympy.Expr]] = []
    for element in flow.flow["x"]:
        row: dict[int, sympy.Expr] = {}
        for weight, vector in flow.algebra.split(element) if element else []:
            (symbol,) = vector.symbols
            row[len(symbol.data[2])] = scalars.of(weight)
        rows.append(row)
    t = sympy.Symbol("t")
    eta = sympy.Function(name)(t)
    speed = sympy.factor(-rows[0].get(0, sympy.Integer(0)) / eta)
    lag = sympy.factor(rows[1].get(0, sympy.Integer(0)) / (speed * sympy.diff(eta, t)))
    turn = sympy.factor(-rows[1].get(1, sympy.Integer(0)) / (speed * eta**2))
    if any(part.has(t) for part in (speed, lag, turn)):
        raise NoExpansion(f"{optimizer.name} takes its schedule otherwise than as a step.")
    return Seen(speed, lag, turn)
