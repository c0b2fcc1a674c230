"""How a stationary covariance is checked: the Lyapunov equation, solved exactly or summed in balls.

The gradient is lambda x + xi with xi of variance 1, independent at every step.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import sympy
from flint import arb, arb_mat, fmpq, fmpq_mat

from derive.language.formula import Formula, H
from derive.language.update_rule import Number, Optimizer
from derive.quadratics.stationary_noise import stationary_variance
from verify.claims.checks.identities import Derived, exact, identical, order_of
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict
from verify.running.numbers import BALL, evaluate, precision

STEPS = range(4, 11)

Values = dict[str, fmpq]
Entry = tuple[int, int]


def paper_step(values: Values, curvature: fmpq) -> tuple[fmpq_mat, fmpq_mat]:
    """Equations (170) to (172) on (w, pi): pi' = beta pi - lambda w + n, w' = w + h pi'."""
    h, beta = values["h"], values["beta"]
    matrix = fmpq_mat([[1 - h * curvature, h * beta], [-curvature, beta]])
    return matrix, fmpq_mat([[h], [fmpq(1)]])


def declared_step(rule: Optimizer) -> Callable[[Values, fmpq], tuple[fmpq_mat, fmpq_mat]]:
    """The declared rule run on unit vectors, and on one unit of noise."""

    def step(values: Values, curvature: fmpq) -> tuple[fmpq_mat, fmpq_mat]:
        size = 1 + len(rule.memory)

        def run(state: Sequence[fmpq], noise: int) -> list[Number]:
            x, memory = rule.step(
                state[0],
                list(state[1:]),
                lambda y: curvature * y + noise,
                values["h"],
                {name: values[name] for name in rule.parameters},
            )
            return [x, *memory]

        columns = [run([fmpq(i == j) for j in range(size)], 0) for i in range(size)]
        rows = [[column[i] for column in columns] for i in range(size)]
        return fmpq_mat(rows), fmpq_mat([[e] for e in run([fmpq(0)] * size, 1)])

    return step


Step = Callable[[Values, fmpq], tuple[fmpq_mat, fmpq_mat]]


def lyapunov(step: Step, values: Values, first: fmpq, second: fmpq) -> fmpq_mat:
    """S = A S B^T + a b^T, solved as a linear system in exact arithmetic."""
    (a, kick), (b, other) = step(values, first), step(values, second)
    n = a.nrows()
    rows = [
        [
            (fmpq(1) if (i, j) == (k, m) else fmpq(0)) - a[i, k] * b[j, m]
            for k in range(n)
            for m in range(n)
        ]
        for i in range(n)
        for j in range(n)
    ]
    right = [[kick[i, 0] * other[j, 0]] for i in range(n) for j in range(n)]
    return fmpq_mat(n, n, fmpq_mat(rows).solve(fmpq_mat(right)).entries())


def responses(step: Step, values: Values, first: fmpq, second: fmpq) -> arb_mat:
    """The sum over k of A^k a (B^k b)^T: how two modes answer the same unit of noise."""
    (a, kick), (b, other) = step(values, first), step(values, second)
    total = arb_mat(kick * other.transpose())
    left, right = arb_mat(a), arb_mat(b).transpose()
    for _ in range(16):
        total = total + left * total * right
        left, right = left * left, right * right
    return total


def draw_modes(draw: random.Random, *, extra: Sequence[str] = ()) -> Values:
    """A step size, a momentum and two curvatures at which two modes are stable under any rule."""
    lambdas = {name: fmpq(draw.randint(3, 30), 10) for name in ("lambda1", "lambda2")}
    more = {name: fmpq(draw.randint(1, 9), 10) for name in extra}
    chosen = {"h": fmpq(draw.randint(1, 8), 40), "beta": fmpq(draw.randint(1, 18), 20)}
    return {**lambdas, **more, **chosen, "lambda": lambdas["lambda1"]}


def moment_checks(
    step: Step, entry: Entry, *, modes: int, extra: Sequence[str] = ()
) -> tuple[Check, Check]:
    """The candidate is this entry of the covariance of one or two modes, for unit noise."""

    def second(values: Values) -> fmpq:
        return values["lambda1" if modes == 1 else "lambda2"]

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(20):
            values = draw_modes(draw, extra=extra)
            found = lyapunov(step, values, values["lambda1"], second(values))[entry]
            if found != evaluate(candidate, values):
                return False, f"the covariance is {found} at {_said(values, candidate)}"
        return True, "equal at 20 points"

    def enclosed(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed + 1)
        with precision(settings.digits):
            for _ in range(5):
                values = draw_modes(draw, extra=extra)
                balls = {name: arb(v) for name, v in values.items()}
                total = responses(step, values, values["lambda1"], second(values))[entry]
                ratio = evaluate(candidate, balls, BALL) / total - 1
                if not abs(ratio) < arb(10) ** (10 - settings.digits):
                    passed = False if abs(ratio) > arb(10) ** -6 else None
                    return Evidence(passed, f"off by {ratio.str(3)} of itself")
        return Evidence(True, "the sum over 2^16 steps, 5 points")

    return (
        exact("Lyapunov equation solved exactly", Kind.ENUMERATION, holds, refutes=True),
        Check("answers to single kicks, summed in balls", Kind.BALL, enclosed, refutes=True),
    )


