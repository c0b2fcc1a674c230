"""The mean over the batches: Ghosh, Lyu, Zhang and Wang (2023), section 5 and their slides."""

from __future__ import annotations

import random
from typing import Any

import sympy
from flint import fmpq

from derive.batches import averages
from derive.language.formula import BETA, H, K
from verify.claims.checks.averaging import (
    FULL_BATCH,
    NOTATION,
    SAMPLING,
    AtSteps,
    as_drawn,
    enumerated,
    history_moments,
    modified_loss_terms,
    quarter,
    settles_at,
)
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import measured
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on, read
from verify.claims.slots import Batches, Instance, Number, Point, Value
from verify.claims.statement import Statement, Type
from verify.models.batch_sequences import draw_batches

S, F, V = sympy.symbols("S F V")
LOSSES = r"and $V:=\mathbb E(E_n-E)^2$"
"""What the source has in the place of F."""


def by_partitions(*, lasting: bool) -> sympy.Expr:
    """The mean regularizer from the closed forms for blocks of steps."""
    full = averages.full_batch_regularizer()
    noise = averages.regularizer(averages.WITH_REPLACEMENT)
    if lasting:
        full, noise = averages.lasting(full), averages.lasting(noise)
    return H / 4 * (full * S + noise * F)


def without_momentum() -> sympy.Expr:
    """The mean regularizer at beta = 0."""
    return by_partitions(lasting=True).subs(BETA, 0)


def growth(part: sympy.Symbol) -> sympy.Expr:
    """What the coefficient of S or F is with momentum over what it is without."""
    mean = sympy.expand(by_partitions(lasting=True))
    return mean.coeff(part) / mean.coeff(part).subs(BETA, 0)


def weights(says: Statement, point: Point) -> dict[int, fmpq]:
    """The parts in S and F of the limit, over h."""
    parts = {0: {"S": fmpq(1), "F": fmpq(0)}, 1: {"S": fmpq(0), "F": fmpq(1)}}
    none: dict[str, Any] = {"h": fmpq(1), "V": fmpq(0)}
    return {i: says.number("limit", **none, **point, **part) for i, part in parts.items()}


@claim(
    "ghosh2023.expected-regularizer",
    catalogue="A22",
    where="Remark 5.3, first sentence",
    printed=read(r"where  $F := \mathbb{E}\|E_n - E\|^2$  (appendix Th 3.1)"),
)
def expected_regularizer() -> Claim:
    r"""With independent batches $\mathbb E\lVert\nabla G_r\rVert^2=s_r^2S+v_rF$, $s_r=
    (1-\beta^{r+1})/(1-\beta)$ and $v_r=(1-\beta^{2r+2})/(1-\beta^2)$. As $r$ grows $s_r^2$ tends to
    $1/(1-\beta)^2$ and $v_r$ to $1/(1-\beta^2)$; the weights $1$ and $2\beta,2\beta^2,\dots$ add up
    to $(1+\beta)/(1-\beta)$. So the mean of $IGRM_s$ tends to $h/4((1+\beta)/(1-\beta)^3S+
    F/(1-\beta)^2)$.
    """
    return Claim(
        says=Statement(
            Type.LIMIT,
            r"With batches {batches}, the mean of $IGRM_s$ tends to {limit} as $k$ grows, for "
            rf"{{domain}}, {NOTATION} {LOSSES}.",
            {
                "limit": Value(FULL_BATCH + H / (4 * ONE_MINUS**2) * F, "limit"),
                "batches": Batches.INDEPENDENT,
                "domain": FADING,
            },
        ),
        misprint={"limit": Value(FULL_BATCH + H / (4 * ONE_MINUS**2) * V, "limit")},
        because=r"the printed $F$, here $V$, lacks the gradients.",
        counterexample=r"At a point where all losses have the same value and different gradients "
        r"$V$ vanishes, and the mean of $IGRM_s$ keeps its part in $F$.",
        checks=(
            on("limit", identical("sums over blocks", lambda: by_partitions(lasting=True))),
            as_drawn(
                "all batch sequences",
                lambda says: says.expr("limit"),
                modified_loss_terms,
                AtSteps.LASTING,
                refutes=True,
            ),
            settles_at(weights, refutes=True),
        ),
    )


@claim(
    "ghosh2023.expected-regularizer-at-each-step",
    catalogue="A22",
    where="Remark 5.3, for every step",
    printed=OURS,
)
def expected_regularizer_at_each_step() -> Claim:
    r"""The $S$ part is the deterministic regularizer of step $k$. In the $F$ part the weights of
    $v_r$ sum to $((1-\beta^{k+1})/(1-\beta))^2$: the square of what the steps weigh together.
    """
    u = BETA ** (K + 1)
    full = (1 + BETA) * (1 - BETA ** (2 * K + 2)) - 4 * u * (K + 1) * ONE_MINUS
    mean = H / 4 * (full / ONE_MINUS**3 * S + (1 - u) ** 2 / ONE_MINUS**2 * F)
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"With batches {batches}, the mean of $IGRM_s$ at step $k$ is {mean}, "
            rf"{NOTATION}.",
            {"mean": Value(mean), "batches": Batches.INDEPENDENT},
        ),
        checks=(
            on("mean", identical("sums over blocks", lambda: by_partitions(lasting=False))),
            as_drawn(
                "all batch sequences",
                lambda says: says.expr("mean"),
                modified_loss_terms,
                AtSteps.EACH_STEP,
            ),
        ),
    )


