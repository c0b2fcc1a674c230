"""The claims page: one static site that opens from a file path, with nothing fetched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sympy
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from derive.language.formula import Formula
from derive.language.writing import latex, plain
from derive.optimizers import ZOO
from verify.campaigns.runner import environment
from verify.claims.catalogue import CatalogueEntry, entries, not_claimed
from verify.claims.claim import Claim, Settings, Verdict
from verify.claims.judging import ClaimResult
from verify.claims.sources import BIBTEX, authors, year_of
from verify.formulas.tokens import GREEK
from verify.report import mathml, optimizer_pages, regularizers, trust
from verify.report.optimizer_pages import Quantities
from verify.report.terminal import words
from verify.report.trust import Trials
from verify.running.files import check_folder, write_folder
from verify.workbench.drafts import Draft

ASSETS = ("style.css", "site.js")

Row = dict[str, Any]
"""What the index says of one claim."""
OTHER = "other"
TOPICS: Mapping[str, str] = {
    "modified loss": r"modified loss|regulari|gradient of E|descends|IGRM|gradient descent on|S =",
    "modified flow": r"\bflow|x' =|dot x|equation",
    "order of closeness": r"O\([hγελ]|-close|order \d",
    "start-up": r"start-up|[Ss]tarted|\bstart\b|initial|at rest|from rest|velocity|first step",
    "spectrum and stability": r"\bmode|multiplier|stable|eigen|factors|oscillat|Jacobian|quadratic",
    "noise and covariance": r"noise|varian|Var|kick|[Tt]he mean of E",
    "batches": r"batch|epoch|SGD|reshuffl|\br\b|G_k|H_B",
    "valley of minimizers": r"valley|moves the limit|limit moves|drift|minimizer,|Hessian on",
    "diagonal networks": r"α|θ|potential|gain|w_±|weight cross|norm|divergence|least squares",
    "momentum flow": r"λ ?ddot|λ\(x|λ\(∇ψ|momentum flow|ρ times|twice as fast|inertia|crossing",
    "timescales": r"\btime\b|\brate\b|as fast|1-β = C|equally long",
}
"""What a statement speaks of, by the words in it; what has none of them is `OTHER`."""


@dataclass(frozen=True)
class Figure:
    """A drawing for a page.

    Args:
        title, description: what it shows, for those who do not see it.
        svg: the drawing as one SVG element.
    """

    title: str
    description: str
    svg: str


@dataclass(frozen=True)
class SiteContent:
    """What the site is written from.

    Args:
        figures: the drawings of a claim by its id, of an optimizer by its name.
        optimizers: the rules that get a page, by name.
    """

    results: Sequence[ClaimResult]
    settings: Settings
    trials: Trials = field(default_factory=Trials)
    figures: Mapping[str, Sequence[Figure]] = field(default_factory=dict)
    optimizers: Sequence[str] = tuple(ZOO)


def check_place(folder: Path, *, force: bool) -> None:
    """Refuse, before anything is checked, a folder that is not ours to write.

    Raises:
        BadInput: it cannot be written, or holds files of these names.
    """
    fixed = (
        "index.html",
        "optimizers.html",
        "regularizers.html",
        "errata.html",
        "trust.html",
        *ASSETS,
    )
    check_folder(folder, (*fixed, "claims/.", "optimizers/."), force=force)


def write_site(report: SiteContent, folder: Path, *, force: bool = False) -> list[Path]:
    """Write every page, each whole; the paths, the index first.

    Raises:
        BadInput: the folder cannot be written.
    """
    return write_folder(folder, pages(report), force=force)


class Pages(Mapping[str, str]):
    """Every file of the site by its path, each written when it is asked for, so that a site of
    any number of claims needs the memory of one page and of the index."""

    def __init__(self, files: Mapping[str, Callable[[], str]]) -> None:
        self._files = files

    def __getitem__(self, name: str) -> str:
        return self._files[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def pages(report: SiteContent) -> Pages:
    """Every file of the site by its path."""
    templates = _templates()
    files: dict[str, Callable[[], str]] = {}

    def page(name: str, template: str, values: Callable[[], Mapping[str, Any]]) -> None:
        root = "../" * name.count("/")
        files[name] = lambda: templates.get_template(template).render(
            root=root, version=version("undertow"), **values()
        )

    rows = [_row(result) for result in report.results]
    page("index.html", "index.html", lambda: _index(rows))
    for before, row, after in zip([None, *rows], rows, [*rows[1:], None], strict=False):

        def of_claim(
            before: Row | None = before, row: Row = row, after: Row | None = after
        ) -> Mapping[str, Any]:
            figures = report.figures.get(row["id"], ())
            beside = {"before": before, "after": after, "figures": figures}
            return row | _claim_page(row["result"]) | beside | {"settings": report.settings}

        page(row["page"], "claim.html", of_claim)
    optimizers = optimizer_pages.find_each(report.optimizers)
    page("optimizers.html", "optimizers.html", lambda: {"optimizers": optimizers})
    page("regularizers.html", "regularizers.html", regularizers.page)
    for found in optimizers:

        def of_rule(found: Quantities = found) -> Mapping[str, Any]:
            drawn = report.figures.get(found.rule.name, ())
            return {"found": found, "figures": drawn, "order": optimizer_pages.ORDER}

        page(f"optimizers/{found.rule.name}.html", "optimizer.html", of_rule)
        files |= {name: partial(str, text) for name, text in _attachments(found).items()}
    page("errata.html", "errata.html", lambda: {"rows": _wrong(rows)})
    page("trust.html", "trust.html", lambda: _trust(report, rows))
    for asset in ASSETS:
        files[asset] = partial(templates.get_template(asset).render, letters=GREEK)
    return Pages(files)


def _index(rows: Sequence[Row]) -> Mapping[str, Any]:
    return {
        "rows": rows,
        "papers": _choices(row["paper"] for row in rows),
        "verdicts": _choices(row["verdict"] for row in rows),
        "topics": [t for t in (*TOPICS, OTHER) if any(t in row["topics"] for row in rows)],
        "kinds": _choices(kind for row in rows for kind in row["kinds"]),
        "not_claims": not_claimed(),
    }


def _wrong(rows: Sequence[Row]) -> list[Row]:
    return [row | _claim_page(row["result"]) for row in rows if row["result"].claim.right]


def _trust(report: SiteContent, rows: Sequence[Row]) -> Mapping[str, Any]:
    return {
        "settings": report.settings,
        "environment": environment(),
        "kinds": trust.by_kind(report.results),
        "verdicts": {str(v): sum(r.verdict is v for r in report.results) for v in Verdict},
        "unexpected": [row for row in rows if not row["result"].as_recorded],
        "trials": report.trials,
        "claims": len(rows),
    }


def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("verify.report"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for shown in (mathml.prose, mathml.math, mathml.raised, mathml.quotation):
        environment.filters[shown.__name__] = shown
    return environment


def _choices(found: Any) -> list[str]:
    return sorted(dict.fromkeys(found))


def _row(result: ClaimResult) -> Row:
    """What the index says of a claim."""
    claim = result.claim
    about = topics(result)
    kinds = list(dict.fromkeys(str(check.kind) for check in result.checks))
    said = words(claim.sentence) if claim.says else _searched(claim)
    asked = [claim.id, *claim.catalogue, said, claim.source.where, *about, str(result.verdict)]
    asked += [cited(claim.source.key), *_others_names(f"{claim.id} {said}")]
    return {
        "result": result,
        "id": claim.id,
        "page": f"claims/{re.sub(r'[^a-zA-Z0-9._-]+', '-', claim.id)}.html",
        "paper": cited(claim.source.key),
        "verdict": str(result.verdict),
        "topics": about,
        "kinds": kinds,
        "statement": mathml.statement(claim, claim.formula),
        "entries": [_entries()[number] for number in claim.catalogue if number in _entries()],
        "link": link(claim.source.key),
        "search": searchable(" ".join(asked)),
    }


def searchable(text: str) -> str:
    r"""Text as a search compares it; `site.js` does the same to what is typed.

    >>> searchable(r"$1 + \beta$ of ‖∇E‖²"), searchable("1+β")
    ('1+beta of ‖∇e‖²', '1+beta')
    """
    plain = re.sub(r"[\\${}]", "", text)
    named = "".join(GREEK.get(letter, letter) for letter in plain)
    return re.sub(r"\s*([-+*/=^−])\s*", r"\1", named.lower()).replace("−", "-")


def _others_names(text: str) -> list[str]:
    """What else people call the rules that a text speaks of: their authors, as the rules say."""
    spoken = text.lower().replace("-", " ")
    return [
        bracket
        for name, rule in ZOO.items()
        if name.replace("-", " ") in spoken
        for bracket in re.findall(r"\(([^()]*\d{4})\)", rule.summary)
    ]


def link(key: str) -> str:
    """Where a source can be read, by its DOI or its number in arXiv; empty where neither is known.

    >>> link("barrett2021")
    'https://arxiv.org/abs/2009.11162'
    """
    entry = BIBTEX.get(key, "")
    if doi := re.search(r"doi\s*=\s*\{([^}]+)\}", entry, re.IGNORECASE):
        return f"https://doi.org/{doi[1]}"
    paper = re.search(r"arXiv:\s*(\d{4}\.\d{4,5})", entry)
    return f"https://arxiv.org/abs/{paper[1]}" if paper else ""


@cache
def _entries() -> dict[str, CatalogueEntry]:
    return {entry.number: entry for entry in entries()}


def _searched(claim: Claim) -> str:
    return words(claim.statement.replace("{formula}", plain(claim.formula.expr)))


def topics(result: ClaimResult) -> list[str]:
    """The subjects of the index's filter that a claim belongs to."""
    text = words(result.claim.statement)
    found = [topic for topic, pattern in TOPICS.items() if re.search(pattern, text)]
    return found or [OTHER]


