"""What a draft states, in the types of the claims that are built in: its slots and their checks."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import sympy

from derive.language.update_rule import BadInput
from verify.claims.checks.stated import bounded, observed, remembered
from verify.claims.claim import Check, Evidence, Kind, Settings, on
from verify.claims.equality import closed
from verify.claims.slots import Choice, Domain, Losses, Order, Point, Slot, Value, When
from verify.claims.statement import Statement, Type, asserted
from verify.formulas.domain import ranges_of
from verify.running.orders import observed_order
from verify.workbench.candidate_orders import distances, tamest
from verify.workbench.candidates import guarded
from verify.workbench.draft_context import check_about
from verify.workbench.draft_fields import DraftFields
from verify.workbench.draft_points import Bounds
from verify.workbench.subjects import Subject

OF_COEFFICIENTS = (Type.EQUALITY, Type.CLOSENESS)
"""The types whose formula is a coefficient of a rule."""


def type_of(fields: DraftFields) -> Type | None:
    """The type of a draft's statement; None in a draft of the older form.

    Raises:
        BadInput: there is no such type, none is given where it has to be, or a field does not
            belong to it.
    """
    typed = fields.has("type") or fields.many
    found = Type(fields.choice("type", Type)) if typed else None
    check_about(fields, found)
    if fields.has("formula.left") and found not in (Type.LIMIT, Type.INEQUALITY):
        raise fields.bad("formula.left", "belongs to type = 'limit' or 'inequality'; remove it")
    return found


def slots_of(fields: DraftFields, of: Type, formula: sympy.Expr) -> dict[str, Slot]:
    """The slots of an equality or a closeness.

    Raises:
        BadInput: a field of a closeness cannot be used.
    """
    slots: dict[str, Slot] = {"formula": Value(formula)}
    if of is Type.CLOSENESS:
        slots["order"] = Order(_order(fields))
        slots["when"] = one_of(fields, "about.when", When)
        slots["losses"] = one_of(fields, "about.losses", Losses)
    return slots


def read_statement(fields: DraftFields, of: Type, slots: Mapping[str, Slot]) -> Statement:
    """The sentence of a draft with its slots.

    Raises:
        BadInput: a slot does not stand in it, or it asserts something beside its slots.
    """
    text = " ".join(fields.needed("statement").split())
    for name in slots:
        if f"{{{name}}}" not in text and f"{{+{name}}}" not in text:
            raise fields.bad("statement", f"has no {{{name}}}, which stands for a field")
    if loose := asserted(text, slots):
        raise fields.bad(
            "statement",
            f"asserts {loose[0]!r} beside its slots, where no check sees it; use "
            f"{', '.join(f'{{{name}}}' for name in slots)}, or put it into words",
        )
    says = Statement(of, text, slots)
    try:
        says.filled(text)
    except ValueError as error:
        raise fields.bad("statement", f"cannot be written: {error}") from error
    return says


def in_domain(
    domain: Domain, subject: Subject, run: Callable[[Subject], Check], given: Sequence[sympy.Basic]
) -> Check:
    """A formula is the coefficient in a domain, and not on a bound that is excluded nor beyond.

    Args:
        run: the check that runs the rule, for a subject with its points.
    """
    ground = Bounds.of([*domain.bounds, *given], (), ranges_of(subject.rule.declared))

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        whole = ground.draw(random.Random(settings.seed), point)
        values = {name: whole[name] for name in subject.rule.parameters}
        try:
            subject.rule.at(**values)
        except BadInput:
            return False
        found = run(replace(subject, points=(values,))).judge(says.expr("formula"), settings)
        return found.passed is True

    return bounded("in the domain and beyond", holds)


def closeness(subject: Subject) -> tuple[Check, ...]:
    """Iterates and flow are close to the order, when and for the losses that are stated."""
    point = tamest(subject)

    @remembered
    def ask(says: Statement, of: Losses, settings: Settings) -> Sequence[tuple[float, float]]:
        return distances(subject, closed(says.expr("formula")), settings, point, of)

    def on_losses(says: Statement, settings: Settings) -> Evidence:
        power, later = says["order"].power, says["when"] is When.AFTER_START_UP
        for of in Losses:
            found = observed_order(
                [last if later else most for most, last in ask(says, of, settings)],
                floor=10.0 ** (5 - settings.digits),
            )
            reached, wanted = found.reaches(power), says["losses"] in (of, Losses.EVERY)
            if reached is None:
                return Evidence(None, f"order {found} for {of.value}")
            if reached != wanted:
                return Evidence(False, f"order {found} for {of.value}")
        return Evidence(True, f"the order is met for {says['losses'].value}, and not beyond")

    found = (
        observed("observed order", lambda says, settings: ask(says, Losses.EVERY, settings)),
        Check("order for each class of losses", Kind.ORDER, on_losses),
    )
    return tuple(map(guarded, found))


def on_formula(checks: Sequence[Check]) -> tuple[Check, ...]:
    """Checks of a formula, on the slot of the formula."""
    return tuple(on("formula", check) for check in checks)


def _order(fields: DraftFields) -> int:
    found = fields.number("about.claimed_order")
    if found is None:
        raise fields.missing("about.claimed_order")
    return found


def one_of(fields: DraftFields, field: str, phrases: type[Choice]) -> Choice:
    """The phrase that a field names."""
    plain = {phrase.plain: phrase for phrase in phrases}
    return plain[fields.choice(field, plain)]
