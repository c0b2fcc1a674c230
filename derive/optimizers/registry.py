"""Under which name is a rule known, and which rules are there?"""

from __future__ import annotations

from difflib import get_close_matches

from derive.language.update_rule import BadInput, Optimizer

ZOO: dict[str, Optimizer] = {}
"""Every known rule by its name, in the order of the files and of their lines."""


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


def find_optimizer(name: str) -> Optimizer:
    """The optimizer of this name.

    Raises:
        BadInput: there is none; the message offers the nearest name.
    """
    if name in ZOO:
        return ZOO[name]
    near = get_close_matches(name, ZOO, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise BadInput(f"no optimizer is called '{name}'.{hint} ('undertow optimizers' lists all)")
