"""python -m tests.attacks --number 2000 --seed 1: count what goes wrong, and show each of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.attacks.hostile import attacks
from tests.attacks.judge import judged, kept_files, prepare


def main() -> None:
    """Run so many attacks, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    prepare()
    counts: Counter[str] = Counter()
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        kept = kept_files(Path(folder))
        for i, attack in enumerate(attacks(given.number, given.seed)):
            found = judged(attack, kept)
            kinds = {fault.partition(":")[0] for fault in found.faults}
            counts.update(kinds)
            faults += len(kinds)
            counts[f"exit {found.code}"] += 1
            if given.log:
                with given.log.open("a") as log:
                    row = [i, found.code, round(found.seconds, 2), round(found.megabytes)]
                    row += [found.faults, str(attack), found.said[-1500:]]
                    log.write(json.dumps(row) + "\n")
            for fault in found.faults:
                print(f"{i} {fault}\n   undertow {attack}\n   {found.said[-300:]!r}", flush=True)
    print(dict(sorted(counts.items())))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