@claim(
    "ghosh2023.expected-sgd-regularizer",
    catalogue="A22",
    where="Remark 5.3, second sentence",
    printed=read(r"is  $\frac{h}{4}(\|\nabla E\|_2^2 + F)$  (Smith et al., 2021)"),
)
def expected_sgd_regularizer() -> Claim:
    r"""$\mathbb E\lVert\nabla E_n\rVert^2=\lVert\nabla E\rVert^2+\mathbb E\lVert\nabla E_n-\nabla E
    \rVert^2$, whatever the sampling. The remark's $F$ is $\mathbb E\lVert E_n-E\rVert^2$, here $V$.
    """

    def however_drawn(says: Statement, settings: Settings) -> tuple[bool, str]:
        for sampling in SAMPLING.values():
            check = enumerated(
                "",
                sampling,
                modified_loss_terms,
                AtSteps.EACH_STEP,
                scale=quarter,
                momentum=False,
            )
            found = check.judge(says.expr("mean"), settings)
            if not found.passed:
                return False, f"{sampling}: {found.figure}"
        return True, "equal over all sequences, with and without replacement"

    def by_norms(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for size in (2, 3, 5):
            batches, h = draw_batches(draw, size), fmpq(draw.randint(1, 9), 4)
            norms = [sum(c * c for c in gradient) for gradient in batches.gradients]
            if says.number("mean", h=h, **batches.known) != h / 4 * sum(norms) / size:
                return False, f"wrong for {size} batches"
        return True, "the mean of the squared norms of 2, 3 and 5 gradients"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Without momentum, over batches each of which is as likely as the others, the mean of "
            rf"the regularizer is {{mean}}, {NOTATION} {LOSSES}.",
            {"mean": Value(H / 4 * (S + F))},
        ),
        misprint={"mean": Value(H / 4 * (S + V))},
        because=r"the remark's $F$, here $V$, lacks the gradients.",
        counterexample=r"At a point where all losses have the same value and different gradients "
        r"$V$ vanishes, and the mean keeps its part in $F$.",
        checks=(
            on("mean", identical("sums over blocks", without_momentum)),
            exact("all batch sequences", Kind.ENUMERATION, however_drawn, refutes=True),
            exact("squared norms", Kind.SERIES, by_norms, refutes=True),
        ),
    )


@claim(
    "ghosh2023.slides-stronger-regularization",
    catalogue="A24",
    where="slides, last page, Obs-2",
    printed=read(
        r"\mathbb{E}(IGRM_s)(\mathbf{x}) = \frac{1}{(1-\beta)} \mathbb{E}(IGR_s)(\mathbf{x})"
    ),
)
def slides_stronger_regularization() -> Claim:
    r"""The two parts grow by different factors, $(1+\beta)/(1-\beta)^3$ and $1/(1-\beta)^2$;
    against SGD at the effective learning rate $h/(1-\beta)$ by $(1+\beta)/(1-\beta)^2$ and
    $1/(1-\beta)$, and in units of the force, that is per loss, by $(1+\beta)/(1-\beta)$ and $1$.
    The printed factor is right for the $F$ part alone in the second of these readings.
    """

    def parts(says: Statement, point: Point) -> dict[int, fmpq]:
        return {i: says.number(n, **point) / 4 for i, n in enumerate(("full", "noise"))}

    def together(says: Statement) -> sympy.Expr:
        return H / 4 * (says.expr("full") * S + says.expr("noise") * F)

    def size_at(says: Statement, settings: Settings) -> fmpq:
        return history_moments(says["example"][r"\beta"])[0] * says["example"]["h"]

    def printed_at(says: Statement, settings: Settings) -> fmpq:
        return says["example"]["h"] / 4 / (1 - says["example"][r"\beta"])

    printed = Value(1 / ONE_MINUS, "limit")
    return Claim(
        says=Statement(
            Type.LIMIT,
            r"With batches {batches} and at one step size, as $k$ grows, the mean of "
            r"$IGRM_s$ tends to {full} times the part of $S$ in the mean of $IGR_s$ and {noise} "
            rf"times its part of $F$, for {{domain}}, {NOTATION}.",
            {
                "full": Value((1 + BETA) / ONE_MINUS**3, "limit"),
                "noise": Value(1 / ONE_MINUS**2, "limit"),
                "batches": Batches.INDEPENDENT,
                "domain": FADING,
                "example": Instance(None, {r"\beta": "9/10", "h": 1}),
                "size": Number("475"),
                "small": Number("2.5"),
            },
        ),
        misprint={"full": printed, "noise": printed},
        because=r"no one factor takes the mean without momentum to that with it.",
        counterexample=r"{example}: where all batches have the same gradient, of norm one, the "
        r"mean tends to {size}; the printed factor gives {small}.",
        checks=(
            on("full", identical("sums over blocks, S", lambda: growth(S))),
            on("noise", identical("sums over blocks, F", lambda: growth(F))),
            as_drawn(
                "all batch sequences", together, modified_loss_terms, AtSteps.LASTING, refutes=True
            ),
            settles_at(parts, refutes=True),
            measured("mean with momentum", size_at, number="size"),
            measured("mean times the printed factor", printed_at, number="small"),
        ),
    )
