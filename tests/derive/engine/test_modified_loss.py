"""The loss behind a field: its terms, and where it stops existing."""

from derive import discrete_modified_loss, heavy_ball, modified_loss, tree
from derive.language.coefficients import Ring

RING = Ring(("beta",))
BETA = RING.parameter("beta")
W = 1 / (1 - BETA)


def test_modified_loss_of_heavy_ball():
    loss = modified_loss(heavy_ball, order=3)
    assert loss.scale == W
    assert loss.terms[tree("[[]]")] == (1 + BETA) / (4 * (1 - BETA) ** 2)
    assert loss.exists_below == 3
    (obstruction,) = loss.obstructions
    assert set(obstruction.values) == {tree("[[],[]]"), tree("[[[]]]")}


def test_on_its_slow_manifold_heavy_ball_is_gradient_descent_on_a_modified_loss():
    assert discrete_modified_loss(heavy_ball, order=7).obstructions == ()
