"""Which commands there are, in which group of the help, and in which module each one lives.

The help and the shell's completion read this table and import no command.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class MenuEntry(NamedTuple):
    """What the help says of a command, and the module of `verify.commands` that has it."""

    says: str
    module: str


Groups = Mapping[str, Mapping[str, MenuEntry]]

MENU: Groups = {
    "Derive": {
        "derive": MenuEntry("What an optimizer follows: a flow, a loss, a shift.", "deriving"),
        "optimizers": MenuEntry("The optimizers that are known by name.", "deriving"),
        "convert": MenuEntry("The same momentum in another library's parameters.", "converting"),
        "momentum": MenuEntry("Which momentum to take, and its timescales.", "momentum"),
        "drift": MenuEntry("How noise carries an optimizer along minimizers.", "drifting"),
    },
    "Check": {
        "check": MenuEntry("Is a formula of yours right?", "checking"),
        "claim": MenuEntry("Claims of your own.", ""),
        "identify": MenuEntry("What an optimizer's code really does.", "identifying"),
    },
    "Run": {
        "trajectory": MenuEntry("An optimizer on a loss, beside its flows.", "running"),
        "simulate": MenuEntry("SGD with momentum on batches, beside predictions.", "simulating"),
        "interpolator": MenuEntry("Which interpolator a diagonal network finds.", "interpolating"),
        "recovery": MenuEntry("Qualitative statements on sparse recovery.", "recovering"),
        "experiment": MenuEntry("A statement on deep networks, tried here.", "experimenting"),
        "sweep": MenuEntry("The momentum that settles best under label noise.", "sweeping"),
    },
    "Claims": {
        "verify": MenuEntry("Hold published claims and your own to account.", "judging"),
        "claims": MenuEntry("List the claims.", "listing"),
        "show": MenuEntry("One claim: statement, derivation, evidence.", "judging"),
        "coverage": MenuEntry("Which published statement became which claim.", "listing"),
        "mutants": MenuEntry("Does a check reject every wrong formula?", "mutating"),
        "recheck": MenuEntry("Redo the arithmetic of certificates.", "rechecking"),
    },
    "Draw and write": {
        "plot": MenuEntry("A picture: SVG, PDF or PNG.", ""),
        "export": MenuEntry("A LaTeX book of the claims, one file a formula.", "exporting"),
        "report": MenuEntry("A web site of the claims.", "reporting"),
    },
    "Campaigns": {
        "campaign": MenuEntry("Check claims on many random losses.", "campaign"),
        "ledger": MenuEntry("Read what a campaign has kept.", "campaign"),
    },
}

SUBMENUS: Mapping[str, Groups] = {
    "claim": {"Commands": {"new": MenuEntry("Write a commented draft of claims.", "drafting")}},
    "plot": {
        "Pictures": {
            "errors": MenuEntry("The error of each flow against the step size.", "plotting"),
            "trajectory": MenuEntry("The iterates beside their flows.", "plotting"),
            "stability": MenuEntry("Where modes are real, complex, unstable.", "plotting"),
            "timescales": MenuEntry("Steps to relax and to drift.", "plotting"),
            "schedule": MenuEntry("A rate over a run, and what acts before its decay.", "plotting"),
            "gain": MenuEntry("The gain of each coordinate of a network.", "plotting"),
        }
    },
}
