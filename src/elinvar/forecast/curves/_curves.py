"""The curve of each feature: what the forecast makes of it, and what environments' own rows say."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from elinvar.forecast._sample import Floats, Sample
from elinvar.forecast.curves._deviations import Deviations, Residuals, deviations
from elinvar.forecast.curves._shape import Shape, shape_of
from elinvar.forecast.mixture import balanced

# rows that are put at each point of a curve, and rows that deviations are learnt from
_AVERAGED = 200
_MOST_ROWS = 20_000
_NEW, _OWN = 0.95, 1.96


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """What a forecast makes of a feature, and how environments differ in it.

    Attributes
    ----------
    feature : int
    outcome : int
        Class whose log odds they are on; 0 where the target is a number.
    x : (G,) array
        Values, or positions of levels.
    common : (G,) array
        Partial dependence: the mean prediction (of classes, log odds) if all rows had this value,
        about its own mean.
    low, high : (G,) array
        Where the curve of a new environment lies with 90%.
    each, each_low, each_high : (E, G) array
        Of each environment, the common curve and what its own rows say beside it and beside what
        all have in common, with 95% intervals.
    size : float
        Standard deviation over rows of the common curve.
    spread : float
        Typical distance of an environment's curve from the common one; NaN with one environment.
    share : float
        Part of the error in a new environment that is due to this feature's curve being another;
        NaN with one environment.
    """

    feature: int
    outcome: int
    x: Floats
    common: Floats
    low: Floats
    high: Floats
    each: Floats
    each_low: Floats
    each_high: Floats
    size: float
    spread: float
    share: float

    @property
    def reach(self) -> float:
        """How much the feature moves predictions in a place: size and spread together."""
        return float(np.hypot(self.size, np.nan_to_num(self.spread)))


def feature_curves(
    sample: Sample,
    score: Callable[[Floats], Floats],
    residuals: Residuals,
    error: float,
    *,
    seed: int,
    outcome: int = 0,
) -> list[Curve]:
    """Return the curves of the features that vary, those that matter most anywhere first.

    Parameters
    ----------
    sample : Sample
    score : callable
        Predictions (n,) for columns of numbers (n, n_columns); of classes log odds.
    residuals : Residuals
        Of environments left out.
    error : float
        Mean squared error of environments left out; of classes twice the mean log loss.
    seed : int
        Of the rows that are looked at, where there are many.
    outcome : int
        Class that ``score`` and ``residuals`` speak of.

    Notes
    -----
    The common curve is the partial dependence of Friedman (2001), of whatever predicts, with
    interactions averaged out. An environment's own curve adds the posterior mean of its
    deviation (`elinvar.forecast.curves._deviations`), which is 0 where chance explains it.
    """
    rng = np.random.default_rng(seed)
    E = int(sample.codes.max()) + 1
    weight = balanced(sample)
    few = rng.choice(sample.n_rows, min(_AVERAGED, sample.n_rows), replace=False, p=weight)
    many = np.arange(sample.n_rows)
    if sample.n_rows > _MOST_ROWS:
        many = np.sort(rng.choice(sample.n_rows, _MOST_ROWS, replace=False))
    part, kept = sample.rows(many), weight[many] / weight[many].sum()
    found = [shape_of(part, kept, j) for j in range(len(sample.columns.features))]
    shapes = [shape for shape in found if shape is not None]
    apart = None
    if len(np.unique(part.codes)) > 1 and shapes:
        ours = Residuals(
            value=residuals.value[many],
            precision=residuals.precision[many],
            fixed=residuals.fixed,
        )
        apart = deviations(part, ours, shapes, E)
    curves = [
        _curve(shape, _dependence(sample.X[few], score, shape), apart, k, E, error, outcome)
        for k, shape in enumerate(shapes)
    ]
    return sorted(curves, key=lambda curve: -curve.reach)


def _dependence(X: Floats, score: Callable[[Floats], Floats], shape: Shape) -> Floats:
    """Return the mean score with all rows at each point."""
    asked = np.repeat(X[None], len(shape.x), axis=0)
    for point, rows in enumerate(asked):
        shape.place(rows, point)
    scores = score(asked.reshape(-1, X.shape[1]))
    return np.asarray(scores.reshape(len(shape.x), len(X)).mean(axis=1))


def _curve(
    shape: Shape,
    common: Floats,
    apart: Deviations | None,
    k: int,
    E: int,
    error: float,
    outcome: int,
) -> Curve:
    common = common - shape.share @ common
    size = float(np.sqrt(shape.share @ common**2))
    each, half = np.tile(common, (E, 1)), np.full((E, len(common)), np.nan)
    band = np.full(len(common), np.nan)
    spread = share = np.nan
    if apart is not None:
        part = apart.parts[k]
        each = each + apart.mean[:, part] @ shape.at.T
        cov = apart.cov[:, part, part]
        half = _OWN * np.sqrt(np.einsum("gi,eij,gj->eg", shape.at, cov, shape.at))
        between = shape.at**2 @ apart.variance[part]
        band = stdtrit(E - 1, _NEW) * np.sqrt(between)
        spread = float(np.sqrt(shape.share @ between))
        # where features go together, what one takes another may give back; what is missed alike
        # in all environments is no difference
        share = max(float(apart.part[part].sum()), 0.0) if spread > 0 else 0.0
    return Curve(
        feature=shape.feature,
        outcome=outcome,
        x=shape.x,
        common=common,
        low=common - band,
        high=common + band,
        each=each,
        each_low=each - half,
        each_high=each + half,
        size=size,
        spread=spread,
        share=min(share / error, 1.0) if error > 0 else share,
    )
