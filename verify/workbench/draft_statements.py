"""What a draft states, in the types of the claims that are built in: its slots and their checks."""

from __future__ import annotations

from collections.abc import Sequence

import sympy

from verify.claims.checks.stated import observed, remembered
from verify.claims.claim import Check, Evidence, Kind, Settings, on
from verify.claims.equality import closed
from verify.claims.slots import Choice, Losses, Order, Slot, Value, When
from verify.claims.statement import Statement, Type, asserted
from verify.running.orders import observed_order
from verify.workbench.candidate_orders import distances, tamest
from verify.workbench.candidates import guarded
from verify.workbench.draft_fields import Fields
from verify.workbench.subjects import Subject

CHECKED = (Type.EQUALITY, Type.CLOSENESS)
_OF_CLOSENESS = ("claimed_order", "when", "losses")


def type_of(fields: Fields) -> Type | None:
    """The type of a draft's statement; None in a draft of the older form.

    Raises:
        BadInput: there is no such type, none is given where it has to be, or a draft's quantity
            cannot be checked in it.
    """
    if not fields.has("type") and not fields.many:
        return None
    found = Type(fields.choice("type", Type))
    if found not in CHECKED:
        raise fields.bad(
            "type",
            f"is {str(found)!r}; the quantity of a draft can be checked as "
            f"{' or '.join(CHECKED)} only",
        )
    return found


def read_statement(fields: Fields, of: Type, formula: sympy.Expr) -> Statement:
    """The sentence of a draft with its slots.

    Raises:
        BadInput: a slot does not stand in it, or it asserts something beside its slots.
    """
    slots: dict[str, Slot] = {"formula": Value(formula)}
    if of is Type.CLOSENESS:
        slots["order"] = Order(_order(fields))
        slots["when"] = _one_of(fields, "about.when", When)
        slots["losses"] = _one_of(fields, "about.losses", Losses)
    else:
        for name in _OF_CLOSENESS:
            if fields.has(f"about.{name}"):
                raise fields.bad(f"about.{name}", 'belongs to type = "closeness"; remove it')
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


def _order(fields: Fields) -> int:
    found = fields.number("about.claimed_order")
    if found is None:
        raise fields.missing("about.claimed_order")
    return found


def _one_of(fields: Fields, field: str, phrases: type[Choice]) -> Choice:
    plain = {phrase.plain: phrase for phrase in phrases}
    return plain[fields.choice(field, plain)]
