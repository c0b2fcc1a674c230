"""Every optimizer of a library that has a rule, against the library, at all its flags."""

import inspect
import os
import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest

from derive.language.bad_input import BadInput
from derive.optimizers import decoupled
from derive.optimizers.libraries import LIBRARIES, find_library
from derive.optimizers.settings import LibraryOptimizer, Setting
from tests.verify.workbench.tanh_network import (
    DIGITS,
    INPUTS,
    START,
    STEPS,
    TARGETS,
    difference,
    least_squares,
    numpy_gradient,
    ours,
)

TRIED: Mapping[str, tuple[Any, ...]] = {
    "lr": (0.002,),
    "learning_rate": (0.002,),
    "weight_decay": (0.0, 0.1),
    "momentum": (0.0, 0.9),
    "t0": (60.0,),
    "lambd": (0.25,),
    "initial_accumulator_value": (0.0, 0.1),
    "initial_scale": (0.1,),
    "lr_decay": (0.0, 0.03),
}
"""Values that are tried beside both positions of every switch; else what the library presets."""
STEADY: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "torch.SGD": {"lr": (0.001,)},
    "optax.rmsprop": {"learning_rate": (1e-4,), "eps": (1e-3,)},
    "keras.RMSprop": {"learning_rate": (1e-4,), "epsilon": (1e-3,)},
    "keras.AdamW": {"weight_decay": (0.004, 0.1)},
}
"""Where the iteration itself would make more of the last digit than 1e-12 in 200 steps; and Keras's
AdamW takes no decay of 0."""
SHAPE = (2, 13)
"""The network's parameters as a matrix, for Muon."""
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def combinations(one: LibraryOptimizer) -> Iterator[dict[str, Any]]:
    tried = {**TRIED, **STEADY.get(str(one), {})}
    each = [
        tried.get(name, (False, True) if isinstance(value, bool) else (value,))
        for name, value in one.defaults.items()
    ]
    for values in product(*each):
        given = dict(zip(one.defaults, values, strict=True))
        if given.get("nesterov") and given.get("momentum") == 0:
            continue  # PyTorch refuses it
        yield given


def cases(library: str) -> list[Any]:
    return [
        pytest.param(one, given, id=f"{one.name},{','.join(map(str, given.values()))}")
        for one in LIBRARIES.values()
        if one.library == library and one.rule
        for given in combinations(one)
    ]


def our_path(setting: Setting, orthogonal: Any) -> np.ndarray:
    sign = -1 if setting.maximize else 1

    def gradient(x: Any) -> Any:
        found = numpy_gradient(x.ravel()).reshape(x.shape)
        return sign * found + setting.coupled * x

    rule, fields = setting.rule, (gradient,)
    start = START
    if rule.maps:
        fields, start = (gradient, orthogonal), START.reshape(SHAPE)
    if setting.decoupled:
        rule, fields = decoupled(rule), (*fields, lambda x: setting.decoupled * x)
    given = fields if len(fields) > 1 else fields[0]
    path = ours(rule, start, given, dict(setting.values), h=setting.h)
    return path.reshape(STEPS + 1, -1)


@pytest.fixture
def torch() -> Iterator[Any]:
    """PyTorch in double precision: NAdam and ASGD keep numbers of their own in the default type."""
    torch = pytest.importorskip("torch", reason="get PyTorch with the extra 'torch'")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


@pytest.mark.parametrize(("one", "given"), cases("torch"))
def test_a_rule_is_pytorchs(one: LibraryOptimizer, given: dict[str, Any], torch: Any):
    inputs, targets = torch.tensor(INPUTS), torch.tensor(TARGETS)
    shape = SHAPE if one.name == "Muon" else (-1,)
    x = torch.nn.Parameter(torch.tensor(START).reshape(shape))
    made = getattr(torch.optim, one.name.partition("(")[0])([x], **given, **one.only)
    path = [START]
    for _ in range(STEPS):
        made.zero_grad()
        least_squares(x.reshape(-1), inputs, targets, torch.tanh).backward()
        made.step()
        path.append(x.detach().numpy().ravel().copy())

    def orthogonal(matrix: np.ndarray) -> np.ndarray:
        """PyTorch's own steps, in bfloat16."""
        steps = torch.optim._muon._zeropower_via_newtonschulz
        return steps(torch.tensor(matrix), NEWTON_SCHULZ, 5, 1e-7).double().numpy()

    assert difference(our_path(one.setting(**given), orthogonal), np.array(path)) < DIGITS


@pytest.fixture(scope="module")
def jax() -> Iterator[Any]:
    jax = pytest.importorskip("jax", reason="get JAX and optax with the extra 'jax'")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield jax
    jax.config.update("jax_enable_x64", before)


def newton_schulz(matrix: np.ndarray) -> np.ndarray:
    """Five steps in double precision, scaled by the shape as optax scales them."""
    a, b, c = NEWTON_SCHULZ
    x = matrix / (np.linalg.norm(matrix) + 1e-8)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x * max(1, SHAPE[1] / SHAPE[0]) ** 0.5


