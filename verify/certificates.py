"""Certificates: one file a claim, with evidence that anyone can redo with `verify/recheck.py`."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sympy
from flint import fmpq

from derive.formula import Formula
from derive.writing import plain
from verify.claim import Claim, ClaimResult, Settings, judge
from verify.numbers import evaluate
from verify.recheck import seal
from verify.recording import Recorder, Unwritable, rational, recording, tree_of

Json = Any


def certify(claim: Claim, settings: Settings, versions: dict[str, str]) -> tuple[ClaimResult, Json]:
    """Judge a claim and write down what anyone can redo of the evidence."""
    with recording() as log:
        result = judge(claim, settings)
    formulas = {"$right": _tree(claim.formula)}
    checks = _checks(log, result)
    if claim.right is not None:
        formulas["$printed"] = _tree(claim.printed)
        checks.append(_difference(claim, settings))
    content = {
        "certificate of": "undertow",
        "claim": file_name(claim),
        "source": f"{claim.source.key}, {claim.source.where}",
        "statement": claim.statement,
        "condition": claim.condition,
        "formula": plain(claim.formula.expr),
        "verdict": str(result.verdict),
        "formulas": formulas,
        "checks": checks,
        "digits": settings.digits,
        "seed": settings.seed,
        "versions": versions,
    }
    return result, content | {"seal": seal(content)}


def file_name(claim: Claim) -> str:
    """The claim's id as the name of a file."""
    return re.sub(r"[^\w.-]", "_", claim.id)


def write(folder: Path, certificate: Json) -> None:
    """Write a certificate under the name of its claim."""
    fields = ",\n".join(f"{json.dumps(key)}: {json.dumps(v)}" for key, v in certificate.items())
    rows = re.sub(r'(?=\{"(kind|name)": )', "\n", fields)
    (folder / f"{certificate['claim']}.json").write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")


def _tree(formula: Formula) -> Json:
    try:
        return tree_of(formula.expr)
    except Unwritable:
        return None


def _checks(log: Recorder, result: ClaimResult) -> list[Json]:
    """Every check with its evidence, "$" told apart into right and printed formula."""
    rows = []
    for section, check in zip(log.sections, result.checks, strict=True):
        mark = '"$printed"' if section.refutes else '"$right"'
        items = json.loads(json.dumps(section.evidence).replace('"$"', mark))
        rows.append(
            {
                "name": check.name,
                "kind": str(check.kind),
                "passed": check.passed,
                "refutes": section.refutes,
                "figure": check.figure,
                "items": items,
            }
        )
    return rows


def _difference(claim: Claim, settings: Settings) -> Json:
    """A point where the printed and the right formula have different exact values."""
    items: list[Json] = []
    for point in _points(claim, settings):
        try:
            right, printed = (evaluate(f.expr, point) for f in (claim.formula, claim.printed))
        except (ValueError, TypeError, ZeroDivisionError):
            continue
        if right == printed:
            continue
        at = {name: rational(value) for name, value in point.items()}
        for mark, value in (("$right", right), ("$printed", printed)):
            item = {"kind": "value", "holds": True, "left": mark, "right": str(value), "at": at}
            items.append(item)
        item = {"kind": "identity", "holds": False, "left": "$right", "right": "$printed", "at": at}
        items.append(item)
        break
    return {
        "name": "printed and right formula at one point",
        "kind": "symbolic",
        "passed": True,
        "refutes": True,
        "figure": "different exact values",
        "items": items,
    }


def _points(claim: Claim, settings: Settings) -> Iterator[dict[str, fmpq]]:
    """Rational points for the symbols of both formulas; numbers of steps are whole."""
    draw = random.Random(settings.seed)
    symbols: set[sympy.Basic] = claim.formula.expr.free_symbols | claim.printed.expr.free_symbols
    names = sorted(map(str, symbols))
    for _ in range(20):
        yield {name: fmpq(draw.randint(2, 9), 1 if name in ("k", "n") else 10) for name in names}
