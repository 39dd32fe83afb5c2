"""The learners of a mixture, unless others are asked for."""

from elinvar.forecast._sample import Columns
from elinvar.forecast.learners import Additive, Boosting, Forest, Learner, Logistic, OnResiduals


def default_learners(n_classes: int, columns: Columns) -> tuple[Learner, ...]:
    """Return the learners that are weighed against each other.

    Parameters
    ----------
    n_classes : int
        0: the target is a number.
    columns : Columns
    """
    small = Boosting(name="boosting, small trees", n_leaves=8)
    large = Boosting(name="boosting, large trees", n_leaves=31)
    if n_classes:
        bends = Logistic(name="logistic curves", n_knots=4, ridge=0.003)
        fewer = Boosting(n_leaves=8, n_trees=30)
        return (
            Logistic(),
            Logistic(name="shrunk logistic", ridge=0.03),
            bends,
            OnResiduals(name="logistic curves + boosting", base=bends, trees=fewer),
            small,
            Forest(),
        )
    lines = Additive(name="least squares")
    curves = Additive(name="curves", n_knots=4, ridge=0.003)
    return (
        lines,
        Additive(name="random intercept", level="random"),
        curves,
        OnResiduals(name="curves + boosting", base=curves, trees=small),
        OnResiduals(name="least squares + boosting", base=lines, trees=small),
        small,
        large,
        Forest(),
    )
