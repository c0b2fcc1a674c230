"""The commands of `undertow`; importing this package registers them."""

from verify.commands import deriving, exporting, judging, momentum, own

__all__ = ["deriving", "exporting", "judging", "momentum", "own"]
