"""Under which name is a rule known, and which rules are there?"""

from __future__ import annotations

from difflib import get_close_matches

from derive.language.update_rule import BadInput, Optimizer

ZOO: dict[str, Optimizer] = {}
"""Every known rule with a linear memory by its name, in the order of the files and their lines."""


def known(rule: Optimizer) -> Optimizer:
    """Enter a declared rule under its name, once; it stands above `@optimizer`.

    The commands, the tables, the pages of the site and the tests of the zoo follow from this.

    Raises:
        ValueError: another rule has the name.
    """
    if rule.name in ZOO:
        raise ValueError(f"two optimizers are called {rule.name!r}")
    ZOO[rule.name] = rule
    return rule


NONLINEAR: dict[str, Optimizer] = {}
"""Rules that are not linear in their memory, depend on time or have several players, and linear
ones whose stability has no closed form here."""


def known_nonlinear(rule: Optimizer) -> Optimizer:
    """Enter a rule that the general engine takes; otherwise as `known`."""
    if rule.name in ZOO or rule.name in NONLINEAR:
        raise ValueError(f"two optimizers are called {rule.name!r}")
    NONLINEAR[rule.name] = rule
    return rule


def find_optimizer(name: str) -> Optimizer:
    """The optimizer of this name.

    Raises:
        BadInput: there is none; the message offers the nearest name.
    """
    rules = ZOO | NONLINEAR
    if name in rules:
        return rules[name]
    near = get_close_matches(name, rules, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise BadInput(f"no optimizer is called '{name}'.{hint} ('undertow optimizers' lists all)")
