"""A commented draft of claims, which stands as it is: two of heavy ball."""

from __future__ import annotations

import re
from pathlib import Path

from verify.running.files import write_whole

TEMPLATE = r"""# Claims of your own. 'undertow verify @FILE@' derives each formula again, runs the
# optimizer, and exits 1 unless each verdict is the one expected below: confirmed (true as read),
# derived (true, and nobody has read it), corrected (wrong as read; formula.right has the right
# one), refuted (wrong) or open (undecided).
# Text stands between quotes; LaTeX between single quotes, where a backslash is a backslash.
# Each claim begins with [[claim]]; there may be as many as you like, of any order.

[[claim]]
id = "@ID@"
# closeness: the iterates stay close to what the formula gives (at order = 1).
# equality: the formula is the quantity (at any order).
# limit, inequality, threshold, existence: an example of each stands below.
type = "closeness"
# $...$ is LaTeX. Each {slot} is a field below, and is checked: {formula}, and of a closeness
# {order} (claimed_order), {when} and {losses}. Nothing is asserted between them.
statement = '''Heavy ball is {order}-close {when} to the gradient flow, at its own speed, of
$E{+formula}\lVert\nabla E\rVert^2$, for {losses}.'''
expected = "confirmed"

[claim.source]
key = "mypaper2026"            # a BibTeX key
where = "equation (5)"
known = "read"                 # or second-hand (with text = where), recalled, lost, ours
quote = 'the modified loss'    # some words of the source, where it was read
# bibtex = '@misc{mypaper2026, title = {My paper}, author = {Me}, year = {2026}}'

[claim.formula]
# In text: * / ** or ^, and sums as Sum(expr, (r, 0, k)). Or as LaTeX:
# printed_latex = '\frac{h(1+\beta)}{4(1-\beta)^2}'
printed = "h*(1 + beta)/(4*(1 - beta)**2)"
assumptions = ["0 <= beta", "beta < 1", "h > 0"]
# For a formula that is wrong as printed (or right_latex):
# right = "h*(1 + beta)/(4*(1 - beta)**2)"
# because = 'the square was lost.'
# counterexample = '$E = x^4/4 + x^2/2$, $\beta = 1/2$: the observed order is 1.'
# condition = 'The start-up is over.'

[claim.about]
# A name of 'undertow optimizers', or file.py:rule with an @optimizer function of yours.
optimizer = "heavy-ball"
# set = { beta = "9/10" }      # parameters with a fixed value
#
# modified-loss            what stands beside |grad E|^2 in E + ...
# modified-loss-unscaled   the same in the loss whose gradient is -x'
# transient-factor         gamma_k: what multiplies the lasting h^1 term on [kh, (k+1)h]; no h in it
# initial-shift            the multiple of grad E(x_0) by which the lasting flow starts beside x_0
# discrete-modified-loss   what stands beside |grad E|^2 in S, x_(k+1) = x_k - h scale grad S(x_k)
# modified-flow            what stands beside derivatives of E in x'; also transient, one-step-map
quantity = "modified-loss"
order = 1                      # the power of h; where several trees share it, add tree = "[[],[]]"
claimed_order = 2              # of a closeness: the distance to the iterates vanishes like h^2
when = "after start up"        # or "every step"
losses = "every"               # or "quadratic", or "line": one variable
# domain = ["-1 < beta", "beta < 1"]   # with {domain} in the statement: there and not beyond

[claim.notation]               # the paper's names on the left
# lr = "h"
# mu = "beta"

[[claim]]
id = "@ID@-next"
type = "equality"
statement = 'The flow of heavy ball has the term ${formula}\,\nabla^2E\,\nabla^2E\,\nabla E$.'
expected = "derived"
source = { key = "mypaper2026", where = "equation (6)", known = "ours" }
formula = { printed = "-h**2*(1 + 4*beta + beta**2)/(3*(1 - beta)**5)" }
about = { optimizer = "heavy-ball", quantity = "modified-flow", order = 2, tree = "[[[]]]" }

[[claim]]
id = "@ID@-limit"
type = "limit"
# The left side is formula.left with its about.symbols, or about.quantity of an optimizer as here.
# It is the formula up to {error}, which is O(h^2) for error = 2; to = "infinity" is an end too.
statement = '''Heavy ball has ${formula}$ beside $\lVert\nabla E\rVert^2$, up to {error} as
{regime}.'''
expected = "derived"
source = { key = "mypaper2026", where = "section 3", known = "ours" }
formula = { printed = "h*(1 + 3*beta)/4" }
[claim.about]
optimizer = "heavy-ball"
quantity = "modified-loss"
variable = "beta"
to = "0"
error = 2

[[claim]]
id = "@ID@-bound"
type = "inequality"
# Tried at points of the assumptions, and close to where both sides meet, which shows it is sharp.
statement = 'With $w:={left}$, $w{relation}{formula}$, and both sides meet at {sharp}.'
expected = "derived"
source = { key = "mypaper2026", where = "section 4", known = "ours" }
formula = { left = "1/(1 - a)", printed = "1 + a", assumptions = ["0 <= a < 1"] }
about = { symbols = ["a"], relation = ">=", equal_at = { a = 0 } }

[[claim]]
id = "@ID@-threshold"
type = "threshold"
# property: settles, stays bounded, or keeps its side (does not oscillate), on a quadratic whose
# curvature is L.
statement = 'On $E:=\frac L2x^2$ heavy ball {property} for $h{relation}{formula}$.'
expected = "derived"
source = { key = "mypaper2026", where = "section 5", known = "ours" }
formula = { printed = "2*(1 + beta)/L" }
about = { optimizer = "heavy-ball", variable = "h", relation = "<", property = "settles" }

[[claim]]
id = "@ID@-existence"
type = "existence"
# claimed_order: the power of h at which there is no such loss any more; none below it.
statement = 'The flow of heavy ball is the gradient of a loss below {order}, and not at it.'
expected = "derived"
source = { key = "mypaper2026", where = "section 6", known = "ours" }
about = { optimizer = "heavy-ball", quantity = "modified-loss", claimed_order = 2 }
"""


def write_template(path: Path, *, force: bool = False) -> None:
    """Write a commented draft that stands as it is: two claims of heavy ball.

    Raises:
        BadInput: the file exists and `force` is not set, or it cannot be written.
    """
    name = re.sub(r"[^\w-]+", "-", path.stem).strip("-")
    identity = f"mypaper2026.{name or 'modified-loss'}"
    text = TEMPLATE.replace("@ID@", identity).replace("@FILE@", path.name)
    write_whole(path, text, force=force)
