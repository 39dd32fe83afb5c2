"""What rows show and moments do not: noise that depends on a feature, rows that go together."""

from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._numbers import figure
from elinvar._base._threads import one_blas_thread
from elinvar.errors import DataError
from elinvar.inference.problem._linear import LinearProblem
from elinvar.inference.problem._sandwich import Sandwich
from elinvar.inference.tests._robust import contributions

if TYPE_CHECKING:
    from elinvar.environments import Environments, Moments

# numbers to go through for a hint, at most: of more rows every second, third, ... is looked at
_EFFORT = 2_000_000
_LARGER = 1.25
_SURE = 2.5
_LEVELS = 15


@one_blas_thread()
def row_hints(rows: "Environments", moments: "Moments | None" = None) -> tuple[str, ...]:
    """Say where a covariance from rows looks needed, and the option that takes it.

    Parameters
    ----------
    rows : Environments
        Their target is a number.
    moments : Moments, optional
        Theirs, where they are known.
    """
    return (*_same_units(rows), *_fans_out(rows, moments))


def _fans_out(rows: "Environments", moments: "Moments | None") -> list[str]:
    """Compare robust standard errors of the model of all features with the classical ones."""
    step = 1 + rows.n_rows * (1 + rows.X.shape[1]) // _EFFORT
    if step > 1:
        rows, moments = rows.take(np.arange(rows.n_rows) % step == 0), None
    # three rows a coefficient, before moments are taken for nothing
    fewest = np.bincount(rows.codes, minlength=len(rows.names)).min()
    varies = (rows.X != rows.X[:1]).any(axis=0) & ~rows.schema.reference
    if fewest < 3 * (1 + varies.sum()):
        return []
    try:
        problem = LinearProblem.from_moments(rows.moments() if moments is None else moments)
    except DataError:
        return []
    k = 1 + len(problem.columns)
    if problem.count.min() < 3 * k:
        return []
    own = Sandwich.of(rows, problem).scores(np.arange(k)[None], tested=False)
    added, classical = contributions(own)
    share = np.square(added[:, 1:]) / np.maximum(classical[1:], 1e-300)
    ratio = share.sum(axis=0)
    # what single rows add varies: the ratio is known to that
    noise = np.sqrt(np.square(share).sum(axis=0))
    sure = np.where(ratio - 1 > _SURE * noise, ratio, 0.0)
    worst = int(np.argmax(sure)) if len(sure) else 0
    if not len(sure) or sure[worst] < _LARGER**2:
        return []
    name = problem.moments.schema.columns[problem.columns[worst]]
    return [
        f"Residuals fan out with {name}: the standard error of its effect is "
        f"{figure(float(np.sqrt(ratio[worst])), 2)} times as large if the noise may depend on the "
        "features, which robust=True allows for."
    ]


def _same_units(rows: "Environments") -> list[str]:
    """Find a category that looks like the name of a unit: once in each of several environments."""
    schema, found = rows.schema, []
    for name, levels in schema.levels.items():
        if len(levels) < _LEVELS:
            continue
        mine = np.flatnonzero(schema.groups == schema.features.index(name))
        counts = np.zeros((len(rows.names), len(mine)))
        np.add.at(counts, rows.codes, rows.X[:, mine])
        present = counts > 0
        # about one row of a level in an environment, and the same level in most of them
        once = counts.sum() < 1.5 * present.sum()
        if once and present.sum() > 0.5 * present.size and len(rows.names) > 1:
            found.append(
                f"{name} looks like the name of who a row belongs to, again and again in other "
                "environments: leave it out of the features and give it as cluster."
            )
    return found
