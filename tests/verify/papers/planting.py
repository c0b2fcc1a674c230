"""Wrong formulas planted into claims, and what the checks that look at them say."""

from collections.abc import Mapping
from typing import Any

import sympy

from verify.claims.claim import Claim, Settings
from verify.claims.judging import looking
from verify.claims.mutants import verdict
from verify.claims.slots import Value


def planted(claim: Claim, wrong: sympy.Expr | Mapping[str, sympy.Expr]) -> Any:
    """What the checks take: a formula, or the statement with it in its first slot that holds one;
    or with formulas in slots by name.
    """
    if claim.says is None:
        return wrong
    if not isinstance(wrong, Mapping):
        wrong = {next(iter(claim.says.formulas())): wrong}
    return claim.says.changed(
        **{name: Value(expr, claim.says.slots[name].kind) for name, expr in wrong.items()}
    )


def verdicts(claim: Claim, wrong, settings: Settings) -> dict[str, bool | None]:
    """What each check says that looks at what is wrong, by its name."""
    statement, found = planted(claim, wrong), dict[str, bool | None]()
    right = claim.says.slots if claim.says else {}
    changed = {name for name in right if statement.slots[name] != right[name]}
    for check in claim.checks:
        with looking(statement) as seen:
            passed = verdict(check, statement, settings).passed
        if claim.says is None or changed & set(seen):
            found[check.name] = passed
    return found
