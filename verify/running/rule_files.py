"""A rule by name or from a Python file: `my_rule.py:my_rule` names an `@optimizer` function.

Loading it runs the file, as `python my_rule.py` would. What the file and its rule print goes to
standard error, what they raise is told with its line, and no call of them takes longer than
`patience`.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import random
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from derive.engine.front_door import why_not_linear
from derive.engine.invariant_manifold import NotAtRest, general_flow
from derive.engine.memory_modes import with_momenta
from derive.language.update_rule import BadInput, Optimizer
from derive.optimizers import find_optimizer
from verify.running.files import read_data
from verify.running.lifeline import Stopped
from verify.running.limits import (
    MEGABYTES,
    CallTooLong,
    Expired,
    call_limit,
    keep_standard_output,
    spare_memory,
    tell,
)
from verify.running.points import samples

MOST_MEMORIES = 12
MOST_BYTES_OF_A_RULE = 1_000_000
_ROUNDS = 6

_WAYS_OUT = (
    (
        r"operand.*'(functools\.partial|function|method)'",
        "the rule computes with a function: write grad(x), the gradient at x, where grad stands.",
    ),
    (
        r"^'Optimizer' object is not callable",
        "the rule calls a declared rule, perhaps itself: move what they share into a function "
        "without @optimizer, and call that.",
    ),
    (
        r"^'tuple' object is not callable",
        "the rule calls a tuple: where several fields= are declared, grad holds one gradient for "
        "each; take them apart first, as in grad_E, grad_W = grad.",
    ),
    (
        r"'decimal\.Decimal'",
        "the rule computes with a Decimal: write 0.9, which counts as 9/10, as it is written.",
    ),
    (
        r"^'(Series|LinearForm|BSeries|PowerSeries|float|numpy\.(float64|ndarray))' object has no "
        r"attribute",
        "the rule calls a method that a state does not have: write it in arithmetic and NumPy's "
        "functions, such as v = beta * v + grad(x), and return the new x and states.",
    ),
    (
        r"^name '(optimizer|momentum|Parameter)' is not defined",
        "the file uses what it has not imported: begin it with "
        "'from derive import optimizer, momentum, Parameter'.",
    ),
    (
        r"^name '(lr|eta|learning_rate|step|step_size)' is not defined",
        "the step size of a rule is its argument h: write x - h * v.",
    ),
)
"""What Python says of a common slip, and what to write instead."""

_files: dict[str, str] = {}
"""The files that were loaded: how the user names them, by what their code objects say."""


class RuleFailed(BadInput):
    """A user's file or rule raised what is no ordinary error; the message has its line."""


def find_rule(name: str) -> Optimizer:
    """An optimizer by name, or by file as in `my_rule.py:my_rule`.

    Raises:
        BadInput: no such name or file, or the file does not declare it; the message has the line
            where the user's code failed.
    """
    path, colon, attribute = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        return find_optimizer(name)
    module = load_file(Path(path))
    found = getattr(module, attribute, None)
    if not isinstance(found, Optimizer):
        declared = [key for key, value in vars(module).items() if isinstance(value, Optimizer)]
        has = f"it declares {', '.join(declared)}" if declared else "it declares no optimizer"
        raise BadInput(f"{path} has no @optimizer function '{attribute}'; {has}.")
    if len(found.memory) > MOST_MEMORIES:
        raise BadInput(
            f"{name} has {len(found.memory)} memories; a rule may have up to {MOST_MEMORIES}."
        )
    guarded = replace(
        found,
        rule=_guarded(found.rule, path),
        begin=_guarded(found.begin, path) if found.begin else None,
    )
    _try_once(guarded, Path(path))
    _repeat(guarded, name)
    return with_momenta(guarded)


def load_file(path: Path) -> ModuleType:
    """Run a user's Python file.

    Raises:
        BadInput: there is no such file, or it raises; the message has the line.
    """
    try:
        is_file = path.is_file()
    except (OSError, ValueError):
        is_file = False
    if not is_file:
        raise BadInput(f"{path} is not a file; name a rule as file.py:function.")
    read_data(path, most=MOST_BYTES_OF_A_RULE)
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path} cannot be loaded as Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    _files[os.path.abspath(path)] = str(path)
    keep_standard_output()
    tell(running=str(path))
    spare_memory()
    with _answering(str(path)):
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            raise BadInput(_located(error, path)) from error
    return module


