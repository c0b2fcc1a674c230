"""The commands of `undertow`; importing this package registers them."""

from verify.commands import deriving, exporting, interpolating, judging, own, simulating

__all__ = ["deriving", "exporting", "interpolating", "judging", "own", "simulating"]
