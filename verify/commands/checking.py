"""`undertow check`: is a formula right, and does a derivation follow line by line?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import Format, Names, Output, number, say, say_json


def _targets_from(incomplete: str) -> list[str]:
    """What the shell offers after `--against`."""
    from verify.formulas.targets import list_targets

    return [label for label, _ in list_targets() if label.startswith(incomplete)]


@command(
    "check",
    examples=(
        "check 'h*(1+beta)/(4*(1-beta)**2)' --against heavy-ball:modified-loss:order-1",
        "check --latex 'E+\\frac{h}{4}\\|\\nabla E\\|^2' --against gradient-descent:modified-loss",
        "check '-lr/2' --name lr=h --find",
        "check \"X'' + 3*X'/t + grad f(X) = 0\" --against nesterov-c",
        "check --align derivation.tex",
        "check --list",
    ),
    takes_formulas=True,
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
    is_latex: Annotated[
        bool, typer.Option("--latex", help="The formula is LaTeX, perhaps a whole display.")
    ] = False,
    assume: Annotated[
        list[str] | None, typer.Option(help="A condition, such as 'beta > 0' or 'nu = beta'.")
    ] = None,
    name: Names = None,
    align: Annotated[
        Path | None, typer.Option(help="A LaTeX file: check its displays line by line.")
    ] = None,
    find: Annotated[
        bool, typer.Option("--find", help="Find the quantities that the formula equals.")
    ] = False,
    start: Annotated[
        str, typer.Option(help="The starting velocity of a second-order equation.")
    ] = "",
    clock: Annotated[
        str | None, typer.Option(help="c, where x_k is met at the time (k + c) h.")
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the targets.")] = False,
    format: Output = Format.TEXT,
) -> None:
    """Is a formula right? Exit 0 for equal, 1 for different, 2 for what cannot be read, 3 for
    what could not be decided.

    A whole display is compared term by term. 'equal' is proved, or says at how many points of the
    parameters' ranges it holds. A second-order equation, X'' + ... = 0, is compared order by order
    with the one that the rule of --against follows.
    """
    from verify.commands import formula_checks as checks
    from verify.formulas.reading_motion import is_motion

    given = {
        "the formula": formula is not None,
        "--against": bool(against),
        "--latex": is_latex,
        "--assume": bool(assume),
        "--name": bool(name),
        "--align": align is not None,
        "--find": find,
        "--list": list_all,
        "--start": bool(start),
        "--clock": clock is not None,
    }
    conditions, names = assume or [], name or []
    if list_all:
        _only(given, "--list")
        report = checks.targets_report()
    elif align is not None:
        _only(given, "--align", "--against", "--assume", "--name")
        report = checks.check_lines(align, against, conditions, names)
    elif formula is None or not formula.strip():
        raise BadInput(
            "give a formula and --against TARGET; 'undertow check --list' lists targets."
        )
    elif find:
        _only(given, "--find", "the formula", "--latex", "--assume", "--name")
        report = checks.search_formula(formula, is_latex, conditions, names)
    elif against and is_motion(formula):
        from verify.commands.equation_checks import check_equation

        used = ("--against", "the formula", "--latex", "--name", "--start", "--clock")
        _only(given, "a second-order equation", *used)
        shift = None if clock is None else number("--clock", clock)
        report = check_equation(formula, against, is_latex, names, start, shift)
    elif against:
        _only(given, "--against", "the formula", "--latex", "--name", "--assume")
        report = checks.check_formula(formula, against, is_latex, conditions, names)
    else:
        raise BadInput("add --against TARGET, or --find to learn which quantity the formula is.")
    if format is Format.JSON:
        say_json(report.data)
    else:
        for line in report.lines:
            say(line)
    if code := checks.EXIT[report.outcome]:
        raise typer.Exit(code)


def _only(given: dict[str, bool], option: str, *more: str) -> None:
    """Refuse options that would have no effect."""
    for other, is_given in given.items():
        if is_given and other not in (option, *more):
            raise BadInput(f"{other} has no effect with {option}; leave one of them out.")