def _said(values: Values, candidate: sympy.Expr) -> str:
    names = sorted(symbol.name for symbol in candidate.free_symbols)
    return ", ".join(f"{name} = {values[name]}" for name in names)


def matrix_residual(name: str, *, refutes: bool = False) -> Check:
    """The candidate, a symmetric polynomial in lambda1 and lambda2, as an operator on the exact
    covariance S gives h/(1-beta) Sigma: lambda1^a lambda2^b acts as H^a S H^b.

    H and Sigma are random and do not commute; S comes from the exact Lyapunov equation of the
    whole state (w, pi), with matrices written out from equation (1).
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        modes = sympy.symbols("lambda1 lambda2")
        if not candidate.is_polynomial(*modes):
            return False, "not a polynomial in the curvatures"
        terms = sympy.Poly(candidate, *modes).terms()
        for n in (2, 2, 3, 3):
            hessian, noise = _symmetric(draw, n), _symmetric(draw, n)
            trace = sum((hessian[i, i] for i in range(n)), fmpq(0))
            values = {"h": 1 / trace, "beta": fmpq(draw.randint(1, 18), 20)}
            covariance = _whole(hessian, noise, values)
            total = covariance * 0
            for (a, b), c in terms:
                total += _power(hessian, a) * covariance * _power(hessian, b) * evaluate(c, values)
            if total != noise * (values["h"] / (1 - values["beta"])):
                return False, f"not h/(1-beta) Sigma in {n} dimensions, beta = {values['beta']}"
        return True, "exactly h/(1-beta) Sigma for 4 pairs that do not commute"

    return exact(name, Kind.ENUMERATION, holds, refutes=refutes)


def _symmetric(draw: random.Random, n: int) -> fmpq_mat:
    """A positive definite matrix of small integers."""
    root = fmpq_mat(n, n, [draw.randint(-2, 2) for _ in range(n * n)])
    return root * root.transpose() + _power(root, 0)


def _power(matrix: fmpq_mat, exponent: int) -> fmpq_mat:
    n = matrix.nrows()
    result = fmpq_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])
    for _ in range(exponent):
        result = result * matrix
    return result


def _whole(hessian: fmpq_mat, noise: fmpq_mat, values: Values) -> fmpq_mat:
    """The covariance of w from the Lyapunov equation of (w, pi)."""
    n, h, beta = hessian.nrows(), values["h"], values["beta"]
    one = _power(hessian, 0)
    blocks = [[one - hessian * h, one * (h * beta)], [hessian * -1, one * beta]]
    kicks = [[noise * h**2, noise * h], [noise * h, noise]]

    def joined(parts: list[list[fmpq_mat]]) -> fmpq_mat:
        size = range(2 * n)
        return fmpq_mat(
            2 * n, 2 * n, [parts[i // n][j // n][i % n, j % n] for i in size for j in size]
        )

    step, size = joined(blocks), 2 * n
    pairs = [(i, j) for i in range(size) for j in range(size)]
    rows = [[fmpq((i, j) == (k, m)) - step[i, k] * step[j, m] for k, m in pairs] for i, j in pairs]
    solved = fmpq_mat(rows).solve(fmpq_mat([[e] for e in joined(kicks).entries()]))
    return fmpq_mat(n, n, [solved[i * size + j, 0] for i in range(n) for j in range(n)])


Path = Callable[[int], tuple[fmpq, fmpq]]
"""h and beta at n = 4, 5, ..., made from 2^-n."""


def two_thirds(n: int) -> tuple[fmpq, fmpq]:
    """1-beta = h^(2/3): gamma = 2/3."""
    return fmpq(1, 8**n), 1 - fmpq(1, 4**n)


def relative_error(name: str, path: Path, order: int, *, entry: Entry = (0, 0)) -> Check:
    """The candidate against the exact covariance along a path: it vanishes like 2^(-order n)."""

    def errors(candidate: sympy.Expr, settings: Settings) -> list[float]:
        drawn = draw_modes(random.Random(settings.seed))
        drawn |= {"lambda2": drawn["lambda1"] * 3}
        second = (
            drawn["lambda2"]
            if candidate.has(*sympy.symbols("lambda1 lambda2"))
            else drawn["lambda1"]
        )
        found = []
        for n in STEPS:
            h, beta = path(n)
            values = {**drawn, "h": h, "beta": beta}
            wanted = lyapunov(paper_step, values, drawn["lambda1"], second)[entry]
            ratio = evaluate(candidate, values) / wanted - 1
            found.append(abs(int(ratio.p) / int(ratio.q)))
        return found

    return order_of(name, errors, order)


LAMBDA = sympy.Symbol("lambda")


def derived_variance(rule: Optimizer, entry: Entry, units: int) -> Derived:
    """An entry of the derived variance in the paper's units; `units` counts the positions in it."""
    return lambda: stationary_variance(rule)[entry].subs("z", H * LAMBDA) * H**units


def variance_claim(
    rule: Optimizer, statement: str, formula: Formula, extra: tuple[str, ...] = ()
) -> Claim:
    """The stationary variance of a rule for noise of variance 1; `extra` names its parameters."""
    return Claim(
        statement=statement,
        printed=formula,
        checks=(
            identical(
                "solution of the derived Lyapunov equation", derived_variance(rule, (0, 0), 2)
            ),
            *moment_checks(declared_step(rule), (0, 0), modes=1, extra=extra),
        ),
        expected=Verdict.CONFIRMED,
    )
