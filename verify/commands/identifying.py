"""`undertow identify`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verify.commands.application import command
from verify.commands.base import Format, Output, assignments, number, say, say_json

if TYPE_CHECKING:
    from verify.networks.naming import Identified, Known
    from verify.networks.probing import Findings

PLACES = {"torch.optim.": "torch.", "optax.": "optax."}


@command(
    "identify",
    examples=(
        "identify torch.optim.SGD --set lr=0.1 --set momentum=0.9",
        "identify optax.adam --set learning_rate=0.001",
        "identify my_opt.py:MyOptimizer --as torch.Adam --set lr=0.001",
    ),
)
def identify(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="torch.optim.CLASS, optax.ALIAS, or my_opt.py:MyOptimizer."
        ),
    ],
    give: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="An argument of the optimizer; betas as 0.9,0.999."
        ),
    ] = None,
    claim: Annotated[
        str, typer.Option("--as", help="What it claims to be, such as torch.Adam.")
    ] = "",
    format: Output = Format.TEXT,
) -> None:
    """What does this optimizer's code do? Exit 1 where it is not what it claims to be.

    It is driven with chosen gradients as a black box, so that what begins after a dozen steps or
    at gradients of other sizes stays unseen. A class of your own takes params as PyTorch's do, or
    has step(x, gradient) and returns the next x.
    """
    from derive.optimizers.libraries import LIBRARIES
    from verify.networks.boxes import find_box
    from verify.networks.naming import identify as identified

    arguments = {key: _value(key, text) for key, text in assignments(give or []).items()}
    if not claim:
        for place, library in PLACES.items():
            known = library + name.removeprefix(place)
            if name.startswith(place) and known in LIBRARIES:
                claim = known
    found = identified(find_box(name, arguments), claim, arguments)
    if format is Format.JSON:
        say_json({"name": name} | _as_json(found))
    else:
        for line in _told(found):
            say(line)
        if claim and LIBRARIES[claim].why:
            say(f"{claim} follows no flow that is known: {LIBRARIES[claim].why}.")
    if found.parting is not None:
        raise typer.Exit(1)


def _value(name: str, text: str) -> Any:
    """A number, true or false, or several numbers with commas."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    from verify.running.numbers import FLOAT

    values = [FLOAT.convert(number(f"--set {name} =", part)) for part in text.split(",")]
    return tuple(values) if len(values) > 1 else values[0]


def _as_json(found: Identified) -> dict[str, Any]:
    parting = found.parting
    return {
        "is": _known(found.found),
        "claim": _known(found.claim),
        "parting": parting
        and {"step": parting.step, "gives": parting.gives, "claimed": parting.claimed},
        "findings": found.findings.as_json(),
    }


def _known(known: Known | None) -> dict[str, Any] | None:
    return known and {
        "name": str(known.optimizer),
        "arguments": dict(known.arguments),
        "slip": str(known.slip),
        "rule": known.optimizer.rule.name if known.optimizer.rule else None,
    }


def _told(found: Identified) -> Iterator[str]:
    yield from _behaviour(found.findings)
    if found.parting is not None:
        parting = found.parting
        yield (
            f"It is not {found.claim}: in step {parting.step} it moves a weight by "
            f"{-parting.gives:.6g}, and that by {-parting.claimed:.6g}."
        )
    if found.found is not None:
        rule = found.found.optimizer.rule
        yield f"It is {found.found}; undertow derive {rule.name if rule else ''}"
    elif found.claim is not None or not found.findings.repeatable:
        yield "It is no optimizer that is known here."


def _behaviour(seen: Findings) -> Iterator[str]:
    if not seen.repeatable:
        yield "two runs on the same gradients differ"
    yield "linear in the gradients" if seen.linear else "not linear in the gradients"
    if not seen.linear:
        small, large = _grown(seen.small), _grown(seen.large)
        yield f"its steps grow {small} with tiny gradients, {large} with huge ones"
    yield (
        "each coordinate moves by its own gradients"
        if seen.elementwise
        else "a coordinate moves with the gradients of others"
    )
    if seen.counts:
        yield "its steps depend on their number"
    yield {
        "none": "no decay of the weights",
        "coupled": "decay of the weights, through its memory",
        "decoupled": f"decay of the weights, by {seen.rate} of them in each step",
    }[seen.decay]
    if seen.first_kernel:
        yield f"weights of the first gradient:  {', '.join(map(str, seen.first_kernel))}, ..."
    if seen.kernel:
        yield f"weights of {'a later' if seen.first_kernel else 'a'} gradient:  " + (
            f"{', '.join(map(str, seen.kernel))}, ..."
        )
    if seen.poles:
        yield f"its memory fades by {', '.join(map(str, seen.poles))}"


def _grown(degree: int | None) -> str:
    return {0: "not at all", 1: "in proportion", None: "neither in proportion nor not at all"}[
        degree
    ]
