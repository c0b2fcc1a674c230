"""Judging many claims at once: in parallel, with what is done reported as it is done."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import verify.papers  # noqa: F401  (registers the claims, in new processes too)
from derive.engine.front_door import is_linear
from derive.language.update_rule import BadInput
from derive.optimizers import NONLINEAR, ZOO
from verify.campaigns.pool import spread
from verify.claims.certificates import certify, write
from verify.claims.claim import REGISTRY, Claim, Settings
from verify.claims.judging import ClaimResult, judge
from verify.claims.mutants import SLOW, MutantResult, put_to_the_test, with_survivors
from verify.running.limits import within
from verify.running.rule_files import find_rule
from verify.workbench.drafts import Draft, find_drafts
from verify.workbench.general_claims import general_claim
from verify.workbench.rule_claims import rule_claim
from verify.workbench.trials import trial_claim
from verify.workbench.worlds import read_world

TRIAL = "trial:"


def environment() -> dict[str, str]:
    """What the evidence was computed with."""
    packages = ("sympy", "mpmath", "numpy", "python-flint", "gmpy2", "hypothesis")
    return {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        **{name: version(name) for name in packages},
    }


def find_claims(names: Sequence[str], loss: str = "") -> list[Claim]:
    """Claims by id, and optimizers by name or file as claims on their derivation; all for none.

    With `trial:` before it an optimizer puts our checks on trial, on one random triple a seed.

    Raises:
        BadInput: an unknown id; an error in the user's file.
    """
    if loss and not (names and all(_is_rule(name) for name in names)):
        raise BadInput(
            "--loss checks optimizers: name them, such as heavy-ball or my_rule.py:rule."
        )
    claims = [c for name in names for c in _find(name, loss)] if names else REGISTRY.find([])
    ids = [claim.id for claim in claims]
    if twice := {id for id in ids if ids.count(id) > 1}:
        raise BadInput(
            f"two claims have the id '{min(twice)}'; name each once, give drafts their own."
        )
    return claims


def _is_draft(name: str) -> bool:
    return name.endswith(".toml") or ".toml:" in name


def _is_rule(name: str) -> bool:
    return (
        name in ZOO
        or name in NONLINEAR
        or (":" in name and not name.startswith(TRIAL) and not _is_draft(name))
    )


def _find(name: str, loss: str) -> list[Claim]:
    """The claims that a name stands for: of a file, an optimizer, an id or a source."""
    if _is_draft(name):
        return [*find_drafts(name)]
    own = name.startswith(TRIAL) or _is_rule(name)
    return [_find_claim(name, loss)] if own else REGISTRY.find([name])


def _find_claim(name: str, loss: str) -> Claim:
    if _is_draft(name):
        return find_drafts(name)[0]
    if name.startswith(TRIAL):
        return trial_claim(name, find_rule(name.removeprefix(TRIAL)))
    if _is_rule(name):
        rule = find_rule(name)
        if not is_linear(rule):
            return general_claim(name, rule, loss)
        with within("reading this loss"):
            world = read_world(rule, loss)[0] if loss else None
        return rule_claim(name, rule, world)
    return REGISTRY.find([name])[0]


def handle(claim: Claim) -> str:
    """What another process finds the claim by."""
    return claim.handle if isinstance(claim, Draft) else claim.id


def _judge(name: str, settings: Settings, loss: str, certificates: str) -> tuple[Any, ...]:
    claim = _find_claim(name, loss)
    if certificates:
        result, certificate = certify(claim, settings, environment())
        write(Path(certificates), certificate)
    else:
        result = judge(claim, settings)
    return result.checks, with_survivors(result, settings).survivors


def _mutate(name: str, settings: Settings) -> MutantResult:
    return put_to_the_test(_find_claim(name, ""), settings)


def judge_all(
    claims: Sequence[Claim],
    settings: Settings,
    done: Callable[[ClaimResult], None],
    loss: str = "",
    certificates: str = "",
) -> list[ClaimResult]:
    """The results in the order of the claims; `done` hears of each as it comes in.

    Args:
        certificates: the folder that gets one certificate a claim, none where it is empty.
    Raises:
        KeyboardInterrupt: the user stopped the run; `done` has heard of all that was finished.
    """
    found: dict[str, ClaimResult] = {}
    for claim, (checks, survivors) in _spread(_judge, claims, settings, loss, certificates):
        found[claim.id] = ClaimResult(claim, checks, survivors)
        done(found[claim.id])
    return [found[claim.id] for claim in claims]


def mutate_all(
    claims: Sequence[Claim], settings: Settings, done: Callable[[MutantResult], None]
) -> list[MutantResult]:
    """Every check of every claim against the wrong versions of its formula; as `judge_all`."""
    found: dict[str, MutantResult] = {}
    for claim, result in _spread(_mutate, claims, settings):
        found[claim.id] = result
        done(result)
    return [found[claim.id] for claim in claims]


def _iterations(claim: Claim) -> int:
    """How many checks of a claim iterate: those take longest, and no core is to wait for them."""
    return sum(check.kind in SLOW for check in claim.checks)


def _spread(
    work: Callable[..., Any], claims: Sequence[Claim], settings: Settings, *more: str
) -> Iterator[tuple[Claim, Any]]:
    """Each claim with what the work on it gives, as it is finished, on all cores."""
    by_name = {handle(claim): claim for claim in sorted(claims, key=_iterations, reverse=True)}
    for name, found in spread(work, list(by_name), settings, *more):
        yield by_name[name], found
