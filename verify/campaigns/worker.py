"""The process that decides units: one line of JSON in, one out (`-m verify.campaigns.worker`).

It is a process of its own because nothing else can stop a loop in C or bound the memory of one
unit. It ends by itself when its owner is gone, when nobody asks for long, and when a unit outlives
its time and no owner ends it.
"""

from __future__ import annotations

import sys

from verify.running.lifeline import end_with

if __name__ == "__main__":
    end_with(int(sys.argv[1]))  # before the imports that take long

# isort: split
import json
import os
import resource
import signal

from derive.language.update_rule import BadInput
from verify.campaigns.draws import UNDECIDED, code_digest, decide

IDLE_SECONDS = 120
GRACE_SECONDS = 10
MEGABYTE = 2**20


def main() -> None:
    """Answer the requests on standard input, one a line, until there are none."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w", buffering=1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # what a user's file reads or prints is no part of the conversation
    os.dup2(2, 1)
    answers.write("{}\n")
    while True:
        signal.alarm(IDLE_SECONDS)
        line = requests.readline()
        if not line:
            return
        request = json.loads(line)
        signal.alarm(request["seconds"] + GRACE_SECONDS)
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (request["megabytes"] * MEGABYTE, most))
        answers.write(json.dumps(answer(request)) + "\n")


def answer(request: dict) -> dict[str, str]:
    """An outcome and its figure; or why the unit cannot be decided here at all."""
    try:
        if code_digest(request["claim"]) != request["code"]:
            return {"refused": f"{request['claim']} is decided by other code here"}
        outcome, figure = decide(request["claim"], request["seed"], request["digits"])
    except MemoryError:
        return {"limit": "memory"}
    except BadInput as error:
        if isinstance(error.__cause__, MemoryError):
            return {"limit": "memory"}
        return {"refused": str(error)}
    except Exception as error:
        said = str(error).splitlines()[0] if str(error) else "no message"
        return {"outcome": UNDECIDED, "figure": f"{type(error).__name__}: {said}"}
    return {"outcome": outcome, "figure": figure}


if __name__ == "__main__":
    main()
