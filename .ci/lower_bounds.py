"""Print the lower bounds of the dependencies, as constraints for pip."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
for dependency in project["dependencies"]:
    name, bound = re.match(r"([\w-]+)>=([\d.]+)", dependency).groups()
    print(f"{name}=={bound}")
