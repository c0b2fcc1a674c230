"""Are two libraries' optimizers the same iteration at these arguments, and else where do they part?

Both are the rules that `derive.optimizers.libraries` names. They are the same where these are one
rule with the same parameters, step size, decays and sign of the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from flint import fmpq

from derive.language.bad_input import BadInput
from derive.language.coefficients import exact
from derive.optimizers import decoupled, find_library
from derive.optimizers.settings import LibraryOptimizer, Setting
from verify.running.numbers import precision
from verify.running.reals import REAL, Reals, reals

STEPS = 1000
DIGITS, APART = 50, 1e-35
"""The precision of both trajectories, and the relative distance from which they are apart."""
START = (fmpq(1), fmpq(-3, 2))


@dataclass(frozen=True)
class LibraryConversion:
    """An optimizer at its arguments, and another one at those that come nearest.

    Args:
        differs: what differs between the two rules, with both values; empty where they are one.
        parts_at: the first step after which they are apart on a quartic of two variables, from 1;
            None where they stay together for `STEPS` steps.
        distance: how far apart they are then, beside the size of the point.
    """

    source: LibraryOptimizer
    given: Mapping[str, Any]
    target: LibraryOptimizer
    found: Mapping[str, Any]
    differs: Mapping[str, tuple[Any, Any]]
    parts_at: int | None = None
    distance: float = 0.0


def convert_library(source: str, target: str, arguments: Mapping[str, Any]) -> LibraryConversion:
    """The target's arguments that make it the source's iteration, or the nearest ones.

    Args:
        arguments: of the source, as its library names them; the others are its defaults.
    Raises:
        BadInput: an optimizer or an argument is unknown, follows no rule, or acts on matrices.
    """
    own, other = find_library(source), find_library(target)
    setting = own.setting(**arguments)
    other.setting()
    if setting.rule.maps or (other.rule and other.rule.maps):
        raise BadInput("Muon acts on matrices, which are not converted.")
    tried = list(_candidates(own, setting, {**own.defaults, **arguments}, other))
    found = min(tried, key=lambda given: len(_differences(setting, other.setting(**given))))
    there = other.setting(**found)
    differs = _differences(setting, there)
    parts_at, distance = _parting(setting, there) if differs else (None, 0.0)
    given = {**own.defaults, **own.only, **arguments}
    return LibraryConversion(own, given, other, found, differs, parts_at, distance)


def _candidates(
    own: LibraryOptimizer, setting: Setting, given: Mapping[str, Any], other: LibraryOptimizer
) -> Iterator[dict[str, Any]]:
    """Arguments of the other: by the rule's parameters, by their names, switches both ways."""
    found = {name: given[name] for name in other.defaults if name in given}
    steps = {"lr", "learning_rate"}
    found |= {name: given[n] for name in steps & set(other.defaults) for n in steps & set(given)}
    wanted = {**setting.values, "coupled": setting.coupled, "decoupled": setting.decoupled}
    wanted["maximize"] = setting.maximize
    for parameter, argument in other.at.items():
        if isinstance(argument, str) and parameter in wanted:
            name, _, place = argument.partition(".")
            value = wanted[parameter]
            if place:
                pair = list(found.get(name, other.defaults[name]))
                pair[int(place)] = value
                value = tuple(pair)
            found[name] = value
    if "weight_decay" in other.defaults:
        found["weight_decay"] = setting.coupled or setting.decoupled
    switches = [name for name, value in other.defaults.items() if isinstance(value, bool)]
    for values in product((False, True), repeat=len(switches)):
        yield found | dict(zip(switches, values, strict=True))


def _differences(one: Setting, two: Setting) -> dict[str, tuple[Any, Any]]:
    if one.rule.name != two.rule.name:
        return {"rule": (one.rule.name, two.rule.name)} | _differences_around(one, two)
    values = {
        name: (one.values[name], two.values[name])
        for name in one.values
        if float(one.values[name]) != float(two.values[name])
    }
    return values | _differences_around(one, two)


def _differences_around(one: Setting, two: Setting) -> dict[str, tuple[Any, Any]]:
    names = ("h", "coupled", "decoupled", "maximize")
    pairs = {name: (getattr(one, name), getattr(two, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _parting(one: Setting, two: Setting) -> tuple[int | None, float]:
    with precision(DIGITS):
        for k, (x, y) in enumerate(zip(_path(one), _path(two), strict=True), 1):
            distance = float(np.linalg.norm(x - y) / np.linalg.norm(x))
            if not distance < APART:
                return k, distance
    return None, 0.0


def _path(setting: Setting) -> Iterator[Reals]:
    def number(value: Any) -> Any:
        return value if isinstance(value, bool) else REAL.convert(exact(value))

    coupled, away, h = map(number, (setting.coupled, setting.decoupled, setting.h))

    def gradient(x: Reals) -> Reals:
        slopes = reals([x[0] ** 3 + 2 * x[0] + x[1] / 3, x[1] + x[0] / 3])
        return (-slopes if setting.maximize else slopes) + coupled * x

    rule, fields = setting.rule, gradient
    if setting.decoupled:
        rule, fields = decoupled(rule), (gradient, lambda x: away * x)
    flags = {p.name for p in rule.declared if p.flag}
    values = {n: bool(v) if n in flags else number(v) for n, v in setting.values.items()}
    x = reals(START)
    memory = rule.start(x, fields, h, values)
    for k in range(STEPS):
        asked = {name: {"k": k, "t": k * h}[name] for name in rule.keywords}
        x, memory = rule.step(x, memory, fields, h, values | asked)
        yield x
