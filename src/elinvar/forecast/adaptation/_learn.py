"""What environments teach about a new one: priors, and what rows labelled there would buy."""

from collections.abc import Sequence

import numpy as np

from elinvar.forecast._sample import Floats, Mask, Places
from elinvar.forecast.adaptation._adaptation import Adaptation
from elinvar.forecast.adaptation._curves import COUNTS, FEWEST_ROWS, filled_in, try_out
from elinvar.forecast.adaptation._expected import Expected
from elinvar.forecast.adaptation._outcomes import mean_loss, outcomes
from elinvar.forecast.adaptation._prior import Start, learn_prior
from elinvar.forecast.adaptation._sums import Rows, Sums, class_sums, no_rows
from elinvar.forecast.adaptation._terms import Terms, kinds_of_difference

# more of them change no variance that could be told
_MOST_ENVIRONMENTS = 100
_MOST_ROWS = 1000
# classes: rounds of the quadratic that stands for rows, and of the search in between
_TOUCHES, _BETWEEN = 3, 20
# how fast a kind of difference that predicts worse loses its weight, an environment
_TRUST = 1.0
_TRUST_CLASSES = 4.0


def learn_adaptation(
    X: Floats,
    y: Floats,
    codes: Places,
    left_out: Floats,
    learners: Floats,
    *,
    weight: Floats | None = None,
    columns: Sequence[str],
    categorical: Mask,
    learner_names: Sequence[str] = (),
    n_classes: int = 0,
    bending: bool = True,
    seed: int = 0,
) -> Adaptation | None:
    """Learn from training environments what may differ in a new one.

    Parameters
    ----------
    X : (n, n_columns) array
        NaN where a value is missing.
    y : (n,) array
        Target: numbers, or positions of classes.
    codes : (n,) array of int
        Environment of each row.
    left_out : (n, k) array
        Forecast of each row by a fit without its environment.
    learners : (n, M, k) array
        The same by each learner that the forecast is made of; M may be 0.
    weight : (n,) array, optional
    columns, categorical : names of the columns of X, and which of them are of categories
    learner_names : sequence of str, of length M
    n_classes : int
        0: the target is a number.
    bending : bool
        Whether effects of features may bend otherwise in a new place, if the target is a number.
    seed : int
        Decides which rows are labelled where it is tried what they buy, and which are looked at if
        there are very many.

    Returns
    -------
    Adaptation or None
        None with fewer than two environments of 20 rows: nothing is known of a third.
    """
    rng = np.random.default_rng(seed)
    kept = _looked_at(codes, rng)
    if kept is None:
        return None
    X, y, left_out, learners = X[kept], y[kept], left_out[kept], learners[kept]
    codes, weight = codes[kept], None if weight is None else weight[kept]
    offset, apart = outcomes(left_out, n_classes), outcomes(learners, n_classes)
    terms = Terms.of(
        X,
        offset,
        apart,
        columns=columns,
        categorical=categorical,
        learner_names=learner_names,
        # log odds of a few rows tell slopes at best
        bending=bending and not n_classes,
    )
    places = []
    for e in np.unique(codes):
        at = codes == e
        own = None if weight is None else weight[at]
        places.append(Rows.of(terms, X[at], left_out[at], learners[at], y[at], own, n_classes))
    return _from_places(terms, places, n_classes, rng)


def _from_places(
    terms: Terms, places: Sequence[Rows], n_classes: int, rng: np.random.Generator
) -> Adaptation:
    differs, kinds = kinds_of_difference(terms.kinds), terms.kinds
    sums = _sums_of(places, kinds, n_classes)
    learnt = [learn_prior(sums, kinds, inside, classes=bool(n_classes)) for inside in differs]
    starts = [start for _, start in learnt]
    trials = try_out(places, sums, kinds, differs, starts, n_classes=n_classes, rng=rng)
    each = np.broadcast_to(
        np.vstack([np.zeros(len(differs)), np.eye(len(differs))]),
        (len(COUNTS), len(differs) + 1, len(differs)),
    )
    losses = np.stack([trial.losses(each) for trial in trials])
    weights = _weights(losses, _TRUST_CLASSES if n_classes else _TRUST)
    mixed = np.stack([trial.losses(weights[:, None, 1:])[:, 0] for trial in trials])
    # of the same rows, so that the curve starts where nothing is adapted
    relative = filled_in(mixed) - filled_in(losses[:, :, 0])
    alone = [mean_loss(rows.forecast, rows.y, n_classes) for rows in places]
    logs = np.log(np.maximum(alone, 1e-300))[:, None] + np.insert(relative, 0, 0.0, axis=1)
    return Adaptation(
        terms=terms,
        priors=tuple(prior for prior, _ in learnt),
        weights=weights,
        expected=Expected.of(logs, np.array([0.0, *COUNTS]), classes=bool(n_classes)),
        n_classes=n_classes,
    )


def _weights(losses: Floats, trust: float) -> Floats:
    """Weigh kinds of difference (E, H, C) by their mean log error, numbers of rows smoothed."""
    gains = np.stack([filled_in(one) for one in np.moveaxis(losses, 2, 0)])
    mean = (gains - gains[:1]).mean(axis=1).T
    padded = np.pad(mean, ((1, 1), (0, 0)), mode="edge")
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    power = -trust * len(losses) * smooth
    weights = np.exp(power - power.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _sums_of(places: Sequence[Rows], kinds: Places, n_classes: int) -> list[Sums]:
    """Return the sums of each environment; of classes, at the fit that the prior asks for."""
    if not n_classes:
        return [rows.sums() for rows in places]
    every = np.ones(len(kinds), dtype=np.bool_)
    variances = np.full(len(kinds), 0.1)
    start: Start | None = None
    for _ in range(_TOUCHES):
        empty = no_rows(places[0].y.shape[1], len(kinds))
        sums = [class_sums(rows, variances, empty) for rows in places]
        prior, start = learn_prior(sums, kinds, every, classes=True, start=start, rounds=_BETWEEN)
        variances = prior.variances
    return sums


def _looked_at(codes: Places, rng: np.random.Generator) -> Places | None:
    """Return rows of environments that are large enough, not too many of either."""
    present, count = np.unique(codes, return_counts=True)
    enough = present[count >= FEWEST_ROWS]
    if len(enough) < 2:
        return None
    some = rng.permutation(enough)[:_MOST_ENVIRONMENTS]
    kept = [rng.permutation(np.flatnonzero(codes == e))[:_MOST_ROWS] for e in np.sort(some)]
    return np.concatenate(kept)
