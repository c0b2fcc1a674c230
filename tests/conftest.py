"""Hypothesis profiles: quick by default, deep with --hypothesis-profile=deep."""

from hypothesis import HealthCheck, settings

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("quick", max_examples=20, **_COMMON)
settings.register_profile("deep", max_examples=500, **_COMMON)
settings.load_profile("quick")
