"""One module a source; importing this package registers every claim."""

from verify.papers import cowsik2022, ghosh2023, ghosh2023_noise, ghosh2023_transient

__all__ = ["cowsik2022", "ghosh2023", "ghosh2023_noise", "ghosh2023_transient"]