@pytest.mark.parametrize(("one", "given"), cases("optax"))
def test_a_rule_is_optaxs(one: LibraryOptimizer, given: dict[str, Any], jax: Any):
    optax = pytest.importorskip("optax", reason="get JAX and optax with the extra 'jax'")
    make: Any = optax
    for part in one.name.split("."):
        make = getattr(make, part)
    made = make(**given, **one.only)
    shape = SHAPE if one.name == "contrib.muon" else (-1,)
    inputs, targets = jax.numpy.array(INPUTS), jax.numpy.array(TARGETS)

    def loss(x: Any) -> Any:
        return least_squares(x.reshape(-1), inputs, targets, jax.numpy.tanh)

    start = jax.numpy.array(START).reshape(shape)

    def step(carry: Any, _: Any) -> Any:
        x, state = carry
        updates, state = made.update(jax.grad(loss)(x), state, x)
        x = optax.apply_updates(x, updates)
        return (x, state), x

    _, path = jax.lax.scan(step, (start, made.init(start)), None, length=STEPS)
    path = np.concatenate([START[None], np.asarray(path).reshape(STEPS, -1)])
    assert difference(our_path(one.setting(**given), newton_schulz), path) < DIGITS


@pytest.fixture(scope="module")
def keras() -> Iterator[Any]:
    """Keras in double precision, on PyTorch."""
    pytest.importorskip("torch", reason="get PyTorch with the extra 'torch'")
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = "torch"
    keras = pytest.importorskip("keras", reason="get Keras and PyTorch with the extra 'keras'")
    kept = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield keras
    keras.config.set_floatx(kept)
    os.environ.pop("KERAS_BACKEND")
    if before is not None:
        os.environ["KERAS_BACKEND"] = before


@pytest.mark.filterwarnings("ignore:__array__ implementation")
@pytest.mark.parametrize(("one", "given"), cases("keras"))
def test_a_rule_is_kerass(one: LibraryOptimizer, given: dict[str, Any], keras: Any):
    """Its decay of 0 is refused where it is a number, and its presets are ours."""
    make = getattr(keras.optimizers, one.name)
    told = {n: v for n, v in {**given, **one.only}.items() if n != "weight_decay" or v}
    made = make(**told)
    x = keras.Variable(START, dtype="float64")
    path = [START]
    for _ in range(STEPS):
        made.apply([keras.ops.convert_to_tensor(numpy_gradient(path[-1]))], [x])
        path.append(x.value.detach().numpy().copy())
    assert difference(our_path(one.setting(**given), None), np.array(path)) < DIGITS
    preset = inspect.signature(make).parameters
    for name, value in one.defaults.items():
        assert preset[name].default == value or (preset[name].default, value) == (None, 0.0), name


@pytest.mark.parametrize("one", LIBRARIES.values(), ids=str)
def test_a_record_gives_each_parameter_of_its_rule_or_says_why_there_is_no_rule(one):
    if one.rule is None:
        with pytest.raises(BadInput, match=f"{re.escape(str(one))} follows no flow"):
            one.setting()
        return
    assert not one.why
    found = one.setting()
    assert set(found.values) == {p.name for p in one.rule.declared}
    assert found.exact.parameters == ()


def test_at_least_ten_classes_of_torch_and_fifteen_aliases_of_optax_have_a_rule():
    found = {
        n: [o for o in LIBRARIES.values() if o.library == n and o.rule] for n in ("torch", "optax")
    }
    assert len({one.name.partition("(")[0] for one in found["torch"]}) >= 10
    assert len([one for one in found["optax"] if "." not in one.name]) >= 15


def test_all_optimizers_of_the_installed_libraries_are_on_the_list(torch: Any):
    optax = pytest.importorskip("optax", reason="get JAX and optax with the extra 'jax'")
    classes = {n for n, v in vars(torch.optim).items() if isinstance(v, type)} - {"Optimizer"}
    assert classes == {o.name.partition("(")[0] for o in LIBRARIES.values() if o.library == "torch"}
    alias = optax._src.alias
    made = {n for n in dir(alias) if callable(getattr(alias, n)) and hasattr(optax, n)}
    made -= {"MaskOrFn"}
    ours = {o.name for o in LIBRARIES.values() if o.library == "optax" and "." not in o.name}
    assert made == ours


@pytest.mark.parametrize(
    "one", [o for o in LIBRARIES.values() if o.rule and o.library != "keras"], ids=str
)
def test_the_defaults_are_the_librarys(one: LibraryOptimizer, torch: Any):
    optax = pytest.importorskip("optax", reason="get JAX and optax with the extra 'jax'")
    place: Any = torch.optim if one.library == "torch" else optax
    for part in one.name.partition("(")[0].split("."):
        place = getattr(place, part)
    preset = inspect.signature(place).parameters
    for name, value in one.defaults.items():
        theirs = preset[name].default
        if name != "learning_rate" and not (name == "momentum" and theirs is None):
            assert theirs == value, name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: find_library("torch.AdmaW"), "Did you mean 'torch.AdamW'"),
        (lambda: find_library("torch.Adam").setting(beta=1), "has no argument 'beta'"),
        (lambda: find_library("torch.Adagrad").setting(lr_decay=0.1), "lr_decay=0.0 only"),
    ],
)
def test_what_a_record_does_not_know_is_said(call: Any, message: str):
    with pytest.raises(BadInput, match=message):
        call()
