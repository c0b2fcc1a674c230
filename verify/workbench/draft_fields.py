"""The fields of a draft with the lines they stand on: what is wrong is said where it is.

Values come from the standard library's TOML reader; the lines are looked up in the text.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from derive.language.update_rule import BadInput
from verify.running.files import read_data

EXAMPLES: Mapping[str, str] = {
    "id": '"mypaper2026.modified-loss"',
    "type": '"equality"',
    "statement": "'Heavy ball minimizes {formula}.'",
    "expected": '"confirmed"',
    "source": 'a table, [source], with key = "mypaper2026"',
    "source.key": '"mypaper2026"',
    "source.where": '"equation (5)"',
    "source.known": '"read"',
    "source.quote": "'with the effective learning rate'",
    "source.text": '"review2027, section 2"',
    "source.bibtex": "'@misc{mypaper2026, title = {My paper}}'",
    "formula": 'a table, [formula], with printed = "h/4"',
    "formula.printed": '"h*(1 + beta)/(4*(1 - beta)**2)"',
    "formula.printed_latex": r"'\frac{h(1+\beta)}{4(1-\beta)^2}'",
    "formula.left": '"h/(1 - beta*h)"',
    "formula.left_latex": r"'\frac{h}{1-\beta h}'",
    "formula.right": '"h*(1 + beta)/(4*(1 - beta)**2)"',
    "formula.right_latex": r"'\frac{h(1+\beta)}{4(1-\beta)^2}'",
    "formula.because": '"the square was lost."',
    "formula.counterexample": "'$\\beta = 1/2$: the observed order is 1.'",
    "formula.condition": '"The start-up is over."',
    "formula.assumptions": '["0 <= beta", "beta < 1"]',
    "about": 'a table, [about], with optimizer = "heavy-ball"',
    "about.optimizer": '"heavy-ball"',
    "about.quantity": '"modified-loss"',
    "about.tree": '"[[],[]]"',
    "about.order": "1",
    "about.claimed_order": "2",
    "about.when": '"after start up"',
    "about.losses": '"every"',
    "about.domain": '["0 <= beta", "beta < 1"]',
    "about.symbols": '["a", "b"]',
    "about.variable": '"h"',
    "about.to": '"0"',
    "about.error": "2",
    "about.relation": '"<"',
    "about.equal_at": '{ beta = "0" }',
    "about.property": '"settles"',
    "about.set": '{ beta = "9/10" }',
    "notation": 'a table, [notation], with lr = "h"',
}
_OPEN = ("about.set", "about.equal_at", "notation")
"""Tables whose keys the writer chooses."""

_KEY = r"""(?:"[^"]*"|'[^']*'|[\w-]+)"""
_ASSIGNMENT = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=(.*)")
_HEADER = re.compile(rf"\s*\[\[?\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*\]")


@dataclass(frozen=True)
class DraftFields:
    """A draft's content, its rows of text, and the row of every field."""

    path: Path
    content: Mapping[str, Any]
    rows: Sequence[str]
    lines: Mapping[str, int]
    many: bool = False
    """Whether it is one of the [[claim]] tables of a file."""

    def bad(self, field: str, why: str) -> BadInput:
        """The error to raise: the file with the line, the field, and what is wrong with it."""
        table = field.rpartition(".")[0]
        line = self.lines.get(field) or self.lines.get(table) or self.lines.get("", 1)
        return BadInput(f"{self.path}:{line}: {field} {why}{'' if why[-1] in '.?' else '.'}")

    def has(self, field: str) -> bool:
        return self._find(field) is not None

    def missing(self, field: str) -> BadInput:
        """The error to raise where a field is not there."""
        return self.bad(field, f"is missing; {self._example(field)}")

    def text(self, field: str) -> str:
        """A text, empty where the field is not there."""
        return self._typed(field, str, "a text") or ""

    def needed(self, field: str) -> str:
        """A text that has to be there."""
        if not self.has(field):
            raise self.missing(field)
        text = self.text(field)
        if not text.strip():
            raise self.bad(field, f"is empty; {self._example(field)}")
        return text

    def number(self, field: str, default: int | None = None) -> int | None:
        found = self._typed(field, int, "a whole number")
        return default if found is None else found

    def texts(self, field: str) -> list[str]:
        found = self._typed(field, list, "a list of texts") or []
        if not all(isinstance(entry, str) for entry in found):
            raise self.bad(field, f"holds something else than texts; {self._example(field)}")
        return found

    def table(self, field: str, kinds: tuple[type, ...]) -> dict[str, Any]:
        """A table whose keys the writer chooses."""
        found = self._typed(field, dict, "a table") or {}
        for key, value in found.items():
            if not isinstance(value, kinds):
                raise self.bad(f"{field}.{key}", f"is {value!r}; {self._example(field)}")
        return found

    def choice(self, field: str, options: Iterable[str]) -> str:
        """One of some texts; the message offers the nearest."""
        known, found = [str(option) for option in options], self.needed(field)
        if found not in known:
            near = get_close_matches(found, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}."
            raise self.bad(field, f"is {found!r}; {hint}")
        return found

    def check_names(self) -> None:
        """BadInput for a field that no draft has, and for a table that is none."""
        self._check_names("", self.content)

    def _check_names(self, prefix: str, table: Mapping[str, Any]) -> None:
        for key, value in table.items():
            field = prefix + key
            if field not in EXAMPLES:
                near = get_close_matches(field, EXAMPLES, n=1)
                hint = f"did you mean {near[0]}?" if near else "remove it."
                raise self.bad(field, f"is no field of a draft; {hint}")
            if field in _OPEN:
                continue
            if any(other.startswith(f"{field}.") for other in EXAMPLES):
                if not isinstance(value, dict):
                    raise self.bad(field, f"is {value!r}; {self._example(field)}")
                self._check_names(f"{field}.", value)

    def _example(self, field: str) -> str:
        example, inside = EXAMPLES[field], "claim." if self.many else ""
        table, _, name = field.rpartition(".")
        if example.startswith("a "):
            return f"it is {example.replace('[', f'[{inside}', 1)}"
        return f"write {name} = {example}{f' below [{inside}{table}]' if table else ''}"

    def _find(self, field: str) -> Any:
        found: Any = self.content
        for key in field.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def _typed(self, field: str, kind: type, called: str) -> Any:
        found = self._find(field)
        if found is None:
            return None
        if not isinstance(found, kind) or isinstance(found, bool):
            raise self.bad(field, f"is {found!r}, which is not {called}; {self._example(field)}")
        if isinstance(found, str) and (lost := self._swallowed(field, found)):
            raise self.bad(
                field,
                f"holds the character {lost!r}, which a backslash between double quotes makes; "
                "put LaTeX between single quotes",
            )
        return found

    def _swallowed(self, field: str, found: str) -> str:
        r"""A character that "\beta" or "\nabla" has become, for want of single quotes."""
        row = self.rows[self.lines.get(field, 1) - 1]
        escaped = re.search(r"\\[nt]", row) and "'''" not in row
        lost = re.search(r"[\x00-\x08\x0b-\x1f]" + (r"|[\n\t]" if escaped else ""), found)
        return lost[0] if lost else ""


