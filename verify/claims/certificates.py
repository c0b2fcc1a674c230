"""Certificates: one file a claim, with evidence that anyone can redo with `verify/recheck.py`."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import sympy
from flint import fmpq
from flint.utils.flint_exceptions import DomainError

from derive.language.bad_input import BadInput
from derive.language.formula import Formula
from derive.language.writing import plain
from verify.claims.claim import Claim, Settings, Verdict
from verify.claims.judging import ClaimResult, judge
from verify.recheck import MANIFEST, seal
from verify.running.files import read_text, write_whole
from verify.running.numbers import evaluate
from verify.running.recording import Recorder, Unwritable, rational, recording, tree_of

Json = Any
MARK = '"certificate of": "undertow"'


def certify(claim: Claim, settings: Settings, versions: dict[str, str]) -> tuple[ClaimResult, Json]:
    """Judge a claim and write down what anyone can redo of the evidence."""
    with recording() as log:
        result = judge(claim, settings)
    formulas = {"$right": _tree(claim.formula)}
    if claim.right is not None:
        formulas["$printed"] = _tree(claim.printed)
    checks = [*_checks(log, result, formulas), _at_a_point(claim, settings)]
    content = {
        "certificate of": "undertow",
        "claim": file_name(claim),
        "source": f"{claim.source.key}, {claim.source.where}",
        "statement": claim.sentence if claim.says else claim.statement,
        "slots": claim.slots(),
        "beyond the source": result.verdict in (Verdict.PREMISE, Verdict.DERIVED),
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
    """The claim's id as the name of a file, with a hash where the id holds other characters."""
    plainly = re.sub(r"[^\w.-]", "_", claim.id)
    if plainly == claim.id and len(plainly) < 100:
        return plainly
    return f"{plainly[:80]}-{hashlib.sha256(claim.id.encode()).hexdigest()[:8]}"


def write(folder: Path, certificate: Json) -> None:
    """Write a certificate under the name of its claim."""
    fields = ",\n".join(f"{json.dumps(key)}: {json.dumps(v)}" for key, v in certificate.items())
    rows = re.sub(r'(?=\{"(kind|name)": )', "\n", fields)
    path = folder / f"{certificate['claim']}.json"
    if path.is_symlink() or (path.exists() and MARK not in read_text(path)):
        raise BadInput(f"{path} is no certificate of ours; name another folder.")
    write_whole(path, f"{{\n{rows}\n}}\n", force=True)


def write_manifest(folder: Path, claims: Sequence[Claim]) -> None:
    """Name the certificates of a run that is complete, so that a missing one is missed."""
    names = sorted({file_name(claim) for claim in claims})
    write_whole(folder / MANIFEST, json.dumps(names, indent=1) + "\n", force=True)


def _tree(formula: Formula) -> Json:
    try:
        return tree_of(formula.expr)
    except Unwritable:
        return None


def _checks(log: Recorder, result: ClaimResult, formulas: dict[str, Json]) -> list[Json]:
    """Every check with its evidence, "$" told apart into right and printed formula.

    What a formula is compared with is written once, so that the right and the printed one are held
    against the same expression.
    """
    rows, derived = [], dict[str, str]()
    for section, check in zip(log.sections, result.checks, strict=True):
        mark = '"$printed"' if section.refutes else '"$right"'
        items = json.loads(json.dumps(section.evidence).replace('"$"', mark))
        for item in items:
            text = json.dumps(item.get("right"))
            if item["kind"] in ("identity", "ball") and mark not in text:
                name = derived.setdefault(text, f"$derived {len(derived)}")
                formulas[name], item["right"] = item["right"], name
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


def _at_a_point(claim: Claim, settings: Settings) -> Json:
    """The formula's exact value at a rational point; for a corrected claim, one where the printed
    value differs."""
    formulas = {"$right": claim.formula.expr}
    corrected = claim.right is not None and claim.right.expr != claim.printed.expr
    if corrected:
        formulas["$printed"] = claim.printed.expr
    items: list[Json] = []
    for point in _points(formulas.values(), settings):
        try:
            values = {mark: evaluate(expr, point) for mark, expr in formulas.items()}
        except (ValueError, TypeError, ArithmeticError, DomainError):
            continue
        if len(set(map(str, values.values()))) < len(formulas):
            continue
        at = {name: rational(value) for name, value in point.items()}
        for mark, value in values.items():
            item = {"kind": "value", "holds": True, "left": mark, "right": str(value), "at": at}
            items.append(item)
        if corrected:
            sides = {"left": "$right", "right": "$printed"}
            items.append({"kind": "identity", "holds": False, **sides, "at": at})
        break
    return {
        "name": "printed and right formula at one point" if corrected else "formula at one point",
        "kind": "symbolic",
        "passed": True,
        "refutes": corrected,
        "figure": "different exact values" if corrected else "exact value",
        "items": items,
    }


def _points(expressions: Iterable[sympy.Expr], settings: Settings) -> Iterator[dict[str, fmpq]]:
    """Rational points for their symbols, where sqrt(beta) and the root of the discriminant of a
    mode are rational; numbers of steps are whole."""
    draw = random.Random(settings.seed)
    names = sorted({str(symbol) for expr in expressions for symbol in expr.free_symbols})
    for _ in range(20):
        point = {name: fmpq(draw.randint(2, 9), 1 if name in ("k", "n") else 10) for name in names}
        p, q = fmpq(draw.randint(6, 9), 10), fmpq(draw.randint(1, 5), 10)
        special = {"beta": p * q, "z": (1 - p) * (1 - q)} if "z" in names else {"beta": p**2}
        yield point | {name: value for name, value in special.items() if name in names}
