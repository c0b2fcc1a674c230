"""Wrong versions of a formula: what they are, and that no claim lets one pass."""

import json
from dataclasses import replace
from itertools import product

import pytest
import sympy

import verify.papers  # noqa: F401
from derive import heavy_ball
from derive.language.formula import BETA, Formula, H, K
from verify.claims.checks.heavy_ball import by_engine
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import (
    REGISTRY,
    Check,
    Claim,
    Evidence,
    Kind,
    Settings,
    Verdict,
)
from verify.claims.equality import apart, written_out
from verify.claims.judging import judge, soonest
from verify.claims.mutants import (
    put_to_the_test,
    survivors,
    verdict,
    with_survivors,
)
from verify.claims.slips import mutants
from verify.claims.slots import Order, Value
from verify.claims.statement import Statement, Type
from verify.cli import main
from verify.running.numbers import RATIONAL, evaluate
from verify.running.orders import observed_order
from verify.running.recording import recording

CLAIMS = list(REGISTRY.claims.values())
FAST = Settings(digits=20)
NU, N = sympy.symbols("nu n")
LOSS = H * (1 + BETA) / (4 * (1 - BETA) ** 2)
NARAYANA = sympy.Sum(BETA**K * sympy.binomial(N, K) ** 2, (K, 0, N))


@pytest.mark.parametrize(
    ("formula", "wrong"),
    [
        (LOSS, 2 * LOSS),
        (LOSS, -LOSS),
        (LOSS, H * (1 + BETA) / (4 * (1 - BETA) ** 3)),
        (LOSS, H * (1 + BETA) / (4 * (1 - BETA))),
        (LOSS, H * (1 - BETA) / (4 * (1 + BETA) ** 2)),
        (LOSS, H / (4 * (1 - BETA) ** 2)),
        (LOSS, (1 + BETA) / (4 * (1 - BETA) ** 2)),
        (LOSS, BETA * (1 + BETA) / (4 * (1 - BETA) ** 2)),
        (1 - BETA ** (K + 1), 1 - BETA ** (K + 2)),
        (1 + NU * BETA, 1 + BETA**2),
        (NARAYANA, sympy.Sum(NARAYANA.function, (K, 1, N))),
        (NARAYANA, sympy.Sum(NARAYANA.function, (K, 0, N - 1))),
        (sympy.Integer(0), sympy.Integer(1)),
    ],
    ids=str,
)
def test_every_slip_that_a_referee_looks_for_is_tried(formula, wrong):
    found = [mutant.expr for mutant in mutants(formula)]
    assert any(sympy.expand(mutant - wrong) == 0 for mutant in found)


@pytest.mark.parametrize("formula", [LOSS, (BETA + K) ** 2 / H, 1 + sympy.sqrt(BETA)])
def test_no_mutant_is_the_formula_or_another_mutant(formula):
    found = [formula, *(mutant.expr for mutant in mutants(formula))]
    places = {BETA: sympy.Rational(3, 7), H: sympy.Rational(5, 11), K: 3, N: 4}
    values = [str(expr.subs(places).doit()) for expr in found]
    assert len(set(values)) == len(found)


@pytest.mark.parametrize("formula", [LOSS, (BETA + K) ** 2 / H, 1 + sympy.sqrt(BETA)])
def test_formulas_apart_at_a_point_are_other_formulas(formula):
    assert all(apart(formula, mutant.expr) for mutant in mutants(formula))
    assert not apart(formula, sympy.factor(sympy.together(sympy.expand(formula))))


def test_where_there_is_no_value_nothing_is_apart():
    assert not apart(NARAYANA, LOSS)
    assert not apart(1 / (BETA - BETA), LOSS)


def test_the_difference_is_written_for_the_one_who_reads_it():
    check = identical("twice", lambda: LOSS)
    found = check.judge(LOSS + H, FAST)
    assert not found.passed
    assert found.figure == "difference h"
    assert check.judge(LOSS + sympy.exp(H), FAST).figure == "difference exp(h)"


def test_a_check_that_knows_the_order_is_not_asked_first_for_a_formula(monkeypatch):
    """It remembers what it has run for the right formula, and is slow for another one."""
    now, asked = [0.0], list[str]()
    monkeypatch.setattr("time.perf_counter", lambda: now[0])

    def slow(says, settings):
        asked.append("slow")
        right = says.expr("weight") == LOSS
        now[0] += 0 if right else 30
        return Evidence(right and says["order"].power == 2, "")

    def quick(says, settings):
        asked.append("quick")
        now[0] += 1
        return Evidence(says.expr("weight") == LOSS, "")

    says = Statement(
        Type.EQUALITY,
        "{weight} {order}",
        {"order": Order(2), "weight": Value(LOSS)},
    )
    checks = (Check("slow", Kind.ORDER, slow), Check("quick", Kind.SERIES, quick))
    claim = Claim(says=says, checks=checks, expected=Verdict.DERIVED)
    reads = {"slow": frozenset({"order", "weight"}), "quick": frozenset({"weight"})}
    assert not survivors(claim, FAST, checks, reads, {"slow": 30.0, "quick": 1.0})
    assert asked.count("slow") == 2
    assert asked.count("quick") == len(mutants(LOSS)) + 1


