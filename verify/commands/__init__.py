"""The commands of `undertow`; importing this package registers them."""

from verify.commands import deriving, exporting, judging, mutating, own

__all__ = ["deriving", "exporting", "judging", "mutating", "own"]
