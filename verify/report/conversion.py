"""A conversion between conventions for programs."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from flint import fmpq

from verify.workbench.conventions import Conversion, Scales, scales
from verify.workbench.library_momentum import ConventionValues
from verify.workbench.schedule_conversion import UnderSchedule


def as_json(found: Conversion) -> dict[str, Any]:
    """Both settings, what they share, what both follow, and the next best without a target.

    Numbers are exact, as text; `first_step` says how the target's memory has to start.
    """
    return {
        "source": _setting(found.source),
        "target": found.target and _setting(found.target),
        "same": str(found.relation),
        "first_step": found.first_step and _exact(asdict(found.first_step)),
        "lag": str(found.lag),
        "follows": _scales(scales(found.source)),
        "nearest": [
            {
                "target": _setting(match.target),
                "keeps": list(match.keeps),
                "follows": _scales(scales(match.target)),
                "apart": match.apart,
            }
            for match in found.matches
        ],
    }


def schedule_json(found: UnderSchedule) -> dict[str, Any]:
    """What a schedule does to a conversion; `power` is that of new/old on the target's memory."""
    return {
        "name": found.name,
        "same": found.power == 0,
        "apart": None if math.isnan(found.apart) else found.apart,
        "power": found.power,
        "factors": [str(factor) for factor in found.factors],
    }


def _setting(setting: ConventionValues) -> dict[str, Any]:
    return {"convention": setting.convention.name, "parameters": _exact(setting.named)}


def _scales(found: Scales) -> dict[str, Any]:
    return _exact(asdict(found))


def _exact(values: dict[str, Any]) -> dict[str, Any]:
    return {name: str(x) if isinstance(x, fmpq) else x for name, x in values.items()}
