"""The fit of a mixture: every learner without each part of the environments, weights, a refit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from elinvar.forecast._sample import Floats, Mask, Places, Sample
from elinvar.forecast.learners import Learner, Learnt, learn
from elinvar.forecast.mixture._blend import Blend, sharpened
from elinvar.forecast.mixture._folds import environment_folds
from elinvar.forecast.mixture._margin import Margin
from elinvar.forecast.mixture._weights import mixture_weights, sharpness

# each fold is a fit of all learners; more of them changed no error that could be told from noise
_FOLDS = 5

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture(Blend):
    """A weighted mean of learners, and how each did on rows of environments it did not see.

    Attributes
    ----------
    folds : list of arrays of int
        Environments that were left out together; with one environment empty, and then rows were
        left out at random, which says nothing of a new place.
    left_out : (n, M, k) array
        Predictions of each row by fits without its environment.
    left_out_mixture : (n, k) array
        The same, weighted.
    """

    folds: list[Places]
    left_out: Floats
    left_out_mixture: Floats


def fit_mixture(
    sample: Sample,
    learners: Sequence[Learner],
    *,
    seed: int,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Mixture:
    """Fit learners and weigh them.

    Parameters
    ----------
    sample : Sample
    learners : sequence of Learner
    seed : int
        Decides which environments of one size are left out together.
    n_jobs : int, optional
        Fits beside each other, as joblib counts them.
    progress : callable, optional
        Called with the fits that are done and their number.
    """
    folds = environment_folds(sample, most=_FOLDS, seed=seed)
    parts = _parts(sample, folds, seed)
    inside = [*[~part for part in parts], np.ones(sample.n_rows, dtype=np.bool_)]
    fits = _fit_all(sample, learners, inside, n_jobs, progress)
    left_out = np.zeros((sample.n_rows, len(learners), max(sample.n_classes, 1)))
    for part, learnt in zip(parts, fits, strict=False):
        left_out[part] = np.stack([one.predict(sample.X[part]) for one in learnt], axis=1)
    weights = mixture_weights(sample, left_out)
    mixed = np.einsum("m,nmk->nk", weights, left_out)
    power = sharpness(sample, mixed)
    numbers = len(folds) > 1 and not sample.n_classes
    return Mixture(
        names=tuple(learner.name for learner in learners),
        weights=weights,
        sharpness=power,
        margin=Margin.of(sample, mixed[:, 0]) if numbers else None,
        learnt=fits[-1],
        folds=folds if len(folds) > 1 else [],
        left_out=left_out,
        left_out_mixture=sharpened(mixed, power),
    )


def _parts(sample: Sample, folds: list[Places], seed: int) -> list[Mask]:
    """Return the rows that are left out together; rows at random if there is one environment."""
    if len(folds) > 1:
        return [np.isin(sample.codes, fold) for fold in folds]
    dealt = np.random.default_rng(seed).permutation(sample.n_rows) % _FOLDS
    return [dealt == fold for fold in range(min(_FOLDS, sample.n_rows))]


def _fit_all(
    sample: Sample,
    learners: Sequence[Learner],
    inside: list[Mask],
    n_jobs: int | None,
    progress: Progress | None,
) -> list[tuple[Learnt, ...]]:
    from joblib import Parallel, delayed

    # threads: learners spend their time in compiled code, and rows need not be copied
    results = Parallel(n_jobs=n_jobs, backend="threading", return_as="generator")(
        delayed(_fit_part)(sample, learners, rows) for rows in inside
    )
    fits = []
    for learnt in results:
        fits.append(learnt)
        if progress is not None:
            progress(len(fits), len(inside))
    return fits


def _fit_part(sample: Sample, learners: Sequence[Learner], rows: Mask) -> tuple[Learnt, ...]:
    part = sample.rows(rows)
    return tuple(learn(learner, part) for learner in learners)
