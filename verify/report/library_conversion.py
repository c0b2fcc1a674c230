"""A conversion between two libraries' optimizers as text and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verify.workbench.library_conversion import STEPS, LibraryConversion


def as_text(found: LibraryConversion) -> str:
    """Both with their arguments, and whether they are one iteration."""
    lines = [
        f"{found.source}   {_written(found.given)}",
        f"{found.target}   {_written(found.found)}",
    ]
    if not found.differs:
        return "\n".join([*lines, "the same iteration"])
    lines.append("not the same iteration:")
    lines += [f"    {name}   {one} and {two}" for name, (one, two) in found.differs.items()]
    if "rule" in found.differs:
        rules = (found.source.rule, found.target.rule)
        lines += [f"    {rule.name}: {rule.summary}" for rule in rules if rule]
    where = "on E = x^4/4 + x^2 + xy/3 + y^2/2 from (1, -3/2)"
    if found.parts_at is None:
        return "\n".join([*lines, f"{where} they stay together for {STEPS} steps"])
    return "\n".join(
        [*lines, f"{where} they part in step {found.parts_at}, by {found.distance:.1e}"]
    )


def _written(arguments: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in arguments.items())


def as_json(found: LibraryConversion) -> dict[str, Any]:
    """The same for programs."""
    return {
        "source": {"optimizer": str(found.source), "arguments": dict(found.given)},
        "target": {"optimizer": str(found.target), "arguments": dict(found.found)},
        "same": not found.differs,
        "differs": {name: list(pair) for name, pair in found.differs.items()},
        "parts_at_step": found.parts_at,
        "distance": found.distance,
    }
