"""`undertow check`: is a formula right, and does a derivation follow line by line?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import Names, assignments, say


def _targets_from(incomplete: str) -> list[str]:
    """What the shell offers after `--against`."""
    from verify.formulas.targets import list_targets

    return [label for label, _ in list_targets() if label.startswith(incomplete)]


@command(
    "check",
    examples=(
        "check 'h*(1+beta)/(4*(1-beta)**2)' --against heavy-ball:modified-loss:order-1",
        "check '\\frac{h(1+\\beta)}{4}' --latex --against heavy-ball:modified-loss:order-1",
        "check --align derivation.tex",
        "check --list",
    ),
)
def check(
    formula: Annotated[str | None, typer.Argument(help="A formula, such as 'h/4'.")] = None,
    against: Annotated[
        str,
        typer.Option(
            help="A target, such as heavy-ball:modified-loss:order-1, or a claim.",
            autocompletion=_targets_from,
        ),
    ] = "",
    is_latex: Annotated[bool, typer.Option("--latex", help="The formula is LaTeX.")] = False,
    assume: Annotated[
        list[str] | None, typer.Option(help="A condition, such as 'beta > 0' or 'nu = beta'.")
    ] = None,
    name: Names = None,
    align: Annotated[
        Path | None, typer.Option(help="A LaTeX file: check its align environment line by line.")
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the targets.")] = False,
) -> None:
    """Is a formula right? Exit 0 for equal, 1 for different, 2 for what cannot be read."""
    from derive.language.formula import MEANINGS
    from derive.language.writing import latex, plain
    from verify.formulas.comparing import compare_with
    from verify.formulas.reading import read_expression, read_latex
    from verify.formulas.targets import find_target, list_targets
    from verify.workbench.drafts import read_condition

    if list_all:
        for label, meaning in list_targets():
            say(f"{label}   {meaning}")
        return
    if align is not None:
        _check_lines(align)
        return
    if not formula or not against:
        raise BadInput(
            "give a formula and --against TARGET; 'undertow check --list' lists targets."
        )
    target = find_target(against)
    aliases = assignments(name or [], option="--name")
    names = {s.name for s in target.expr.free_symbols} | set(MEANINGS) | set(aliases.values())
    read = read_latex if is_latex else read_expression
    given = read(formula, names=names, aliases=aliases)
    conditions = [read_condition(text, names=names, aliases=aliases) for text in assume or []]
    answer = compare_with(given, target, conditions)
    if answer.equal:
        say("equal")
        return
    say("different")
    lines = {
        "right formula": plain(answer.right),
        "LaTeX": latex(answer.right),
        "yours / right": answer.ratio,
        "yours - right": answer.difference,
        "counterexample": answer.counterexample,
        "they agree for": ", ".join(answer.agree),
        "one slip": answer.slip,
        "it is right for": answer.elsewhere,
    }
    width = max(map(len, lines))
    for label, text in lines.items():
        if text:
            say(f"  {label:<{width}}   {text}")
    raise typer.Exit(1)


def _check_lines(path: Path) -> None:
    from verify.formulas.aligning import first_break, read_align

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"--align {path} cannot be read: {error}.") from None
    lines = read_align(text)
    found = first_break(lines)
    if found is None:
        say(f"every line follows from the one before it ({len(lines)} right-hand sides)")
        return
    say(f"line {found.line.number} does not follow from line {found.before.number}")
    say(f"  before           {found.before.text}")
    say(f"  this line        {found.line.text}")
    for label, told in (("one slip", found.slip), ("counterexample", found.counterexample)):
        if told:
            say(f"  {label:<14}   {told}")
    raise typer.Exit(1)
