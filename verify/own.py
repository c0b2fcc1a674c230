"""A user's own optimizer: from a Python file to a derivation and a verdict.

`my_rule.py:my_rule` names an `@optimizer` function in a file. Loading it runs the file, as
`python my_rule.py` would.
"""

from __future__ import annotations

import importlib.util
import random
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import sympy
from flint import fmpq

from derive.backward_error import slow_motion
from derive.bseries import BSeries
from derive.formula import Formula
from derive.linear_memory import linear_method
from derive.optimizers import find_optimizer
from derive.startup import initial_shift, transient
from derive.trees import Tree, tree
from derive.update_rule import BadInput, Optimizer, Parameter
from verify.checks import exact, order_of
from verify.claim import Check, Claim, Kind, Settings, Source, Verdict
from verify.closeness import Experiment, Flow
from verify.families import bounded_polynomial, starting_point
from verify.flows import evaluate_field, weights_of
from verify.losses import VectorField
from verify.numbers import MPFR, RATIONAL, PowerSeries, evaluate
from verify.residuals import transient_residual

PAIR = tree("[[]]")
NODES = 3
SAMPLES = (fmpq(1, 2), fmpq(1, 3), fmpq(3, 5), fmpq(1, 5), fmpq(3, 4))


def find_rule(name: str) -> Optimizer:
    """An optimizer by name, or by file as in `my_rule.py:my_rule`.

    Raises:
        BadInput: no such name or file, or the file does not declare it; the message has the line
            where the user's code failed.
    """
    path, colon, attribute = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        return find_optimizer(name)
    module = _load(Path(path))
    found = getattr(module, attribute, None)
    if not isinstance(found, Optimizer):
        declared = [key for key, value in vars(module).items() if isinstance(value, Optimizer)]
        has = f"it declares {', '.join(declared)}" if declared else "it declares no optimizer"
        raise BadInput(f"{path} has no @optimizer function '{attribute}'; {has}.")
    _try_once(found, Path(path))
    return found


def _load(path: Path) -> ModuleType:
    if not path.is_file():
        raise BadInput(f"{path} is not a file; name a rule as file.py:function.")
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadInput(_located(error, path)) from error
    return module


def _try_once(rule: Optimizer, path: Path) -> None:
    """Read the rule's normal form, so that an error in it is told with its line."""
    try:
        linear_method(rule)
    except BadInput as error:
        line = _line(error.__cause__ or error, path)
        raise type(error)(f"{path}{line}: {error}") from error
    except Exception as error:
        raise BadInput(_located(error, path)) from error


def _located(error: BaseException, path: Path) -> str:
    said = str(error).splitlines()[0] if str(error) else "no message"
    return f"{path}{_line(error, path)}: {type(error).__name__}: {said}"


def _line(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        return f":{error.lineno}"
    own = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path]
    return f":{own[-1].lineno}" if own else ""


def samples(rule: Optimizer) -> list[dict[str, fmpq]]:
    """Some exact values for the parameters, inside their ranges."""
    found = []
    for first in range(len(SAMPLES)):
        values = {}
        for i, parameter in enumerate(p for p in rule.declared if p.name in rule.parameters):
            values[parameter.name] = _sample(parameter, first + i)
        found.append(values)
        if not rule.parameters:
            break
    return found


def _sample(parameter: Parameter, start: int) -> fmpq:
    shifts = [fmpq(0), parameter.lower or fmpq(0), fmpq(1), fmpq(-1)]
    for shift in shifts:
        for i in range(len(SAMPLES)):
            value = SAMPLES[(start + i) % len(SAMPLES)] + shift
            try:
                return parameter.check(value)
            except BadInput:
                continue
    raise BadInput(
        f"no sample value for {parameter.name} lies in {parameter.range}; give it by --set."
    )


