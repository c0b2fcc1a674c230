"""Which interpolator a network found, as text and JSON."""

from __future__ import annotations

from typing import Any

from verify.models.interpolators import FLOAT_DIGITS, Interpolator
from verify.running.cells import aligned


def as_json(found: Interpolator, digits: int) -> dict[str, Any]:
    """What was found, beside what it minimizes; text where the digits exceed a float's."""

    def vector(entries: Any) -> list[float] | list[str]:
        if digits <= FLOAT_DIGITS:
            return [float(entry) for entry in entries]
        return [f"{entry:.{digits}g}" for entry in entries]

    return {
        "found": vector(found.found),
        "minimizer": vector(found.minimizer),
        "distance": found.distance,
        "residual": found.residual,
        "steps": found.steps,
        "crossings": found.crossings,
        "effective_start": [vector(row) for row in found.effective_start],
        "gain": vector(found.gain),
        "l1": {"found": found.l1, "least": found.least_l1},
        "l2": {"found": found.l2, "least": found.least_l2},
    }


def as_text(found: Interpolator) -> str:
    """The same as a table, a row a coordinate."""
    columns = ("found", "minimizer", "v+", "v-", "gain")
    v = found.effective_start
    lines = [
        f"{found.steps} steps, {found.crossings} crossings of zero, residual {found.residual:.1e}",
        f"distance to the minimizer of the effective potential   {found.distance:.1e}",
        "",
    ]
    entries = zip(found.found, found.minimizer, v[0], v[1], found.gain, strict=True)
    rows = [["i", *columns]]
    rows += [[str(i), *(f"{float(e):.8f}" for e in row)] for i, row in enumerate(entries, 1)]
    lines.append(aligned(rows, indent="  ", right="r" * len(rows[0])))
    least = "needs scipy (pip install 'undertow[lp]')"
    if found.least_l1 is not None:
        least = f"{found.least_l1:.8f}"
    lines += [
        "",
        f"l1 norm   {found.l1:.8f}   least {least}",
        f"l2 norm   {found.l2:.8f}   least {found.least_l2:.8f}",
    ]
    return "\n".join(lines)
