"""At which steps do the flows hold where a library presets a long memory, as beta2 = 0.999?

`.venv/bin/python -m tests.benchmarks.long_memories [NAME ...]`: from which h = 2^-n on the term of
order h brings the flow nearer to one step, and from which on the orders 1 and 2 are seen.
"""

from __future__ import annotations

import argparse

from flint import fmpq

from derive.engine.invariant_manifold import general_flow
from derive.language.bad_input import BadInput
from derive.optimizers import find_library
from verify.formulas.reading import loss_from_text
from verify.report.table import table
from verify.running.general_flows import NamedFields
from verify.running.slopes import Slopes, one_step

NAMES = ("torch.Adam", "torch.AdamW", "torch.RMSprop", "torch.NAdam", "torch.RAdam")
NAMES += ("torch.Adamax", "optax.rmsprop", "optax.adan", "optax.lion")
NAMES += ("optax.contrib.ademamix", "optax.contrib.adopt", "keras.Adam")
HEAD = ("optimizer", "1 - beta2", "nearer from h", "orders from h", "orders there", "1 % off")
LOSSES = {"E": "x^4/4 + y^2/2 + x*y/3 + x^2", "W": "x^2/200 + y^2/200"}
"""W is what the decay of 1/100 descends that PyTorch's AdamW presets."""
START = {"x": [fmpq(1), fmpq(-3, 2)]}
EXPONENTS = range(0, 34, 2)
KEPT = ("beta2", "beta3", "rho")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NAMES))
    print(table([HEAD, *map(row, parser.parse_args().names)], "lrrrll"))


def row(name: str) -> tuple[str, ...]:
    """What there is to say of a library's optimizer at its presets."""
    setting = find_library(name).setting()
    rule = setting.whole
    land = NamedFields({n: loss_from_text(LOSSES[n]) for n in rule.fields}, {"x": 2}, {})
    kept = max((float(setting.values[n]) for n in KEPT if n in setting.values), default=0.0)
    begin = (name, f"{1 - kept:.2g}")
    try:
        flow = general_flow(rule, order=3)
    except BadInput as error:
        return (*begin, "", "", str(error)[:60], "")

    def at(first: int) -> Slopes:
        halvings = range(first, first + 5)
        return one_step(flow, land, START, {}, halvings=halvings, digits=70)

    nearer = None
    for first in EXPONENTS:
        try:
            found = at(first)
        except ArithmeticError:  # the flow runs to infinity within such a step
            continue
        if nearer is None and 2 in found.errors and found.errors[2][0] < found.errors[1][0]:
            nearer = first
        if all(found.holds(n) for n in found.errors):
            seen = ", ".join(str(found.observed(n)) for n in found.errors)
            wrong = ", ".join(str(found.control(n)) for n in found.controls)
            return (*begin, _step(nearer), _step(first), seen, wrong)
    return (*begin, _step(nearer), "not seen", "", "")


def _step(exponent: int | None) -> str:
    return "" if exponent is None else f"2^-{exponent}"


if __name__ == "__main__":
    main()
