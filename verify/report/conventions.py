"""A conversion between conventions in words, and the table of all conventions."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import astuple, replace
from typing import Any

import sympy

from derive.engine.linear_memory import linear_method
from derive.engine.modified_loss import modified_loss
from derive.language.coefficients import Coefficient
from derive.language.writing import plain
from verify.running.cells import aligned
from verify.workbench.conventions import (
    PAIR,
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
from verify.workbench.library_momentum import CONVENTIONS, Convention, ConventionValues, number
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


def conventions_table() -> str:
    """The conventions as a Markdown table, every entry derived from its declaration."""
    head = ["convention", "library", "update", "effective learning rate"]
    head += ["‖∇E‖² in the modified loss", "first gradient counts"]
    rows = [_table_row(c, position) for c in CONVENTIONS.values() for position in c.switches]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _table_row(convention: Convention, position: bool) -> list[str]:
    rule = convention.variant(position)
    loss, method = modified_loss(rule, order=2), linear_method(rule)
    ((immediate,), (read,), (start,)) = method.b, method.v, method.start
    begun = immediate + read * sum(start, method.ring.number(0))

    def code(weight: Coefficient) -> str:
        return f"`{plain(sympy.Symbol(convention.lr) * weight.as_expr())}`"

    return [
        f"{convention.name}{', nesterov' * position}",
        convention.library,
        "<br>".join(f"`{line}`" for line in update_lines(convention, position)),
        code(loss.scale),
        code(loss.terms[PAIR]),
        code(begun) + (f", a later one {code(immediate)}" if begun != immediate else ""),
    ]


def update_lines(convention: Convention, nesterov: bool = False) -> list[str]:
    """The update as it is declared, in the words of the convention."""
    rule = convention.rule
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(rule.rule))).body
    if not isinstance(function, ast.FunctionDef):
        raise TypeError(f"{rule} is no function")
    written = _Written(convention.lr, nesterov)
    *lines, last = filter(None, map(written.visit, function.body[1:]))
    state = (function.args.args[0].arg, *rule.memory)
    values = [ast.unparse(value) for value in last.value.elts]
    changed = [(n, value) for n, value in zip(state, values, strict=True) if n != value]
    names, values = (", ".join(column) for column in zip(*changed, strict=True))
    return [*map(ast.unparse, lines), f"{names} = {values}"]


class _Written(ast.NodeTransformer):
    """Gives h its name, keeps one side of the switch, drops special cases of the parameters."""

    def __init__(self, lr: str, nesterov: bool) -> None:
        self.lr = lr
        self.nesterov = nesterov

    def visit_Name(self, node: ast.Name) -> Any:
        return ast.Name(self.lr if node.id == "h" else node.id, node.ctx)

    def visit_If(self, node: ast.If) -> Any:
        return None

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        return self.visit(node.body if self.nesterov else node.orelse)
