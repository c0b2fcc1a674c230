"""The loss of a network as a function of one vector, with the framework's own derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derive.language.bad_input import BadInput
from derive.optimizers.settings import Setting

Array = np.ndarray
BASIS = 4
"""Vectors that Lanczos' method keeps: few, as a top eigenvalue of a network stands out."""
MOST_RESTARTS = 100
"""Of Lanczos' method, before it keeps more vectors."""


@dataclass(frozen=True)
class Landscape:
    """A loss of a vector.

    Args:
        point: where the network is now.
        slope: from x to the loss and its gradient.
        hessian_times: from x and v to the Hessian at x times v, by differentiating twice.
        outputs: from x to what the network says of its data.
    """

    point: Callable[[], Array]
    slope: Callable[[Array], tuple[float, Array]]
    hessian_times: Callable[[Array, Array], Array]
    outputs: Callable[[Array], Array]


def felt(land: Landscape, setting: Setting) -> Landscape:
    """The landscape whose gradient a rule takes: of -E where the setting maximizes, and with the
    coupled decay; the loss itself is told as it is.
    """
    sign = -1 if setting.maximize else 1

    def slope(x: Array) -> tuple[float, Array]:
        loss, gradient = land.slope(x)
        return loss, sign * gradient + setting.coupled * x

    def hessian_times(x: Array, v: Array) -> Array:
        return sign * land.hessian_times(x, v) + setting.coupled * v

    return replace(land, slope=slope, hessian_times=hessian_times)


def torch_landscape(
    model: Any, loss: Callable[[Any, Any], Any], data: tuple[Any, Any], *, dtype: Any = None
) -> Landscape:
    """The landscape of a PyTorch model: loss(model(inputs), targets) for data = (inputs, targets).

    The model, its gradients, its buffers and the random numbers stay as they are.

    Args:
        dtype: that of the computation, the model's own without it.
    Raises:
        BadInput: the data are no such pair, or not as many; later, the loss is not one number.
    """
    import torch  # noqa: PLC0415 (of an extra)

    if not (isinstance(data, (tuple, list)) and len(data) == 2):
        raise BadInput("the data are a pair of tensors, (inputs, targets).")
    inputs, targets = data
    if inputs.ndim and targets.ndim and len(inputs) != len(targets):
        raise BadInput(
            f"{len(inputs)} inputs stand beside {len(targets)} targets; give as many of each."
        )
    own = {name: p for name, p in model.named_parameters() if p.requires_grad}
    kind = dtype or next(iter(own.values())).dtype
    cast = inputs.to(kind) if inputs.is_floating_point() else inputs
    aim = targets.to(kind) if targets.is_floating_point() else targets
    sizes = [p.numel() for p in own.values()]

    def run(parts: Sequence[Any]) -> Any:
        fixed = {n: _like(p.detach(), kind) for n, p in model.named_parameters() if n not in own}
        fixed |= {n: _like(b.detach(), kind).clone() for n, b in model.named_buffers()}
        values = dict(zip(own, parts, strict=True)) | fixed
        with torch.random.fork_rng(devices=[]):
            return torch.func.functional_call(model, values, (cast,))

    def parts_of(x: Array, graph: bool) -> list[Any]:
        split = torch.tensor(x, dtype=kind).split(sizes)
        shaped = [s.view(p.shape).clone() for s, p in zip(split, own.values(), strict=True)]
        return [s.requires_grad_(graph) for s in shaped]

    def slope(x: Array) -> tuple[float, Array]:
        parts = parts_of(x, True)
        value = loss(run(parts), aim)
        if value.numel() != 1:
            raise BadInput(f"the loss gives {value.numel()} numbers; let it give their mean.")
        return float(value.detach()), _flat(torch.autograd.grad(value, parts))

    def hessian_times(x: Array, v: Array) -> Array:
        parts = parts_of(x, True)
        gradient = torch.autograd.grad(loss(run(parts), aim), parts, create_graph=True)
        pairs = zip(gradient, parts_of(v, False), strict=True)
        turned = torch.stack([(g * w).sum() for g, w in pairs]).sum()
        if not turned.requires_grad:  # of a linear loss
            return np.zeros(x.size)
        return _flat(torch.autograd.grad(turned, parts, materialize_grads=True))

    def outputs(x: Array) -> Array:
        with torch.no_grad():
            return run(parts_of(x, False)).double().numpy()

    return Landscape(lambda: _flat(own.values()), slope, hessian_times, outputs)