def test_a_bound_beyond_the_last_term_that_is_not_zero_is_no_mutant():
    """binomial(n, n+1) = 0: the sum to n + 1 is the same sum."""
    assert not any("too high" in m.slip and "upper" in m.slip for m in mutants(NARAYANA))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_independent_checks_reject_every_wrong_version_and_none_is_idle(claim):
    """On another draw than the verdict's, on which the right statement must not depend; but for
    simulations, which are compared with their own spread."""
    result = put_to_the_test(claim, replace(FAST, seed=3))
    assert not result.survivors
    assert not result.idle
    assert set(result.failing) <= {c.name for c in claim.checks if c.kind is Kind.SIMULATION}


def test_a_check_that_rejects_the_right_statement_is_failing():
    never = exact("never", Kind.SERIES, lambda *_: (False, ""))
    assert put_to_the_test(lenient(never), FAST).failing == ("never",)


def lenient(*checks):
    return Claim(
        statement="{formula}",
        printed=Formula("lenient", LOSS),
        checks=checks,
        expected=Verdict.CONFIRMED,
        id="lenient",
    )


def accepts_multiples(expr, settings):
    ratio = evaluate(expr / LOSS, {}, RATIONAL) if (expr / LOSS).is_Rational else 0
    return ratio != 0, "a multiple"


def test_a_claim_that_a_mutant_survives_is_open():
    claim = lenient(exact("up to a factor", Kind.ENUMERATION, accepts_multiples))
    result = with_survivors(judge(claim, FAST), FAST)
    assert all(check.passed for check in result.checks)
    assert set(result.survivors) == {"the sign", "a factor 2", "a factor 1/2"}
    assert result.verdict is Verdict.OPEN


@pytest.mark.parametrize("at_few", [False, None])
def test_all_digits_follow_where_few_do_not_confirm(at_few: bool | None):
    asked = []

    def many(expr, settings):
        asked.append(settings.digits)
        return Evidence(settings.digits > 20 or at_few, "")

    assert soonest(many)(LOSS, Settings(digits=50)).passed
    assert asked == [20, 50]


def test_one_judgement_on_all_digits_is_recorded():
    def many(expr, settings):
        log.begin("", {}, refutes=False)
        log.order([4, 2, 1, 0.5], observed_order([4, 2, 1, 0.5]), settings.digits // 50)
        return Evidence(settings.digits > 20, "")

    with recording() as log:
        assert soonest(many)(LOSS, Settings(digits=50)).passed
    (section,) = log.sections
    assert [item["order"] for item in section.evidence] == ["1"]


def test_a_wrong_version_that_only_all_digits_reject_does_not_survive():
    def fine(expr, settings):
        return Evidence(expr == LOSS or (False if settings.digits == 50 else None), "")

    claim = lenient(Check("fine", Kind.BALL, fine))
    for digits, left in ((50, False), (20, True)):
        settings = Settings(digits=digits)
        assert bool(with_survivors(judge(claim, settings), settings).survivors) is left


@pytest.mark.parametrize(("low", "high"), [*product(range(-2, 4), repeat=2)])
def test_a_sum_is_written_out_as_sympy_does_it(low, high):
    total = sympy.Sum(K * BETA**K, (K, low, high))
    assert sympy.expand(written_out(total) - total.doit()) == 0


def test_a_check_that_shares_the_derivation_kills_nothing_for_others():
    claim = lenient(identical("B-series engine", lambda: by_engine(heavy_ball)))
    result = put_to_the_test(claim, FAST)
    assert result.checks == (("B-series engine", "symbolic", False),)
    assert len(result.tried) == len(result.survivors)
    assert not result.idle


def test_a_formula_without_a_value_is_rejected_and_an_overflow_is_not_decided():
    def judge(error):
        def raises(expr, settings):
            raise error

        return replace(exact("any", Kind.SERIES, lambda *_: (True, "")), judge=raises)

    assert verdict(judge(ZeroDivisionError()), LOSS, FAST).passed is False
    assert verdict(judge(ArithmeticError("runs away")), LOSS, FAST) == Evidence(None, "runs away")


def test_the_command_counts_what_each_check_rejects(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["mutants", "cowsik2022.product", "--format", "json"])
    assert stop.value.code == 0
    (claim,) = json.loads(capsys.readouterr().out)["claims"]
    assert claim["id"] == "cowsik2022.product"
    assert claim["tried"] == claim["rejected"] > 0
    assert sum(slot["tried"] for slot in claim["slots"]) == claim["tried"]
    for slot in claim["slots"]:
        assert set(slot) == {"name", "kind", "tried", "rejected", "by"}
        assert sum(slot["by"].values()) == slot["rejected"] == slot["tried"]


def test_a_survivor_is_named_and_ends_with_1(capsys, monkeypatch):
    weak = lenient(exact("up to a factor", Kind.ENUMERATION, accepts_multiples))
    monkeypatch.setitem(REGISTRY.claims, "lenient", weak)
    with pytest.raises(SystemExit) as stop:
        main(["mutants", "lenient"])
    assert stop.value.code == 1
    assert "lenient is open: no independent check rejects the sign" in capsys.readouterr().out
