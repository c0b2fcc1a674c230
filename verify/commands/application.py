"""How the command line is put together: help in groups, commands imported when they are run.

A command is a function under `@command("its name", ...)` in the module that `menu` names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any, TypeVar

import typer
from typer._click.core import ParameterSource
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from derive.language.docstrings import docstring
from verify.commands.help import example, heading, record, usage
from verify.commands.menu import MENU, SUBMENUS, Groups, MenuEntry
from verify.commands.output import only_answers, waiting
from verify.commands.values import read_directly

WIDEST = 100
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": WIDEST}

Function = TypeVar("Function", bound=Callable[..., Any])


def split(command: Any, ctx: Any, args: list[str]) -> list[str]:
    """What the completion has to know: which options are given, and what stands besides them."""
    parser = command.make_parser(ctx)
    given, rest, _ = parser.parse_args(args=args)
    ctx._opt_prefixes.update(parser._opt_prefixes)
    ctx.params.update(given)
    for name in (name for name, value in given.items() if value is not None):
        ctx.set_parameter_source(name, ParameterSource.COMMANDLINE)
    ctx.args = rest
    return rest


class Command(TyperCommand):
    """A command with examples, and with the names that its options had before."""

    examples: tuple[str, ...] = ()
    former: Mapping[str, str] = {}
    takes_formulas: bool = False

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters with that of the help."""
        return read_directly(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments with today's names: --h 1 as --lr 1, --beta 1/2 as --set beta=1/2."""
        if ctx.resilient_parsing:
            return split(self, ctx, args)
        if self.takes_formulas:
            known = {name for param in self.get_params(ctx) for name in param.opts}
            args = [shielded(word, known) for word in args]
        return super().parse_args(ctx, renamed(args, self.former))

    def invoke(self, ctx: Any) -> Any:
        """Run it; a terminal sees that it works, and with --format json nothing mixes in."""
        with waiting(ctx.command_path):
            if ctx.params.get("format") != "json":
                return super().invoke(ctx)
            with only_answers(answers):
                return super().invoke(ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Arguments first and without braces, then the options."""
        return usage(self.get_params(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments and options, each with its values and its default."""
        shown = [param for param in self.get_params(ctx) if not getattr(param, "hidden", False)]
        for kind, title in (("argument", "Arguments"), ("option", "Options")):
            records = [record(param) for param in shown if param.param_type_name == kind]
            if records:
                with formatter.section(heading(title)):
                    formatter.write_dl(records, col_max=26)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The examples, each on a line of its own."""
        if self.examples:
            with formatter.section(heading("Examples")):
                for text in self.examples:
                    formatter.write(example(text))


class Menu(TyperGroup):
    """A command of commands, each imported when it is run."""

    path: tuple[str, ...] = ()
    groups: Groups = MENU

    @property
    def entries(self) -> dict[str, MenuEntry]:
        """All commands, in the order of the help."""
        return {name: entry for group in self.groups.values() for name, entry in group.items()}

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters with that of the help."""
        return read_directly(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported; None where there is none of that name."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        if not entry.module:
            return submenu(cmd_name, entry.says)
        import_module(f"verify.commands.{entry.module}")
        return COMMANDS[" ".join((*self.path, cmd_name))]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As in any group; for an unknown name it says which one may be meant."""
        if args[0] not in self.entries and not args[0].startswith("-"):
            ctx.fail(self._unknown(ctx, args[0]))
        return super().resolve_command(ctx, args)

    def _unknown(self, ctx: Any, name: str) -> str:
        close = get_close_matches(name, self.entries, n=1)
        meant = f"Did you mean '{close[0]}'? " if close else ""
        said = " ".join((*self.path, name))
        return f"there is no command '{said}'. {meant}('{ctx.command_path} --help' lists all)"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """With nothing to do, it is the help that was asked for."""
        if ctx.resilient_parsing:
            rest = split(self, ctx, args)
            ctx._protected_args, ctx.args = rest[:1], rest[1:]
            return ctx.args
        return super().parse_args(ctx, args or ["--help"])

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """What stands behind its name."""
        return ["COMMAND ..."]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The commands in their groups, one line each."""
        for title, group in self.groups.items():
            with formatter.section(heading(title)):
                formatter.write_dl([(f"{name:<12}", entry.says) for name, entry in group.items()])

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Commands first, then the options."""
        self.format_commands(ctx, formatter)
        with formatter.section(heading("Options")):
            formatter.write_dl([record(param) for param in self.get_params(ctx)])

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Names from the table."""
        from typer._click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=entry.says)
            for name, entry in self.entries.items()
            if name.startswith(incomplete)
        ]
        return names or super(TyperGroup, self).shell_complete(ctx, incomplete)


answers: list[str] = []
"""JSON that a command has to say; it is printed when the command ends."""

COMMANDS: dict[str, Any] = {}
"""The commands that were imported, by what is typed."""


def command(
    name: str,
    *,
    examples: tuple[str, ...],
    former: Mapping[str, str] | None = None,
    takes_formulas: bool = False,
) -> Callable[[Function], Function]:
    """Make a function the command `undertow NAME`.

    Args:
        name: what is typed, as "derive" or "plot errors".
        examples: what may be typed behind `undertow`, for the help.
        former: options as they were called before, with today's name ("--h": "--lr"), with the
            parameter they set ("--beta": "--set beta="), or "" for what is an argument now.
        takes_formulas: what begins with one minus and is no option is a formula.
    """

    def register(function: Function) -> Function:
        traits = {"examples": examples, "former": former or {}, "takes_formulas": takes_formulas}
        kind = type("Command", (Command,), traits)
        app = typer.Typer(
            add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
        )
        last, says = name.rsplit(maxsplit=1)[-1], docstring(function)
        app.command(last, cls=kind, help=says, context_settings=CONTEXT)(function)
        COMMANDS[name] = get_command(app)
        return function

    return register


def submenu(name: str, says: str) -> Any:
    """A command that only has commands."""
    kind = type("Menu", (Menu,), {"path": (name,), "groups": SUBMENUS[name]})
    return kind(
        name=name, help=says, rich_markup_mode=None, context_settings=CONTEXT, add_help_option=True
    )


def shielded(word: str, options: Collection[str]) -> str:
    """A formula such as -h/2 with a blank before its minus, which then begins no option.

    >>> shielded("-h/2", ["-h", "--help"]), shielded("-h", ["-h", "--help"])
    (' -h/2', '-h')
    """
    is_formula = word.startswith("-") and not word.startswith("--") and word not in ("-", *options)
    return f" {word}" if is_formula else word


def renamed(arguments: list[str], former: Mapping[str, str]) -> list[str]:
    """Arguments with the options' names of today.

    >>> renamed(["--h", "1/8", "--beta=1/2"], {"--h": "--lr", "--beta": "--set beta="})
    ['--lr', '1/8', '--set', 'beta=1/2']
    >>> renamed(["--optimizer", "nesterov"], {"--optimizer": ""})
    ['nesterov']
    """
    found: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            return [*found, word, *words]
        option, equals, value = word.partition("=")
        if option not in former:
            found.append(word)
            continue
        today, _, prefix = former[option].partition(" ")
        given = value if equals else next(words, None)
        found += [today] if today else []
        found += [] if given is None else [prefix + given]
    return found


app = typer.Typer(
    cls=Menu,
    help="Which loss, and which flow, does an optimizer really follow?",
    epilog="'undertow COMMAND --help' has the options of a command, with examples.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"undertow {version('undertow')}")
        raise typer.Exit


@app.callback()
def undertow(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Which loss, and which flow, does an optimizer really follow?"""
