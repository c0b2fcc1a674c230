"""What `undertow check` does with a second-order equation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flint import fmpq

from derive.engine.second_order import written
from derive.language.raised import raised
from derive.language.writing import unicode_text
from verify.commands.formula_checks import SECONDS, CheckReport
from verify.formulas.deciding import Outcome
from verify.formulas.notation import read_names
from verify.formulas.reading_motion import read_motion, read_velocity
from verify.report.motion import sum_of
from verify.running.budget import OverBudget, within_budget
from verify.running.rule_files import find_rule
from verify.workbench.beside_motion import ORDERS, MotionReport, Side, compare_motion, names_of


def check_equation(
    text: str,
    against: str,
    is_latex: bool,
    name: Sequence[str],
    start: str = "",
    clock: fmpq | None = None,
) -> CheckReport:
    """An equation for X'', and perhaps a start, beside those that a rule follows."""
    rule = find_rule(against)
    known = names_of(rule)
    aliases = read_names(name, known)

    def compare() -> MotionReport:
        given = read_motion(text, names=known, aliases=aliases, latex=is_latex)
        begin = (
            read_velocity(start, names=known, aliases=aliases, latex=is_latex) if start else None
        )
        return compare_motion(rule, given, begin, clock)

    try:
        found = within_budget(compare, "comparing the equations", seconds=4 * SECONDS)
    except OverBudget as error:
        why = str(error)
        data = {"outcome": str(Outcome.UNDECIDED), "against": against, "why": why}
        return CheckReport(Outcome.UNDECIDED, (f"undecided: {why}",), data)
    return CheckReport(found.outcome, tuple(_lines(found)), _data(found))


def _side_lines(side: Side, what: str) -> Iterator[str]:
    yield f"{what}   {side.outcome}"
    for n, row in enumerate(side.right):
        wrong = [d for d in side.differences if d.power == n]
        if not wrong:
            yield f"  h{raised(n)}   agrees     {sum_of(row)}"
            continue
        if n > side.through:
            yield f"  h{raised(n)}   to come    {sum_of(row)}"
            return
        for d in wrong:
            yield (
                f"  h{raised(n)}   differs    beside {written(d.vector)}: yours "
                f"{unicode_text(d.yours)}, right {unicode_text(d.right)}"
            )
        yield f"  h{raised(n)}   right      {sum_of(row)}"


def _lines(found: MotionReport) -> Iterator[str]:
    yield f"{found.outcome}   (compared through h{raised(ORDERS - 1)})"
    clock = _clock(found.clock)
    yield from _side_lines(found.equation, f"x'' of {found.name}, with x_k at the time {clock}")
    if found.other_clock and found.other_clock.agrees < found.equation.agrees:
        yield f"  with x_k at the time kh it agrees below h{raised(found.other_clock.agrees)} only"
    for side in found.starts:
        yield from _side_lines(side, f"x' at the start, from {side.name}")


def _clock(shift: fmpq) -> str:
    return f"(k + {shift})h" if shift else "kh"


def _side_data(side: Side) -> dict[str, Any]:
    return {
        "outcome": str(side.outcome),
        "agrees_below": side.agrees,
        "through": side.through,
        "from": side.name,
        "differences": [
            {
                "power": d.power,
                "beside": written(d.vector),
                "yours": str(d.yours),
                "right": str(d.right),
            }
            for d in side.differences
        ],
        "right": [{written(v): str(c) for v, c in row.items()} for row in side.right],
    }


def _data(found: MotionReport) -> dict[str, Any]:
    return {
        "outcome": str(found.outcome),
        "against": found.name,
        "clock": str(found.clock),
        "equation": _side_data(found.equation),
        "starts": [_side_data(side) for side in found.starts],
    }
