"""What was printed where, and does it hold? One file or folder a source.

Importing this package registers every claim.
"""

from importlib import import_module
from pkgutil import walk_packages

for _found in walk_packages(__path__, f"{__name__}."):
    import_module(_found.name)
