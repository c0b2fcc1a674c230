"""The commands of `undertow`; importing this package registers them."""

from verify.commands import deriving, exporting, judging, own, valley

__all__ = ["deriving", "exporting", "judging", "own", "valley"]