def jax_landscape(
    apply: Callable[[Any, Any], Any],
    loss: Callable[[Any, Any], Any],
    parameters: Callable[[], Any],
    data: tuple[Any, Any],
    *,
    double: bool = False,
) -> Landscape:
    """The landscape of a JAX model: loss(apply(parameters, inputs), targets).

    Args:
        parameters: gives the tree of parameters as it is now.
        double: compute in double precision, for use within `double_jax`.
    """
    jax = installed("jax")
    from jax.flatten_util import ravel_pytree  # noqa: PLC0415 (of an extra)

    def wide(tree: Any) -> Any:
        if not double:
            return tree
        inexact = jax.numpy.inexact
        return jax.tree.map(
            lambda a: a.astype(float) if jax.numpy.issubdtype(a.dtype, inexact) else a,
            jax.tree.map(jax.numpy.asarray, tree),
        )

    def now() -> Any:
        return ravel_pytree(wide(parameters()))[0]

    inputs, targets = wide(data)
    start, back = ravel_pytree(wide(parameters()))

    def value(x: Any) -> Any:
        return loss(apply(back(x), inputs), targets)

    both = jax.jit(jax.value_and_grad(value))
    turned = jax.jit(lambda x, v: jax.jvp(jax.grad(value), (x,), (v,))[1])
    says = jax.jit(lambda x: apply(back(x), inputs))

    def cast(x: Array) -> Any:
        return jax.numpy.asarray(x, dtype=start.dtype)

    def slope(x: Array) -> tuple[float, Array]:
        found, gradient = both(cast(x))
        return float(found), np.asarray(gradient, dtype=float)

    return Landscape(
        lambda: np.asarray(now(), dtype=float),
        slope,
        lambda x, v: np.asarray(turned(cast(x), cast(v)), dtype=float),
        lambda x: np.asarray(says(cast(x)), dtype=float),
    )


def installed(name: str) -> Any:
    """The framework of this name.

    Raises:
        BadInput: it is not installed.
    """
    try:
        return __import__(name)
    except ImportError:
        extra = "torch" if name == "torch" else "jax"
        raise BadInput(f"this needs {name}: pip install 'undertow[{extra}]'.") from None


@contextmanager
def double_jax() -> Iterator[None]:
    """JAX with its double precision."""
    jax = installed("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def top_curvature(
    times: Callable[[Array], Array],
    size: int,
    near: Array | None = None,
    *,
    tolerance: float = 1e-2,
) -> tuple[float, Array]:
    """The eigenvalue of the Hessian that is largest by size, and its eigenvector.

    Args:
        times: the Hessian times a vector of this size.
        near: what the eigenvector was before; another one may have overtaken it.
        tolerance: the error of the eigenvalue, beside it.
    Raises:
        BadInput: a product with the Hessian is not finite, or Lanczos' method finds no end.
    """
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh  # noqa: PLC0415

    def finite(v: Array) -> Array:
        found = times(v.ravel())
        if not np.isfinite(found).all():
            raise BadInput("the Hessian is not finite here; a smaller step may help.")
        return found

    if size <= BASIS:
        matrix = np.array([finite(e) for e in np.eye(size)])
        values, vectors = np.linalg.eigh(matrix)
        place = int(abs(values).argmax())
        return float(values[place]), vectors[:, place]
    begin = np.random.default_rng(0).standard_normal(size)
    if near is not None:
        begin = near / np.linalg.norm(near) + begin / np.linalg.norm(begin)
    operator = LinearOperator((size,) * 2, matvec=finite, dtype=float)
    for basis in (BASIS, min(5 * BASIS, size)):
        with suppress(ArpackError):
            values, vectors = eigsh(
                operator, 1, which="LM", v0=begin, tol=tolerance, ncv=basis, maxiter=MOST_RESTARTS
            )
            return float(values[0]), vectors[:, 0]
        if not finite(begin).any():
            return 0.0, begin
    raise BadInput("the top curvature is not found: no eigenvalue stands out.")


def _like(value: Any, dtype: Any) -> Any:
    return value.to(dtype) if value.is_floating_point() else value


def _flat(parts: Any) -> Array:
    return np.concatenate([p.detach().double().reshape(-1).cpu().numpy() for p in parts])
