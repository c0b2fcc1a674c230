"""Certificates: one file a claim, with evidence that anyone can redo with `verify/recheck.py`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from derive.language.bad_input import BadInput
from verify.claims.claim import REGISTRY, Claim, Settings, Verdict
from verify.claims.judging import ClaimResult, judge
from verify.recheck import MANIFEST, seal
from verify.running.files import read_text, write_whole
from verify.running.recording import Recorder, is_writable, recording, tree_of

Json = Any
PRINTED = " printed"
MARK = '"certificate of": "undertow"'


def certify(claim: Claim, settings: Settings, versions: dict[str, str]) -> tuple[ClaimResult, Json]:
    """Judge a claim and write down what anyone can redo of the evidence."""
    with recording() as log:
        result = judge(claim, settings)
    formulas = _trees(claim)
    checks = _checks(log, result, formulas)
    content = {
        "certificate of": "undertow",
        "claim": file_name(claim),
        **stated(claim),
        "beyond the source": result.verdict in (Verdict.PREMISE, Verdict.DERIVED),
        "verdict": str(result.verdict),
        "formulas": formulas,
        "checks": checks,
        "digits": settings.digits,
        "seed": settings.seed,
        "versions": versions,
    }
    return result, content | {"seal": seal(content)}


def stated(claim: Claim) -> dict[str, Json]:
    """What the claim says, as its certificate has it: the words with their slots left open."""
    return {
        "source": f"{claim.source.key}, {claim.source.where}",
        "statement": claim.says.text if claim.says else claim.statement,
        "condition": claim.condition,
        "slots": claim.slots(),
        "misprint": claim.printed_slots(),
    }


def differences(folder: Path, name: str) -> str:
    """What a certificate says otherwise than the claim of its name, if there is one."""
    certificate = json.loads(read_text(folder / f"{name}.json"))
    ours = stated(REGISTRY.claims[name]) if name in REGISTRY.claims else {}
    return ", ".join(key for key, said in ours.items() if certificate.get(key) != said)


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
    """Name the certificates of a run before they are written, so that a missing one is missed."""
    names = sorted({file_name(claim) for claim in claims})
    write_whole(folder / MANIFEST, json.dumps(names, indent=1) + "\n", force=True)


def _trees(claim: Claim) -> dict[str, Json]:
    """The formulas that hold, and those that were printed, by mark."""
    printed, names = claim.judged(printed=True), {slot["name"] for slot in claim.printed_slots()}
    right = {f"${slot}": expr for slot, expr in claim.judged(printed=False).items()}
    other = {f"${slot}{PRINTED}": expr for slot, expr in printed.items() if slot in names}
    return {mark: tree_of(expr) for mark, expr in (right | other).items() if is_writable(expr)}


def _checks(log: Recorder, result: ClaimResult, formulas: dict[str, Json]) -> list[Json]:
    """Every check with its evidence, the marks of printed formulas told apart.

    What a formula is compared with is written once, so that the right and the printed one are held
    against the same expression.
    """
    rows, derived = [], dict[str, str]()
    for section, check in zip(log.sections, result.checks, strict=True):
        text = json.dumps(section.evidence)
        for mark in section.judged:
            if section.refutes and mark + PRINTED in formulas:
                text = text.replace(json.dumps(mark), json.dumps(mark + PRINTED))
        items = json.loads(text)
        for item in items:
            text = json.dumps(item.get("right"))
            if item["kind"] in ("identity", "ball"):
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