def _guarded(function: Callable[..., Any], path: str) -> Callable[..., Any]:
    answering = _answering(path)

    @wraps(function)
    def called(*arguments: Any, **given: Any) -> Any:
        with answering:
            return function(*arguments, **given)

    return called


class _answering:  # noqa: N801 (a context manager; a generator would cost four times as much)
    """The user's code runs inside: it prints to standard error, and only errors leave it."""

    def __init__(self, path: str) -> None:
        self.path, self.file = path, os.path.abspath(path)
        self.outs: list[Any] = []

    def __enter__(self) -> None:
        self.outs.append(sys.stdout)
        sys.stdout = sys.stderr
        call_limit.enter(self.file, self.path)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: Any
    ) -> None:
        call_limit.leave()
        sys.stdout = self.outs.pop()
        if error is None or isinstance(error, Exception | Stopped | Expired):
            return
        if isinstance(error, CallTooLong):
            raise RuleFailed(str(error)) from None
        raise RuleFailed(_located(error, Path(self.path))) from error


def _try_once(rule: Optimizer, path: Path) -> None:
    """Run the rule on symbols, so that an error in it is told with its line."""
    code = getattr(inspect.unwrap(rule.rule), "__code__", None)
    inside = code is not None and Path(code.co_filename).resolve() == path.resolve()
    declared = f":{code.co_firstlineno}" if code is not None and inside else ""

    def said(error: BadInput) -> str:
        return f"{path}{_line(error.__cause__ or error, path) or declared}: {error}"

    objection = None
    try:
        objection = why_not_linear(rule)
        if objection is not None:
            general_flow(rule, order=1)
    except RuleFailed:
        raise
    except NotAtRest as error:
        raise NotAtRest(f"{said(objection or error)} {error}") from error
    except BadInput as error:
        raise type(error)(said(error)) from error
    except Exception as error:
        raise BadInput(_located(error, path, declared)) from error


def _repeat(rule: Optimizer, name: str) -> None:
    """Refuse a rule that gives two answers for one input."""
    draw = random.Random(0)
    values = {name: float(value.p) / float(value.q) for name, value in samples(rule)[0].items()}
    points = [[draw.uniform(0.1, 1) for _ in range(2 + len(rule.memory))] for _ in range(3)]

    def answer(point: list[float]) -> str:
        slope, x, *memory = point

        def gradient(y: Any) -> Any:
            return slope * y * (1 + y * y)

        fields = gradient if len(rule.fields) == 1 else (gradient,) * len(rule.fields)
        step = rule.step(x, memory, fields, 1 / 64, values)
        return repr((step, rule.start(x, fields, 1 / 64, values)))

    try:
        before = list(map(answer, points))
        same = all(list(map(answer, points)) == before for _ in range(_ROUNDS))
    except RuleFailed:
        raise
    except Exception:  # told where the rule is used; here it has given no second answer
        return
    if not same:
        raise BadInput(
            f"{name} gives two answers for one input; a rule may depend on nothing but "
            "what it is given: no random numbers, no counters, no clock."
        )


def fault(error: BaseException) -> str:
    """What a user's file raised, with its line; empty where the error is not from one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.filename for frame in frames if frame.filename in _files]
    return _located(error, Path(_files[own[-1]])) if own else ""


def _located(error: BaseException, path: Path, otherwise: str = "") -> str:
    try:
        said = next(iter(str(error).splitlines()), "") or "no message"
    except Exception:  # an exception of the user's whose text raises another
        said = "no message"
    kind = "" if isinstance(error, BadInput) else f"{type(error).__name__}: "
    if isinstance(error, TypeError | AttributeError | NameError):
        kind, said = next(
            (("", way_out) for text, way_out in _WAYS_OUT if re.search(text, said)), (kind, said)
        )
    if isinstance(error, MemoryError):
        kind, said = "", f"the rule takes more than {MEGABYTES} MB of memory."
    return f"{path}{_line(error, path) or otherwise}: {kind}{said}"


def _line(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        return f":{error.lineno}"
    file = os.path.abspath(path)
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return f":{own[-1].lineno}" if own else ""
