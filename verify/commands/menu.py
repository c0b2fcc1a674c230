"""Which commands there are, in which group of the help, and in which module each one lives.

The help and the shell's completion read this table and import no command.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """What the help says of a command, and the module of `verify.commands` that has it."""

    says: str
    module: str


Groups = Mapping[str, Mapping[str, Entry]]

MENU: Groups = {
    "Derive": {
        "derive": Entry("What an optimizer follows: a flow, a loss, a shift.", "deriving"),
        "optimizers": Entry("The optimizers that are known by name.", "deriving"),
        "convert": Entry("The same momentum in another library's parameters.", "converting"),
        "momentum": Entry("Which momentum to take, and its timescales.", "momentum"),
        "drift": Entry("How noise carries an optimizer along minimizers.", "drifting"),
    },
    "Check": {
        "check": Entry("Is a formula of yours right?", "checking"),
        "claim": Entry("Claims of your own.", ""),
        "identify": Entry("What an optimizer's code really does.", "identifying"),
    },
    "Run": {
        "trajectory": Entry("An optimizer on a loss, beside its flows.", "running"),
        "simulate": Entry("SGD with momentum on batches, beside predictions.", "simulating"),
        "interpolator": Entry("Which interpolator a diagonal network finds.", "interpolating"),
        "recovery": Entry("Qualitative statements on sparse recovery.", "recovering"),
        "experiment": Entry("A statement on deep networks, tried here.", "experimenting"),
        "sweep": Entry("The momentum that settles best under label noise.", "sweeping"),
    },
    "Claims": {
        "verify": Entry("Hold published claims and your own to account.", "judging"),
        "claims": Entry("List the claims.", "listing"),
        "show": Entry("One claim: statement, derivation, evidence.", "judging"),
        "coverage": Entry("Which published statement became which claim.", "listing"),
        "mutants": Entry("Does a check reject every wrong formula?", "mutating"),
        "recheck": Entry("Redo the arithmetic of certificates.", "rechecking"),
    },
    "Draw and write": {
        "plot": Entry("A picture: SVG, PDF or PNG.", ""),
        "export": Entry("A LaTeX book of the claims, one file a formula.", "exporting"),
        "report": Entry("A web site of the claims.", "reporting"),
    },
    "Campaigns": {
        "campaign": Entry("Check claims on many random losses.", "campaign"),
        "ledger": Entry("Read what a campaign has kept.", "campaign"),
    },
}

SUBMENUS: Mapping[str, Groups] = {
    "claim": {"Commands": {"new": Entry("Write a commented draft of claims.", "drafting")}},
    "plot": {
        "Pictures": {
            "errors": Entry("The error of each flow against the step size.", "plotting"),
            "trajectory": Entry("The iterates beside their flows.", "plotting"),
            "stability": Entry("Where modes are real, complex, unstable.", "plotting"),
            "timescales": Entry("Steps to relax and to drift.", "plotting"),
            "schedule": Entry("A rate over a run, and what acts before its decay.", "plotting"),
            "gain": Entry("The gain of each coordinate of a network.", "plotting"),
        }
    },
}
