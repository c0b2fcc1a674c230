"""Random triples of formula, loss and parameters, each judged by a residual and by an order.

A seed gives the triple; the losses, starts and parameters are those of
`verify.workbench.strategies`. What is on trial is the coefficient of the tree with two nodes in an
optimizer's modified flow: the right one must never be rejected, and a slip of the pen in it never
accepted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log2

import sympy
from flint import fmpq

from derive.engine.backward_error import slow_motion
from derive.engine.bseries import BSeries
from derive.engine.start_up import initial_shift
from derive.language.formula import Formula
from derive.language.parameter import Parameter
from derive.language.trees import Tree
from derive.language.update_rule import BadInput, Optimizer
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Source, Verdict
from verify.claims.slips import Mutant, mutants
from verify.running.convergence import ConvergenceStudy
from verify.running.families import FAMILIES, MOMENTA, Draw, bounded_polynomial, starting_point
from verify.running.numbers import RATIONAL, evaluate
from verify.running.orders import observed_order
from verify.running.residuals import transient_residual
from verify.workbench.candidate_orders import fading, scaled
from verify.workbench.rule_claims import PAIR, shifted_flow, start_up_field

NODES = 2
FINE = 3
STEPS = 3
DIGITS = 30


@dataclass(frozen=True)
class Trial:
    """An optimizer at drawn parameters, and the source of its losses and starts."""

    rule: Optimizer
    seed: int

    @cached_property
    def values(self) -> dict[str, fmpq]:
        """The drawn parameters, each in its range."""
        draw = random.Random(self.seed)
        asked = [p for p in self.rule.declared if p.name in self.rule.parameters]
        return {parameter.name: _drawn(draw, parameter) for parameter in asked}

    @cached_property
    def special(self) -> Optimizer:
        return self.rule.at(**self.values)

    @property
    def true(self) -> fmpq:
        return slow_motion(self.special, NODES).modified_flow[PAIR].at({})

    def wrong(self, right: sympy.Expr) -> Mutant:
        """A formula one slip away that is wrong at the drawn parameters."""
        draw = random.Random(self.seed)
        found = list(mutants(right))
        draw.shuffle(found)
        return next(m for m in found if self.value(m.expr) != self.true)

    def value(self, candidate: sympy.Expr) -> fmpq | None:
        try:
            return evaluate(candidate, self.values, RATIONAL)
        except (ValueError, ZeroDivisionError):
            return None

    def residual(self, candidate: fmpq) -> Evidence:
        """x_k - x(kh) over the first steps must begin at h^3, exactly, on a random polynomial."""
        draw = random.Random(self.seed)
        dimension = draw.randint(1, 2)
        loss = bounded_polynomial(draw, dimension)
        power = transient_residual(
            self.rule,
            loss,
            starting_point(draw, dimension),
            start_up_field(self.special, candidate, nodes=NODES, steps=STEPS),
            parameters=self.values,
            length=NODES + 2,
            steps=STEPS,
        )
        return Evidence(power > NODES, f"residual begins at h^{power} on E = {loss.text}")

    def order(self, candidate: fmpq) -> Evidence:
        """At the final time the iterates are O(h^FINE)-close to the flow from the shifted start.

        With so many right coefficients around it, a wrong one shows at the order 1 at once.
        """
        draw = random.Random(self.seed)
        family, dimension = FAMILIES[draw.randint(0, len(FAMILIES) - 1)], draw.randint(1, 3)
        loss, start = family(draw, dimension), starting_point(draw, dimension)
        # the longer the memory, the more steps until it fades, and the less the loss may move x
        slow = ceil(log2(1 / (1 - fading(self.special))))
        first = max(6, slow + 5)
        run = ConvergenceStudy(
            self.rule,
            scaled(loss, fmpq(1, 4 * 2**slow)),
            start,
            self.values,
            time=1,
            halvings=range(first, first + 4),
        )

        def replaced(flow: BSeries) -> dict[Tree, fmpq]:
            return {t: c.at({}) for t, c in flow.items()} | {PAIR: candidate}

        try:
            shift = initial_shift(self.special, order=FINE)
            follow = shifted_flow(self.special, FINE, replaced, shift)
            errors = run.errors(follow, digits=DIGITS, at_end=True)
        except (BadInput, ArithmeticError) as error:
            return Evidence(None, str(error))
        observed = observed_order(errors, floor=10.0 ** (5 - DIGITS))
        return Evidence(observed.reaches(FINE), f"order {observed} on E = {loss.text}")


def trial_claim(name: str, rule: Optimizer) -> Claim:
    """The checks of both kinds on trial, each on a formula that holds and on one that does not."""

    def check(kind: Kind, judge: Callable[[Trial, fmpq], Evidence]) -> Iterator[Check]:
        def judged(trial: Trial, candidate: sympy.Expr) -> Evidence:
            value = trial.value(candidate)
            return judge(trial, value) if value is not None else Evidence(False, "no value")

        def right(candidate: sympy.Expr, settings: Settings) -> Evidence:
            return judged(Trial(rule, settings.seed), candidate)

        def wrong(candidate: sympy.Expr, settings: Settings) -> Evidence:
            trial = Trial(rule, settings.seed)
            mutant = trial.wrong(candidate)
            found = judged(trial, mutant.expr)
            return Evidence(found.passed is not True, f"{mutant.slip}: {found.figure}")

        yield Check(str(kind), kind, right)
        yield Check(f"{kind}, a wrong formula", kind, wrong)

    formula = slow_motion(rule, NODES).modified_flow[PAIR].as_expr()
    return Claim(
        statement=r"In the modified flow the tree with two nodes carries {formula}.",
        printed=Formula("onTrial", formula, given=()),
        checks=(*check(Kind.SERIES, Trial.residual), *check(Kind.ORDER, Trial.order)),
        expected=Verdict.CONFIRMED,
        id=name,
        source=Source("own", name),
        derivation=rule.summary,
    )


def _drawn(draw: Draw, parameter: Parameter) -> fmpq:
    value = MOMENTA[draw.randint(0, len(MOMENTA) - 1)]
    for shift in (fmpq(0), parameter.lower or fmpq(0), fmpq(1), fmpq(-1), fmpq(1, 20)):
        try:
            drawn = parameter.check(value + shift)
        except BadInput:
            continue
        if not (parameter.branches and drawn == parameter.lower):
            return drawn
    raise BadInput(f"no value of {parameter.name} in {parameter.range} was found to try.")
