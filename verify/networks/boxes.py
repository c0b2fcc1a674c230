"""An optimizer as a black box: a start and gradients go in, positions come out.

A box is run afresh for every sequence of gradients; whatever it keeps between steps is inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from derive.language.bad_input import BadInput
from derive.optimizers.settings import Setting
from derive.optimizers.weight_decay import decoupled
from verify.networks.landscapes import double_jax, installed
from verify.running.rule_files import load_file

Gradients = Sequence[np.ndarray]
Matrices = Callable[[np.ndarray], np.ndarray]
Box = Callable[[np.ndarray, Gradients], np.ndarray]
"""From a start and a gradient a step to the positions, of shape (steps + 1, *start.shape)."""


def torch_box(make: Callable[[list[Any]], Any]) -> Box:
    """The box of a PyTorch optimizer, made from a list of one parameter in double precision."""
    torch = installed("torch")

    def run(start: np.ndarray, gradients: Gradients) -> np.ndarray:
        with _in_double(torch):
            x = torch.nn.Parameter(torch.tensor(start))
            made = make([x])
            path = [start]
            for gradient in gradients:
                x.grad = torch.tensor(gradient)
                try:
                    made.step()
                except TypeError as error:
                    raise _asks_for_the_loss(type(made).__name__, error) from None
                except ZeroDivisionError:
                    x.data.fill_(np.nan)
                path.append(x.detach().numpy().copy())
        return np.array(path)

    return run


def optax_box(transformation: Any) -> Box:
    """The box of a gradient transformation of optax."""
    jax, optax = installed("jax"), installed("optax")

    def run(start: np.ndarray, gradients: Gradients) -> np.ndarray:
        with double_jax():
            x = jax.numpy.array(start)
            state = transformation.init(x)
            update = jax.jit(transformation.update)
            path = [start]
            for gradient in gradients:
                try:
                    updates, state = update(jax.numpy.array(gradient), state, x)
                except TypeError as error:
                    if "missing" not in str(error):
                        raise
                    raise _asks_for_the_loss("this transformation", error) from None
                x = optax.apply_updates(x, updates)
                path.append(np.asarray(x))
        return np.array(path)

    return run


def _asks_for_the_loss(name: str, error: TypeError) -> BadInput:
    return BadInput(
        f"{name} asks for the loss in each step, and a black box is driven with gradients alone "
        f"({error})."
    )


def stepping_box(make: Callable[[], Any]) -> Box:
    """The box of an object whose step(x, gradient) gives the next x."""

    def run(start: np.ndarray, gradients: Gradients) -> np.ndarray:
        made, x = make(), start
        path = [start]
        for gradient in gradients:
            x = np.asarray(made.step(x.copy(), gradient.copy()), dtype=float)
            if x.shape != start.shape:
                raise BadInput(
                    f"step(x, gradient) gives no next x: its shape is {x.shape}, not {start.shape}"
                )
            path.append(x)
        return np.array(path)

    return run


def setting_box(
    setting: Setting, matrix_map: Matrices, *, late: int = 0, cold: bool = False
) -> Box:
    """The box of a rule at a library's arguments.

    Args:
        matrix_map: what stands for the rule's map of matrices, where it has one.
        late: added to the number of the step that the rule is told.
        cold: the memory starts at 0, whatever the rule says.
    """
    rule = decoupled(setting.rule) if setting.decoupled else setting.rule
    sign = -1 if setting.maximize else 1

    def run(start: np.ndarray, gradients: Gradients) -> np.ndarray:
        x, memory = start, None
        path = [start]
        values = dict(setting.values)
        for k, gradient in enumerate(gradients):

            def coupled(at: Any, gradient: np.ndarray = gradient) -> Any:
                return sign * gradient + setting.coupled * at

            maps = (matrix_map,) * len(setting.rule.maps)
            decay = (lambda at: setting.decoupled * at,) if setting.decoupled else ()
            fields = (coupled, *maps, *decay)
            grad = fields if len(fields) > 1 else coupled
            if memory is None:
                memory = tuple(x * 0.0 for _ in rule.memory)
                if not cold:
                    memory = rule.start(x, grad, setting.h, values)
            told = {"k": k + late, "t": (k + late) * setting.h}
            asked = {name: told[name] for name in rule.keywords}
            x, memory = rule.step(x, memory, grad, setting.h, values | asked)
            path.append(np.asarray(x, dtype=float))
        return np.array(path)

    return run


def find_box(name: str, arguments: Mapping[str, Any]) -> Box:
    """The box of an optimizer by name, as torch.optim.SGD, optax.adam or my_opt.py:MyOptimizer.

    Raises:
        BadInput: there is none of this name, or it does not take these arguments.
    """
    path, colon, attribute = name.rpartition(":")
    if colon and path.endswith(".py"):
        return _own_box(load_file(Path(path)), attribute, arguments, path)
    place, _, called = name.rpartition(".")
    if place in ("torch.optim", "torch"):
        torch = installed("torch")
        made = _attribute(torch.optim, called, "torch.optim")
        return torch_box(partial(_make_with, made, arguments, name))
    if place in ("optax", "optax.contrib"):
        optax = installed("optax")
        home = optax.contrib if place == "optax.contrib" else optax
        return optax_box(_make(_attribute(home, called, place), arguments, name))
    raise BadInput(
        f"{name} names no optimizer; write torch.optim.SGD, optax.adam or my_opt.py:MyOptimizer."
    )


def _own_box(module: ModuleType, attribute: str, arguments: Mapping[str, Any], path: str) -> Box:
    found = _attribute(module, attribute, path)
    takes = list(signature(found).parameters)
    if takes[:1] == ["params"]:
        return torch_box(partial(_make_with, found, arguments, attribute))
    made = _make(found, arguments, attribute)
    if hasattr(made, "update") and hasattr(made, "init"):
        return optax_box(made)
    if hasattr(made, "step"):
        return stepping_box(partial(_make, found, arguments, attribute))
    raise BadInput(
        f"{path} gives {attribute} no step: it has step(x, gradient) and returns the next x, takes "
        "params as a PyTorch optimizer, or has init and update as a transformation of optax."
    )


SHAPES = ((8,), (2, 4))


def shape_of(box: Box, shapes: Sequence[tuple[int, ...]] = SHAPES) -> tuple[int, ...]:
    """The first of these shapes that an optimizer takes: a vector, else a matrix.

    Raises:
        BadInput: it fails on both, or its positions are no numbers of the shape of the start.
    """
    said = ""
    for shape in shapes:
        start = np.linspace(1, 2, 8).reshape(shape)
        try:
            path = box(start, [start, -start])
        except (Exception, SystemExit) as error:
            said = said or " ".join(str(error).split())
            continue
        if path.shape != (3, *shape):
            raise BadInput(f"its positions have the shape {path.shape[1:]}; they start as {shape}.")
        if not np.isfinite(path).all():
            raise BadInput("its first two steps give positions that are no finite numbers.")
        return shape
    raise BadInput(f"the optimizer fails in its first steps: {said.removesuffix('.')}.")


def _make_with(make: Callable[..., Any], arguments: Mapping[str, Any], name: str, x: Any) -> Any:
    return _make(partial(make, x), arguments, name)


def _make(make: Callable[..., Any], arguments: Mapping[str, Any], name: str) -> Any:
    try:
        return make(**arguments)
    except (Exception, SystemExit) as error:
        raise BadInput(f"{name} does not take these arguments: {error}.") from None


def _attribute(place: Any, attribute: str, name: str) -> Any:
    found = getattr(place, attribute, None)
    if not callable(found):
        raise BadInput(f"{name} has no optimizer called '{attribute}'.")
    return found


def _newton_schulz(matrix: np.ndarray) -> np.ndarray:
    """Five steps towards the nearest orthogonal matrix, scaled by the shape, as optax takes them
    in double precision."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix / (np.linalg.norm(matrix) + 1e-8)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x * max(1, matrix.shape[1] / matrix.shape[0]) ** 0.5


def _pytorchs_newton_schulz(matrix: np.ndarray) -> np.ndarray:
    """PyTorch's own five steps, in its precision of 8 bits."""
    torch = installed("torch")
    steps = torch.optim._muon._zeropower_via_newtonschulz
    return steps(torch.tensor(matrix), (3.4445, -4.7750, 2.0315), 5, 1e-7).double().numpy()


ORTHOGONAL: Mapping[str, Matrices] = {"torch": _pytorchs_newton_schulz, "optax": _newton_schulz}
"""What each library puts in the place of the nearest orthogonal matrix."""


@contextmanager
def _in_double(torch: Any) -> Iterator[None]:
    """NAdam and ASGD keep numbers of their own in PyTorch's default type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