def rule_claim(name: str, rule: Optimizer, loss: VectorField | None = None) -> Claim:
    """What the derivation says of a rule, as a claim whose checks run its iteration.

    The candidate is the coefficient b of the tree with two nodes; all other coefficients are the
    derived ones, up to three nodes.

    Args:
        loss: check on this loss, at random starts; random polynomials where it is None.
    """
    general = slow_motion(rule, NODES).modified_flow
    some = samples(rule)
    return Claim(
        statement=(
            r"The modified flow, its start-up and its initial shift follow the iterates; the tree "
            r"with two nodes carries {formula}."
        ),
        printed=Formula("ownRule", general[PAIR].as_expr(), given=()),
        checks=(
            _transient_check(rule, some),
            *(_order_check(rule, some[0], nodes, loss) for nodes in range(1, NODES + 1)),
        ),
        expected=Verdict.CONFIRMED,
        id=name,
        source=Source("own", name),
        derivation=rule.summary,
    )


def _replaced(series: BSeries, candidate: sympy.Expr, values: dict[str, fmpq]) -> dict[Tree, fmpq]:
    """The coefficients at these parameters, the candidate in the place of b at two nodes."""
    found = {t: c.at({}) for t, c in series.items()}
    if PAIR in found:
        found[PAIR] = evaluate(candidate, values, RATIONAL)
    return found


def start_up_field(
    special: Optimizer, candidate: fmpq, *, nodes: int, steps: int
) -> Callable[[int, PowerSeries], dict[Tree, PowerSeries]]:
    """The field on [kh, (k+1)h] from k and h, the candidate in the place of b at two nodes.

    Args:
        special: the rule with every parameter given.
        steps: the first k that is not asked for.
    """
    off = candidate - slow_motion(special, nodes).modified_flow[PAIR].at({})
    fields = [transient(special, order=nodes, k=k) for k in range(steps)]

    def weights(k: int, h: PowerSeries) -> dict[Tree, PowerSeries]:
        found = {t: c.at({}) + (off if t is PAIR else 0) for t, c in fields[k].items()}
        return {t: h ** (t.order - 1) * (c / t.symmetry) for t, c in found.items()}

    return weights


def _transient_check(rule: Optimizer, some: list[dict[str, fmpq]]) -> Check:
    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for values in some:
            value = evaluate(candidate, values, RATIONAL)
            weights = start_up_field(rule.at(**values), value, nodes=NODES, steps=4)
            for dimension in (1, 2):
                loss = bounded_polynomial(draw, dimension)
                power = transient_residual(
                    rule,
                    loss,
                    starting_point(draw, dimension),
                    weights,
                    parameters=values,
                    length=NODES + 2,
                    steps=4,
                )
                if power <= NODES:
                    return False, f"h^{power} is left at {_show(values)} on E = {loss.text}"
        return True, f"begins at h^{NODES + 1} over 4 steps, {len(some)} parameter values, 2 losses"

    return exact("exact residual of the start-up", Kind.SERIES, holds)


def _show(values: dict[str, fmpq]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items()) or "no parameters"


def _order_check(
    rule: Optimizer, values: dict[str, fmpq], nodes: int, loss: VectorField | None
) -> Check:
    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        draw = random.Random(settings.seed)
        world = loss or bounded_polynomial(draw, 2)
        start = starting_point(draw, world.dimension)
        special = rule.at(**values)
        follow = shifted_flow(special, nodes, lambda flow: _replaced(flow, candidate, values))
        run = Experiment(rule, world, start, values, time=1, halvings=range(7, 12))
        return run.errors(follow, digits=max(settings.digits, 30), at_end=True)

    return order_of(f"observed order with {nodes} node{'s' * (nodes > 1)}", errors, nodes)


def shifted_flow(
    special: Optimizer, nodes: int, coefficients: Callable[[BSeries], dict[Tree, fmpq]]
) -> Callable[[Flow], list]:
    """The modified flow of so many nodes from the initial shift of as many, at exact parameters."""
    flow = coefficients(slow_motion(special, nodes).modified_flow)
    shift = initial_shift(special, order=nodes)
    field = {t: MPFR.convert(c) for t, c in flow.items()}
    move = {t: MPFR.convert(c.at({})) for t, c in shift.items()}

    def follow(run: Flow) -> list:
        steps = {t: w * run.h for t, w in weights_of(move, run.h, MPFR).items()}
        start = run.x0 + evaluate_field(run.loss, steps, run.x0, MPFR)
        return run.steady(weights_of(field, run.h, MPFR), start)

    return follow
