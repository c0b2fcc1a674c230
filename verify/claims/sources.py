"""The works that claims are taken from, as BibTeX and as people say them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares import SeparateCoAuthors, SplitNameParts
from bibtexparser.model import Entry

MANY = 3
"""More authors than these are told as the first one and the others."""


def _read() -> dict[str, Entry]:
    text = files("verify.claims").joinpath("bibliography.bib").read_text(encoding="utf-8")
    found = parse_string(text, append_middleware=[SeparateCoAuthors(), SplitNameParts()])
    if found.failed_blocks:
        raise ValueError(f"bibliography.bib cannot be read: {found.failed_blocks[0].error}")
    return found.entries_dict


_ENTRIES = _read()
BIBTEX: Mapping[str, str] = {key: entry.raw or "" for key, entry in _ENTRIES.items()}
"""Every entry of the bibliography as it is written there, by its key."""


def people(key: str) -> str:
    r"""Who wrote a source and when, as LaTeX.

    >>> people("barrett2021")
    'Barrett and Dherin (2021)'
    """
    told, year = authors(key).replace("et al.", "et~al."), year_of(key)
    return f"{told} ({year})" if year else told


@cache
def authors(key: str) -> str:
    """Who wrote a source, by family names; the key where nobody is named or it is not listed.

    >>> authors("woodworth2020")
    'Woodworth et al.'
    """
    field = _field(key, "author")
    last = [" ".join([*name.von, *name.last]) for name in field.value] if field else [key]
    if len(last) > MANY:
        return f"{last[0]} et al."
    return " and ".join([", ".join(last[:-1]), last[-1]] if len(last) > 1 else last)


def year_of(key: str) -> str:
    """The year of a source, empty where none is known."""
    field = _field(key, "year")
    return str(field.value) if field else ""


def _field(key: str, name: str) -> Any:
    entry = _ENTRIES.get(key)
    return entry and entry.get(name)
