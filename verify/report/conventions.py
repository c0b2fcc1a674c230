"""A conversion between conventions in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, replace

from derive.engine.linear_memory import linear_method
from verify.running.cells import aligned
from verify.workbench.conventions import (
    STEPS,
    WORDS,
    Agreement,
    Conversion,
    beside,
    difference,
    percent,
    repair,
    scales,
)
from verify.workbench.library_momentum import ConventionValues, number
from verify.workbench.schedule_conversion import UnderSchedule


def describe(conversion: Conversion) -> str:
    """What `undertow convert` prints."""
    source, target, own = conversion.source, conversion.target, scales(conversion.source)
    follows = (
        f"x' = −{beside(own.speed)}∇(E + {beside(own.regularizer)}‖∇E‖²) a step, "
        f"λ = {number(own.inertia, 6)}"
    )
    rows = [[source.convention.name, str(source)]]
    if target is not None:
        rows.append([target.convention.name, str(target)])
        rows += _in_common(conversion, target)
        rows.append(["learning rate", _while_it_changes(conversion, target)])
        return aligned([*rows, ["both follow", follows]])
    rows += [["same iterates", "no, whatever the parameters"], ["follows", follows]]
    kept = [
        ", ".join(WORDS[name] for name in match.keeps) + " (nesterov)" * match.target.nesterov
        for match in conversion.matches
    ]
    goal = conversion.matches[0].target.convention.name
    table = [["kept", goal, *WORDS.values(), "apart"]]
    for label, match in zip(kept, conversion.matches, strict=True):
        values = (number(value, 6) for value in astuple(scales(match.target)))
        table.append([label, str(match.target), *values, percent(match.apart)])
    changes = [[n, match.changes] for n, match in zip(kept, conversion.matches, strict=True)]
    return "\n\n".join(map(aligned, (rows, table, changes)))


def describe_schedule(conversion: Conversion, found: UnderSchedule) -> str:
    """What `undertow convert --schedule` adds."""
    if conversion.target is None or conversion.relation is not Agreement.ITERATES:
        return f"under {found.name}   no conversion has the same iterates to begin with"
    if found.power == 0:
        return f"under {found.name}   the same iterates, each with its own learning rate"
    apart = f"{percent(found.apart)} apart within {STEPS} steps"
    if found.power is None:
        return f"under {found.name}   {apart}; no power of the rates on the memory keeps them one"
    factor = "lr_new/lr_old" if found.power > 0 else "lr_old/lr_new"
    shift = linear_method(conversion.target.rule).memory_shift[0] != 0
    memory = conversion.target.rule.memory[0]
    what = f"x − {memory}" if shift else memory
    return (
        f"under {found.name}   {apart}; the same if {what} is multiplied by {factor} in every step"
    )


def _while_it_changes(conversion: Conversion, target: ConventionValues) -> str:
    """What the sameness is worth under a schedule, and how it is kept."""
    power, memory = repair(conversion), target.rule.memory[0]
    if power is None:
        return "for a constant learning rate"
    if power == 0:
        return "may change, by the same factor for both"
    factor = "lr_new/lr_old" if power > 0 else "lr_old/lr_new"
    shift = linear_method(target.rule).memory_shift[0] != 0
    what = f"x − {memory}" if shift else memory
    return f"for a constant learning rate; when it changes, multiply {what} by {factor}"


def _in_common(conversion: Conversion, target: ConventionValues) -> Iterator[list[str]]:
    name, other = conversion.source.convention.name, target.convention.name
    exactly, first = f"difference 0 over {STEPS} steps, exactly", conversion.first_step
    if conversion.relation is Agreement.GRADIENTS:
        side = "behind" if conversion.lag > 0 else "ahead of"
        yield [
            "same iterates",
            f"no: x of {other} is {side} that of {name} by about {beside(abs(conversion.lag))}∇E",
        ]
        yield ["same gradients", f"yes, at the same points ({exactly})"]
    elif first is None:
        yield ["same iterates", f"yes ({exactly})"]
    else:
        memory, rest = target.rule.memory[0], "x" if first.shift else "0"
        place = f"{'x + ' if first.shift else ''}{beside(first.weight)}∇E instead of {rest}"
        yield ["same iterates", f"yes, if {memory} starts at {place} ({exactly})"]
        without = percent(difference(replace(conversion, first_step=None)))
        yield [
            "first step",
            f"{beside(first.extra)}∇E longer for {name}; without such a start {without} apart",
        ]
