"""What can be asked of a rule: one record a quantity, from which everything about it follows.

The record names the derivation of `derive` and says how its coefficients are meant and written, and
in which normalizations a formula can be checked against it. Commands, pages, targets and drafts
read it here. Nothing is derived or imported before it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any

DIFFERENTIALS = "F(t) the elementary differentials of f = -grad E"
CONTRACTIONS = "S the contraction of derivatives of E along the tree; symmetry is the free tree's"
SQUARE = r"\lVert\nabla E\rVert^{2}"
PAIR = "[[]]"


@dataclass(frozen=True)
class SeriesForm:
    """How a series is written: its left side, what stands first, and the power of h to add."""

    latex: str
    text: str
    first_latex: str = ""
    first_text: str = ""
    shift: int = 0

    def sum(self, step: str) -> str:
        return f"Σ {step}ⁿ⁻¹ b F" if self.shift else f"Σ {step}ⁿ b F"


@dataclass(frozen=True)
class AtFirstOrder:
    """The coefficient at h^1 that a drafted claim may be about.

    Args:
        tree: the tree that carries it.
        symbols: what a formula may hold beside the optimizer's parameters.
        lead, beside: LaTeX around the formula in a statement.
    """

    meaning: str
    tree: str = PAIR
    symbols: tuple[str, ...] = ("h",)
    lead: str = ""
    beside: str = ""


@dataclass(frozen=True)
class Form:
    """One normalization in which a formula is checked against a quantity.

    Args:
        scaled: times the scale of the loss.
        relative: over the coefficient of the lasting flow.
        draft: what a drafted claim says of it, where one can.
    """

    name: str
    meaning: str
    scaled: bool = False
    relative: bool = False
    draft: AtFirstOrder | None = None


@dataclass(frozen=True)
class About:
    """All that is known of a quantity beside its name.

    Args:
        derivation: the function of `derive` that derives it, with its module, imported when it is
            asked for; empty for what is no series over trees.
        meaning: a sentence for people.
        convention: what the coefficients stand for.
        shape: how the series is written; None for a loss.
        behind: what the loss is called whose gradient the field is, where that is asked.
        forms: where a formula can be checked against it.
    """

    meaning: str
    convention: str
    derivation: str = ""
    shape: SeriesForm | None = None
    behind: str = ""
    forms: tuple[Form, ...] = ()

    def derive(self, *arguments: Any, **options: Any) -> Any:
        """Call the derivation."""
        module, _, name = self.derivation.rpartition(".")
        return getattr(import_module(module), name)(*arguments, **options)


class Quantity(StrEnum):
    """What can be asked of an optimizer."""

    about: About

    def __new__(cls, name: str, about: About) -> Quantity:
        member = str.__new__(cls, name)
        member._value_ = name
        member.about = about
        return member

    MODIFIED_FLOW = (
        "modified-flow",
        About(
            "The flow that the iterates follow once the start-up has died out.",
            "x' = sum over trees of h^(nodes-1) coefficient/symmetry F(t)(x), " + DIFFERENTIALS,
            "derive.engine.backward_error.modified_flow",
            SeriesForm("x'", "x'", shift=-1),
            behind="modified loss",
            forms=(Form("modified-flow", "the term of x' beside derivatives of E"),),
        ),
    )
    MODIFIED_LOSS = (
        "modified-loss",
        About(
            "The loss whose gradient flow the iterates follow, while there is one.",
            "x' = -scale grad(E + sum over free trees of h^(nodes-1) coefficient S(tree)), "
            + CONTRACTIONS,
            "derive.engine.modified_loss.modified_loss",
            forms=(
                Form(
                    "modified-loss",
                    "the term beside E in the modified loss that starts with E",
                    draft=AtFirstOrder(
                        "what stands beside |grad E|^2 in E + ...", lead="E+", beside=SQUARE
                    ),
                ),
                Form(
                    "modified-loss-unscaled",
                    "the term of the loss whose gradient is minus the modified flow",
                    scaled=True,
                    draft=AtFirstOrder(
                        "what stands beside |grad E|^2 in the loss whose gradient is -x'",
                        beside=SQUARE,
                    ),
                ),
            ),
        ),
    )
    ONE_STEP_MAP = (
        "one-step-map",
        About(
            "What one step does to the position, once the start-up has died out.",
            "x_(k+1) = x_k + sum over trees of h^nodes coefficient/symmetry F(t)(x_k), "
            + DIFFERENTIALS,
            "derive.engine.backward_error.one_step_map",
            SeriesForm("x_{k+1}", "xₖ₊₁", "x_k", "xₖ"),
            behind="discrete modified loss",
            forms=(Form("one-step-map", "the term of x_(k+1) - x_k"),),
        ),
    )
    DISCRETE_MODIFIED_LOSS = (
        "discrete-modified-loss",
        About(
            "The loss on which one step is a step of gradient descent.",
            "x_(k+1) = x_k - h scale grad(E + sum over free trees of h^(nodes-1) coefficient "
            "S(tree)), " + CONTRACTIONS,
            "derive.engine.modified_loss.discrete_modified_loss",
            forms=(
                Form(
                    "discrete-modified-loss",
                    "the term beside E in the loss of the one-step map that starts with E",
                    draft=AtFirstOrder(
                        "what stands beside |grad E|^2 in S = E + ..., "
                        "x_(k+1) = x_k - h scale grad S(x_k)",
                        lead="E+",
                        beside=SQUARE,
                    ),
                ),
                Form(
                    "discrete-modified-loss-unscaled",
                    "the term of S in x_(k+1) = x_k - h grad S(x_k)",
                    scaled=True,
                ),
            ),
        ),
    )
    SLOW_MANIFOLD = (
        "slow-manifold",
        About(
            "The memory as a function of the position, after the start-up.",
            "memory (times h where it holds a gradient) = constant x + sum over trees of "
            "h^nodes coefficient/symmetry F(t)(x), " + DIFFERENTIALS,
            "derive.engine.backward_error.slow_manifold",
            SeriesForm("m", "m"),
        ),
    )
    TRANSIENT = (
        "transient",
        About(
            "The flow of step k, start-up included, from the declared start on.",
            "on [kh, (k+1)h], from the declared start on, x' = sum over trees of h^(nodes-1) "
            "coefficient/symmetry F(t)(x), " + DIFFERENTIALS,
            "derive.engine.start_up.transient",
            SeriesForm("x'", "x'", shift=-1),
            forms=(
                Form("transient", "the term of x' on [kh, (k+1)h] after the declared start"),
                Form(
                    "transient-factor",
                    "the transient term over the lasting one",
                    relative=True,
                    draft=AtFirstOrder(
                        "gamma_k: what multiplies the lasting h^1 term on [kh, (k+1)h]",
                        symbols=("h", "k"),
                    ),
                ),
            ),
        ),
    )
    INITIAL_SHIFT = (
        "initial-shift",
        About(
            "Where the lasting flow starts, beside the start of the iterates.",
            "the lasting flow starts at x_0 + sum over trees of h^nodes coefficient/symmetry "
            "F(t)(x_0), " + DIFFERENTIALS,
            "derive.engine.start_up.initial_shift",
            SeriesForm("y(0)", "y(0)", "x_0", "x₀"),
            forms=(
                Form(
                    "initial-shift",
                    "the term of y(0) - x_0",
                    draft=AtFirstOrder(
                        "the multiple of grad E(x_0) by which the lasting flow starts beside x_0",
                        "[]",
                    ),
                ),
            ),
        ),
    )
    SECOND_ORDER_EQUATION = (
        "second-order-equation",
        About(
            "The equation for x'' that an inertial rule follows, with its starting velocities.",
            "x'' as powers of h times coefficients beside x', g, H x', E'''[x', x'] and so on",
        ),
    )
    PAST_A_KINK = (
        "past-a-kink",
        About(
            "Where the flow goes on behind a kink or jump of a schedule, beside where it ended.",
            "each variable behind the kink as powers of h in those at its end before; η₋ "
            "is the schedule that ends there",
        ),
    )
    EXPECTATION = (
        "expectation",
        About(
            "The mean of the modified loss of a step over the batches.",
            "the mean of Gₖ + h/4 (‖∇Gₖ‖² + 2 Σ β^(k−r) ‖∇Gᵣ‖², r < k) at a fixed x; "
            "F = mean ‖∇Eₙ − ∇E‖²",
        ),
    )
    COVARIANCE = (
        "covariance",
        About(
            "The covariance of the sum over the batches that momentum remembers.",
            "Gₖ = Σ β^(k−r) Eᵣ at a fixed x; C the covariance of one batch gradient",
        ),
    )


AVERAGES = (Quantity.EXPECTATION, Quantity.COVARIANCE)
DERIVED = tuple(quantity for quantity in Quantity if quantity.about.derivation)
FORMS = {form.name: (quantity, form) for quantity in DERIVED for form in quantity.about.forms}
DRAFTED = {name: form.draft for name, (_, form) in FORMS.items() if form.draft}


class SamplingName(StrEnum):
    """How batches are drawn, as the command says it."""

    WITH_REPLACEMENT = "with-replacement"
    RESHUFFLED = "reshuffled"
    CYCLIC = "cyclic"
