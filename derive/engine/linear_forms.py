"""What a linear update rule computes with: forms in its state and gradients, and powers of h.

A rule runs once on these; whatever is not linear in memory and gradients is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import fmpq

from derive.language.bad_input import BadInput
from derive.language.coefficients import Coefficient, Ring, exact


class NotLinear(BadInput):
    """The update rule is not linear in its memory and its gradients, or its units do not match."""


@dataclass(frozen=True)
class StepPower:
    """weight * h**power."""

    weight: Coefficient
    power: int

    def __mul__(self, other: object) -> object:
        if isinstance(other, StepPower):
            return StepPower(self.weight * other.weight, self.power + other.power)
        if isinstance(other, LinearForm):
            return other.scaled(self.weight, self.power)
        return StepPower(self.weight * _scalar(self.weight.ring, other), self.power)

    __rmul__ = __mul__

    def __neg__(self) -> StepPower:
        return StepPower(-self.weight, self.power)

    def __pow__(self, exponent: object) -> StepPower:
        if not isinstance(exponent, int):
            raise NotLinear(
                f"the rule takes {self} to the power {exponent}: use whole powers of h."
            )
        return StepPower(self.weight**exponent, self.power * exponent)

    def __add__(self, other: object) -> StepPower:
        if isinstance(other, StepPower) and other.power == self.power:
            return StepPower(self.weight + other.weight, self.power)
        raise NotLinear(
            f"the rule adds {self} and {shown(other)}: a parameter that depends on the step size "
            "is no constant weight."
        )

    __radd__ = __add__

    def __sub__(self, other: object) -> StepPower:
        return self + (-other if isinstance(other, StepPower) else other)

    def __rsub__(self, other: object) -> StepPower:
        return -self + other  # pyright: ignore[reportReturnType]

    def __repr__(self) -> str:
        h = "h" if self.power == 1 else f"h**{self.power}"
        return h if self.weight == 1 else f"{self.weight} * {h}"

    def __truediv__(self, other: object) -> object:
        if isinstance(other, StepPower):
            return self * other**-1
        return self * _scalar(self.weight.ring, other).inverse()

    def __rtruediv__(self, other: object) -> object:
        return self**-1 * other


Term = tuple[str | int, int]
"""A state variable's name or a gradient's number, and the power of h in front."""


class LinearForm:
    """A linear form in the state and the gradients: what an update rule may build."""

    __array_priority__ = 1000

    def __init__(self, ring: Ring, terms: dict[Term, Coefficient]) -> None:
        self.ring = ring
        self.terms = {term: weight for term, weight in terms.items() if weight}

    def scaled(self, weight: Coefficient, power: int) -> LinearForm:
        return LinearForm(
            self.ring, {(n, p + power): c * weight for (n, p), c in self.terms.items()}
        )

    def __add__(self, other: object) -> LinearForm:
        if not isinstance(other, LinearForm):
            if isinstance(other, int | float | Fraction | Coefficient) and other == 0:
                return self
            raise NotLinear(
                f"the rule adds {shown(other)} to a state: it may add states and gradients, with "
                "constant weights (weight decay adds x itself, as the gradient of a loss of its "
                "own: see fields=), and knows nothing of the number of the step."
            )
        terms = dict(self.terms)
        for term, weight in other.terms.items():
            terms[term] = terms[term] + weight if term in terms else weight
        return LinearForm(self.ring, terms)

    __radd__ = __add__

    def __mul__(self, other: object) -> LinearForm:
        if isinstance(other, StepPower):
            return self.scaled(other.weight, other.power)
        return self.scaled(_scalar(self.ring, other), 0)

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> LinearForm:
        if isinstance(other, StepPower):
            return self * other**-1
        return self.scaled(_scalar(self.ring, other).inverse(), 0)

    def __neg__(self) -> LinearForm:
        return self * -1

    def __sub__(self, other: object) -> LinearForm:
        return self + (-other if isinstance(other, LinearForm) else other)

    def __rsub__(self, other: object) -> LinearForm:
        return -self + other

    def _refuse(self, *_: object) -> object:
        raise NotLinear(
            "the rule compares, divides by or takes a power or a function of a state or gradient: "
            "it is not linear."
        )

    __pow__ = __rtruediv__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __abs__ = _refuse  # pyright: ignore[reportAssignmentType]
    __float__ = __rpow__ = sqrt = sign = exp = log = tanh = _refuse  # pyright: ignore[reportAssignmentType]


def _scalar(ring: Ring, value: object) -> Coefficient:
    if isinstance(value, Coefficient):
        return value
    if isinstance(value, int | float | Fraction | fmpq):
        return ring.number(exact(value))
    raise NotLinear(f"the rule multiplies a state by {shown(value)}: it is not linear.")


def shown(value: object) -> str:
    """A value in a message."""
    if isinstance(value, LinearForm):
        return "another state or gradient"
    known = isinstance(value, int | float | Fraction | Coefficient | StepPower)
    return str(value) if known else f"a {type(value).__name__}"
