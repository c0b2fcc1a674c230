"""How PyTorch, Keras, optax, averages and papers write momentum, each with its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from flint import fmpq

from derive import optimizers
from derive.language.coefficients import Exact, exact
from derive.language.parameter import Parameter, momentum, share, switch
from derive.language.update_rule import BadInput, Number, Optimizer, optimizer
from derive.optimizers.linear import Gradient, Pair

ZERO, ONE = fmpq(0), fmpq(1)
LR = Parameter("lr", lower=ZERO, includes_lower=False, why="a step needs a length.")
MOMENTUM = momentum("momentum", positive=True)
DAMPENING = Parameter("dampening", lower=ZERO, upper=ONE)
NU = share("nu", "weight of the average in a step")
NESTEROV = switch("nesterov", "look ahead")


@optimizer(state=("velocity",), parameters=(MOMENTUM, NESTEROV))
def keras_sgd(
    w: Number, velocity: Number, grad: Gradient, h: Number, *, momentum: Number, nesterov: bool
) -> Pair:
    """Keras's SGD, as the documentation of keras.optimizers.SGD writes it."""
    g = grad(w)
    velocity = momentum * velocity - h * g
    return w + (momentum * velocity - h * g if nesterov else velocity), velocity


@optimizer(state=("trace",), parameters=(MOMENTUM, NESTEROV))
def optax_sgd(
    x: Number, trace: Number, grad: Gradient, h: Number, *, momentum: Number, nesterov: bool
) -> Pair:
    """Optax's SGD, as the documentation of optax.sgd and of optax.trace (decay) write it."""
    g = grad(x)
    trace = g + momentum * trace
    return x - h * (g + momentum * trace if nesterov else trace), trace


@optimizer(state=("velocity",), parameters=(momentum("mass", positive=True),))
def autograd_sgd(x: Number, velocity: Number, grad: Gradient, h: Number, *, mass: Number) -> Pair:
    """The sgd of HIPS autograd, as the source of autograd.misc.optimizers writes it."""
    velocity = mass * velocity - (1 - mass) * grad(x)
    return x + h * velocity, velocity


@dataclass(frozen=True)
class Convention:
    """A way to write momentum: its declaration, and its words for learning rate and momentum."""

    name: str
    library: str
    rule: Optimizer
    lr: str
    momentum: str

    def has(self, parameter: str) -> bool:
        return any(p.name == parameter for p in self.rule.declared)

    @property
    def switches(self) -> tuple[bool, ...]:
        """The positions of its switch nesterov; off where it has none."""
        return (False, True) if self.has("nesterov") else (False,)

    def variant(self, nesterov: bool) -> Optimizer:
        """The declaration with its switch set, undamped where it looks ahead."""
        rule = self.rule.at(nesterov=int(nesterov)) if self.has("nesterov") else self.rule
        return rule.at(dampening=0) if nesterov and self.has("dampening") else rule


CONVENTIONS: Mapping[str, Convention] = {
    c.name: c
    for c in (
        Convention("torch", "torch.optim.SGD", optimizers.torch_sgd, "lr", "momentum"),
        Convention("keras", "keras.optimizers.SGD", keras_sgd, "learning_rate", "momentum"),
        Convention("optax", "optax.sgd", optax_sgd, "learning_rate", "momentum"),
        Convention("autograd", "autograd.misc.optimizers.sgd", autograd_sgd, "step_size", "mass"),
        Convention("ema", "average of gradients", optimizers.ema_momentum, "lr", "beta"),
        Convention("heavy-ball", "papers, with a velocity", optimizers.heavy_ball, "h", "beta"),
        Convention("paper", "papers, in two steps", optimizers.heavy_ball_two_step, "h", "beta"),
        Convention("nesterov", "Sutskever et al. 2013", optimizers.nesterov, "h", "beta"),
        Convention("qhm", "Ma and Yarats 2019", optimizers.quasi_hyperbolic, "lr", "beta"),
    )
}


def find_convention(name: str) -> Convention:
    """The convention of this name.

    Raises:
        BadInput: there is none; the message offers the nearest name.
    """
    if name in CONVENTIONS:
        return CONVENTIONS[name]
    near = get_close_matches(name.lower(), CONVENTIONS, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"Known are {', '.join(CONVENTIONS)}."
    raise BadInput(f"no convention is called '{name}'. {hint}")


@dataclass(frozen=True)
class ConventionValues:
    """A convention with a number for each of its parameters."""

    convention: Convention
    lr: fmpq
    momentum: fmpq
    dampening: fmpq
    nesterov: bool
    nu: fmpq

    @property
    def rule(self) -> Optimizer:
        """The declaration with every parameter but the step size."""
        rule = self.convention.variant(self.nesterov)
        values = {self.convention.momentum: self.momentum}
        values |= {n: getattr(self, n) for n in ("dampening", "nu") if self.convention.has(n)}
        return rule.at(**values)

    @property
    def named(self) -> dict[str, fmpq | bool]:
        """The parameters as the convention calls them, but for those that are off."""
        words: dict[str, fmpq | bool] = {
            self.convention.lr: self.lr,
            self.convention.momentum: self.momentum,
        }
        words |= {"nu": self.nu} if self.convention.has("nu") else {}
        words |= {"dampening": self.dampening} if self.dampening else {}
        return words | ({"nesterov": True} if self.nesterov else {})

    def __str__(self) -> str:
        return " ".join(
            f"{name}={value if isinstance(value, bool) else number(value)}"
            for name, value in self.named.items()
        )


def setting(
    name: str,
    lr: Exact | float,
    momentum: Exact | float,
    dampening: Exact | float = 0,
    nesterov: bool = False,
    nu: Exact | float | None = None,
) -> ConventionValues:
    """The convention of this name with exact numbers; arguments and errors as for `convert`."""
    convention = find_convention(name)
    found = ConventionValues(
        convention,
        LR.check(lr),
        MOMENTUM.check(momentum),
        DAMPENING.check(dampening),
        nesterov,
        ONE if nu is None else NU.check(nu),
    )
    for word, given in (("dampening", found.dampening), ("nesterov", nesterov)):
        if given and not convention.has(word):
            owners = ", ".join(c.name for c in CONVENTIONS.values() if c.has(word))
            raise BadInput(f"{name} takes no {word}; {owners} can.")
    if convention.has("nu") != (nu is not None):
        raise BadInput(
            "nu, the weight of the average in a step, is needed by qhm and by qhm alone."
        )
    if convention.has("dampening") and nesterov and (found.dampening or not found.momentum):
        raise BadInput(f"{name} with nesterov needs a momentum above 0 and dampening 0.")
    return found


def number(value: fmpq, digits: int = 12) -> str:
    """An exact number as people write it; one that is long, with ~ and that many digits."""
    short = f"{int(value.p) / int(value.q):.{digits}g}"
    if exact(short) != value:
        short = str(value) if len(str(value)) <= 9 else f"~{short}"
    return short.replace("-", "−")