def fields_of(path: Path) -> list[DraftFields]:
    """Read a draft: its [[claim]] tables, or the one claim that the whole file is.

    Raises:
        BadInput: it is no file, no UTF-8, no TOML, or has a field that no draft has.
    """
    if not os.path.exists(path):
        raise BadInput(f"{path} is not a file; 'undertow claim new {path}' writes a draft to fill.")
    data = read_data(path)
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{path}:{line}: the text is not UTF-8; save the file as UTF-8.") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(path, text, str(error)) from None
    except RecursionError:
        raise BadInput(f"{path}: it is nested too deep for a draft.") from None
    rows, lines = text.split("\n"), lines_of(text)
    if "claim" in content:
        found = _claims(path, content, rows, lines)
    else:
        found = [DraftFields(path, content, rows, lines)]
    for fields in found:
        fields.check_names()
    return found


def _claims(
    path: Path, content: Mapping[str, Any], rows: Sequence[str], lines: Mapping[str, int]
) -> list[DraftFields]:
    tables, whole = content["claim"], DraftFields(path, content, rows, lines)
    if not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
        raise whole.bad("claim", "is no list of tables; begin each claim with [[claim]]")
    for key in content:
        if key != "claim":
            raise whole.bad(
                key,
                "stands outside of the claims; put it below [[claim]], a table as [claim.table]",
            )
    found = []
    for number, table in enumerate(tables, start=1):
        header = f"claim.{number}"
        own = {
            field.removeprefix(header).removeprefix("."): line
            for field, line in lines.items()
            if field == header or field.startswith(f"{header}.")
        }
        found.append(DraftFields(path, table, rows, own, many=True))
    return found


def _no_toml(path: Path, text: str, said: str) -> BadInput:
    place = re.search(r"\(at line (\d+), column (\d+)\)", said)
    rows = text.split("\n")
    line = int(place[1]) if place else len(text.rstrip("\n").split("\n"))
    why = re.sub(r"\s*\(at [^()]*\)$", "", said)
    why = why[:1].lower() + why[1:]
    hint = 'a field is written name = "text"'
    if "\\" in rows[line - 1]:
        hint = "a backslash, as in LaTeX, needs single quotes around the text"
    field = _ASSIGNMENT.match(rows[line - 1])
    where = f"{field[1]}: " if field else ""
    return BadInput(f"{path}:{line}: {where}{why}; {hint}.")


def lines_of(text: str) -> dict[str, int]:
    """The line on which every field and table of a TOML text begins.

    >>> lines_of('id = "x"\\n[about]\\norder = 1\\n')
    {'id': 1, 'about': 2, 'about.order': 3}
    >>> lines_of('[[claim]]\\nid = "x"\\n[[claim]]\\nid = "y"\\n')
    {'claim.1': 1, 'claim.1.id': 2, 'claim.2': 3, 'claim.2.id': 4}
    """
    found: dict[str, int] = {}
    table, inside, claims = "", "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        if inside:
            if line.count(inside) % 2:
                inside = ""
            continue
        if header := _HEADER.match(line):
            table = _name(header[1])
            if line.lstrip().startswith("[[") and table == "claim":
                claims += 1
            if claims:
                table = re.sub("^claim(?![^.])", f"claim.{claims}", table)
            found.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            field = _name(f"{table}.{assignment[1]}" if table else assignment[1])
            found.setdefault(field, number)
            inside = next((q for q in ('"""', "'''") if assignment[2].count(q) % 2), "")
    return found


def _name(written: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in written.split("."))
