"""One module a source; importing this package registers every claim."""

from verify.papers import (
    beyond_flows,
    beyond_losses,
    beyond_maps,
    beyond_memory,
    cowsik2022,
    ghosh2023,
    ghosh2023_examples,
    ghosh2023_noise,
    ghosh2023_repairs,
    ghosh2023_slides,
    ghosh2023_transient,
    papazov2024,
    papazov2024_flow,
    quadratic_flows,
    second_order_flows,
    two_pictures,
)

__all__ = [
    "beyond_flows",
    "beyond_losses",
    "beyond_maps",
    "beyond_memory",
    "cowsik2022",
    "ghosh2023",
    "ghosh2023_examples",
    "ghosh2023_noise",
    "ghosh2023_repairs",
    "ghosh2023_slides",
    "ghosh2023_transient",
    "papazov2024",
    "papazov2024_flow",
    "quadratic_flows",
    "second_order_flows",
    "two_pictures",
]
