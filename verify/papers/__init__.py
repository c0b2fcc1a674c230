"""One module a source; importing this package registers every claim."""

from verify.papers import (
    beyond_flows,
    beyond_losses,
    beyond_maps,
    beyond_memory,
    cowsik2022,
    cowsik2022_drift,
    cowsik2022_models,
    ghosh2023,
    ghosh2023_examples,
    ghosh2023_noise,
    ghosh2023_repairs,
    ghosh2023_slides,
    ghosh2023_transient,
    minimizer_drift,
    quadratic_flows,
    second_order_flows,
)

__all__ = [
    "beyond_flows",
    "beyond_losses",
    "beyond_maps",
    "beyond_memory",
    "cowsik2022",
    "cowsik2022_drift",
    "cowsik2022_models",
    "ghosh2023",
    "ghosh2023_examples",
    "ghosh2023_noise",
    "ghosh2023_repairs",
    "ghosh2023_slides",
    "ghosh2023_transient",
    "minimizer_drift",
    "quadratic_flows",
    "second_order_flows",
]
