"""What is derived of an optimizer, and how its fields, steps and terms are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy
from flint import fmpq

from derive.engine.bseries import BSeries
from derive.engine.linear_memory import linear_method
from derive.engine.modified_loss import ModifiedLoss, loss_of_field
from derive.language.coefficients import Coefficient
from derive.language.differentials import Name
from derive.language.factored import Factored
from derive.language.trees import Tree
from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import GREEK, Writable, latex
from verify.formulas.asked import AVERAGES, Quantity, SeriesForm


@dataclass(frozen=True)
class Derived:
    """A quantity of an optimizer: one series (several for several memories) or a loss."""

    optimizer: Optimizer
    quantity: Quantity
    order: int
    series: Mapping[str, BSeries]
    loss: ModifiedLoss | None
    step: str = "h"
    """How the step size is called."""
    processes: int = 1
    """How many write its terms, see `verify.running.copies.shared`."""

    @property
    def shown_step(self) -> str:
        return GREEK.get(self.step, self.step)

    @property
    def convention(self) -> str:
        text = self.quantity.about.convention
        if self.optimizer.game or len(self.optimizer.fields) > 1:
            text = _with_fields(text, self.optimizer)
        return re.sub(r"\bh\b|(?<=k)h|(?<=\))h", self.step, text)


def _with_fields(text: str, optimizer: Optimizer) -> str:
    """The sentence of a convention on E, on the fields of this rule."""
    names, sign = field_names(optimizer), "" if optimizer.game else "grad "
    each = [f"-{sign}{name} (colour {c})" for c, name in enumerate(names)]
    several = len(names) > 1
    text = text.replace("f = -grad E", f"f = {' and '.join(each)}" if several else "f = -G")
    coloured = [f"{name} (colour {c})" for c, name in enumerate(names)]
    text = text.replace("derivatives of E", f"derivatives of {' and '.join(coloured)}")
    return text.replace("grad(E + sum", "grad(sum") if several else text


def field_names(optimizer: Optimizer) -> tuple[str, ...]:
    """How the fields are called: as declared, and G where a game has but one without a name."""
    return ("G",) if optimizer.game and optimizer.fields == ("E",) else optimizer.fields


def text_name(optimizer: Optimizer) -> Name:
    """What a field is called in text, by its colour."""
    return lambda colour: GREEK.get(field_names(optimizer)[colour], field_names(optimizer)[colour])


def latex_name(optimizer: Optimizer) -> Name:
    """What a field is called in LaTeX, by its colour."""
    return lambda colour: latex(sympy.Symbol(field_names(optimizer)[colour]))


def find(optimizer: Optimizer, quantity: Quantity, *, order: int, k: int | None = None) -> Derived:
    """Derive a quantity; `k` is the step of the transient, None for closed forms in k.

    Raises:
        BadInput: as the derivation itself; k without transient; a loss of a game.
    """
    if quantity in AVERAGES:
        raise BadInput(f"{quantity} is an average over batches; ask for it with --minibatch.")
    if not quantity.about.derivation:
        raise BadInput(f"{quantity} is derived of other rules than {optimizer.name}.")
    if k is not None and quantity is not Quantity.TRANSIENT:
        raise BadInput(f"--k {k} belongs to the transient; {quantity} does not depend on k.")
    about = quantity.about
    if about.shape is None and optimizer.game:
        raise BadInput(
            f"{optimizer.name} follows any vector field, behind which no loss stands; "
            "ask for its modified-flow."
        )
    at_step = {"k": k} if quantity is Quantity.TRANSIENT else {}
    found = about.derive(optimizer, order=order, **at_step)
    if isinstance(found, ModifiedLoss):
        return Derived(optimizer, quantity, order, {}, found)
    if isinstance(found, BSeries):
        loss = loss_of_field(found) if about.behind and not optimizer.game else None
        return Derived(optimizer, quantity, order, {"": found}, loss)
    if not found:
        raise BadInput(f"{optimizer.name} has no memory, so there is no slow manifold to find.")
    return Derived(optimizer, quantity, order, found, None)


def shape_of(derived: Derived) -> SeriesForm:
    """How the quantity of a derivation is laid out."""
    shape = derived.quantity.about.shape
    if shape is None:
        raise ValueError("a loss has no shape")
    return shape


def written(coefficient: Any) -> Writable:
    """A coefficient as the writers take it, factored where it is a fraction of polynomials."""
    return coefficient.factored if isinstance(coefficient, Coefficient) else coefficient.as_expr()


def beside(t: Tree, coefficient: Any) -> Writable:
    """What stands beside the differential of E: b/sigma and the sign of f = -grad E."""
    number = fmpq(-1 if t.order % 2 else 1, t.symmetry)
    if isinstance(coefficient, Coefficient):
        product = coefficient.factored
        return replace(product, number=product.number * number)
    return written(coefficient * number)


def with_step(value: Writable, power: int, name: str) -> Writable:
    """This times a power of the step, under the name that the step has."""
    step = sympy.Symbol(name)
    if isinstance(value, Factored):
        return value.times(step, power)
    factors = sympy.Mul.make_args(value)
    return sympy.Mul(step**power, *factors, evaluate=False) if power else value


def memory_units(optimizer: Optimizer) -> dict[str, int]:
    """The power of h in each memory variable: -1 where it holds a gradient."""
    return dict(zip(optimizer.memory, linear_method(optimizer).memory_units, strict=True))
