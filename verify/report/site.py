"""The claims page: one static site that opens from a file path, with nothing fetched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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


class Pages(Mapping[str, Iterable[str]]):
    """Every file of the site by its path, in pieces that are made as they are asked for, so that
    no page is held whole."""

    def __init__(self, files: Mapping[str, Callable[[], Iterable[str]]]) -> None:
        self._files = files

    def __getitem__(self, name: str) -> Iterable[str]:
        return self._files[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def pages(report: SiteContent) -> Pages:
    """Every file of the site by its path."""
    templates = _templates()
    files: dict[str, Callable[[], Iterable[str]]] = {}

    def page(name: str, template: str, values: Callable[[], Mapping[str, Any]]) -> None:
        root = "../" * name.count("/")

        def pieces() -> Iterable[str]:
            stream = templates.get_template(template).stream(
                root=root, version=version("undertow"), **values()
            )
            stream.enable_buffering(1000)
            return stream

        files[name] = pieces

    results = report.results
    page("index.html", "index.html", lambda: _index(results))
    for before, result, after in zip([None, *results], results, [*results[1:], None], strict=False):

        def of_claim(
            before: ClaimResult | None = before,
            result: ClaimResult = result,
            after: ClaimResult | None = after,
        ) -> Mapping[str, Any]:
            return (
                _row(result)
                | _claim_page(result)
                | {
                    "before": before and _linked(before),
                    "after": after and _linked(after),
                    "figures": report.figures.get(result.claim.id, ()),
                    "settings": report.settings,
                }
            )

        page(_linked(result)["page"], "claim.html", of_claim)
    optimizers = optimizer_pages.find_each(report.optimizers)
    page("optimizers.html", "optimizers.html", lambda: {"optimizers": optimizers})
    page("regularizers.html", "regularizers.html", regularizers.page)
    for found in optimizers:

        def of_rule(found: Quantities = found) -> Mapping[str, Any]:
            drawn = report.figures.get(found.rule.name, ())
            return {"found": found, "figures": drawn, "order": optimizer_pages.ORDER}

        page(f"optimizers/{found.rule.name}.html", "optimizer.html", of_rule)
        for name, text in _attachments(found).items():
            files[name] = lambda text=text: [text]
    page("errata.html", "errata.html", lambda: _errata(results))
    page("trust.html", "trust.html", lambda: _trust(report))
    for asset in ASSETS:
        files[asset] = partial(templates.get_template(asset).generate, letters=GREEK)
    return Pages(files)


def _index(results: Sequence[ClaimResult]) -> Mapping[str, Any]:
    about = {topic for result in results for topic in topics(result)}
    return {
        "rows": map(_row, results),
        "claims": len(results),
        "papers": sorted({cited(result.claim.source.key) for result in results}),
        "verdicts": sorted({str(result.verdict) for result in results}),
        "topics": [topic for topic in (*TOPICS, OTHER) if topic in about],
        "kinds": sorted({str(check.kind) for result in results for check in result.checks}),
        "not_claims": not_claimed(),
    }


def _errata(results: Sequence[ClaimResult]) -> Mapping[str, Any]:
    wrong = [result for result in results if result.claim.right]
    rows = (_row(result) | _claim_page(result) for result in wrong)
    return {"rows": rows, "claims": len(wrong)}


def _trust(report: SiteContent) -> Mapping[str, Any]:
    return {
        "settings": report.settings,
        "environment": environment(),
        "kinds": trust.by_kind(report.results),
        "verdicts": {str(v): sum(r.verdict is v for r in report.results) for v in Verdict},
        "unexpected": [_linked(r) for r in report.results if not r.as_recorded],
        "trials": report.trials,
        "claims": len(report.results),
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


def _linked(result: ClaimResult) -> Row:
    """What a link to the page of a claim says."""
    name = result.claim.id
    return {"id": name, "page": f"claims/{re.sub(r'[^a-zA-Z0-9._-]+', '-', name)}.html"}


def _row(result: ClaimResult) -> Row:
    """What the index says of a claim."""
    claim = result.claim
    about = topics(result)
    kinds = list(dict.fromkeys(str(check.kind) for check in result.checks))
    said = words(claim.sentence) if claim.says else _searched(claim)
    asked = [claim.id, *claim.catalogue, said, claim.source.where, *about, str(result.verdict)]
    asked += [cited(claim.source.key), *_others_names(f"{claim.id} {said}")]
    return _linked(result) | {
        "result": result,
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
    return words(claim.worded.replace("{formula}", plain(claim.formula.expr)))


def topics(result: ClaimResult) -> list[str]:
    """The subjects of the index's filter that a claim belongs to."""
    text = words(result.claim.worded)
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