def _claim_page(result: ClaimResult) -> dict[str, Any]:
    claim = result.claim
    return {
        "claim": claim,
        "right": mathml.displayed(claim, claim.formula),
        "printed": _alone(claim, claim.printed, claim.printed_sentence),
        "corrected": _alone(claim, claim.formula, claim.sentence),
        "steps": mathml.steps(claim.derivation),
        "symbols": {
            mathml.math(latex(sympy.Symbol(name))): meaning
            for name, meaning in claim.formula.symbols.items()
            if meaning
        },
        "python": python(claim.formula),
        "bibtex": claim.bibtex if isinstance(claim, Draft) else BIBTEX.get(claim.source.key, ""),
    }


def _alone(claim: Claim, formula: Formula, sentence: str) -> Markup:
    """A statement in its slots, or its only formula in a line of its own."""
    return mathml.prose(sentence) if claim.says else mathml.math(formula.latex, block=True)


def _attachments(found: Quantities) -> dict[str, str]:
    return {
        f"optimizers/{name}": content
        for quantity in found.shown
        for name, content in quantity.files.items()
    }


def cited(key: str) -> str:
    """A source as people say it, such as Ghosh et al. 2023."""
    return f"{authors(key)} {year_of(key)}".rstrip() if key in BIBTEX else key


def python(formula: Formula) -> str:
    """SymPy code that defines the formula, exact when it is run.

    >>> h, beta = sympy.symbols("h beta")
    >>> print(python(Formula("example", h * (1 + beta) / 2)))
    from sympy import Symbol
    <BLANKLINE>
    h = Symbol('h')
    beta = Symbol('beta')
    formula = h*(beta + 1)/2
    """
    *symbols, last = sympy.python(formula.expr).splitlines()
    own = {line.split(" = ")[0] for line in symbols}
    code = [*symbols, f"formula{last.removeprefix('e')}"]
    used = {name for line in code for name in re.findall(r"[A-Za-z_]\w*", line.split(" = ")[1])}
    strings = {name for line in symbols for name in re.findall(r"'(\w+)'", line)}
    names = sorted(name for name in used - own - strings if hasattr(sympy, name))
    return "\n".join([f"from sympy import {', '.join(names)}", "", *code] if names else code)
