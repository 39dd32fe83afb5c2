"""Twenty schools, simulated: effects that stay, that keep their sign, and that change."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._check import generator
from elinvar.datasets._dataset import Dataset
from elinvar.datasets._known import Rng, check_counts

if TYPE_CHECKING:
    import pandas as pd

# mean and sd of the feature, and mean and sd between schools of its effect on the score
_LAWS = {
    "homework_hours": (6.0, 2.0, 1.5, 0.0),
    "days_present": (170.0, 8.0, 0.4, 0.03),
    "books_at_home": (3.0, 1.0, 2.0, 0.5),
    "group_size": (25.0, 4.0, 0.0, 0.5),
    "shoe_size": (38.0, 2.0, 0.0, 0.0),
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SchoolsDataset(Dataset):
    """Simulated pupils, with the effects that made their scores.

    Attributes
    ----------
    effects : DataFrame
        The true effect of every feature, a column each, in every school, a row each.
    """

    effects: "pd.DataFrame"


def make_schools(*, n_schools: int = 20, n_pupils: int = 250, rng: Rng) -> SchoolsDataset:
    r"""Draw pupils of several schools, in which some effects on a score are the same and some not.

    With school e and features j, all of them independent,

    .. math::
        y = 50 + a_e + \sum_j b_{ej} (x_j - \mu_j) + 6 \varepsilon, \quad
        b_{ej} \sim N(\beta_j, \tau_j^2), \quad a_e \sim N(0, 5^2).

    Hours of homework raise the score by 1.5 each, in every school; a day of presence by .4,
    give or take .03; a shelf of books by 2, give or take .5; larger groups raise it in some schools
    and lower it in others (0, give or take .5); the size of shoes has no effect. Schools also
    differ in the means and spreads of their pupils' features, which puts effects to the test.

    Parameters
    ----------
    n_schools, n_pupils : int, at least 2
        Schools, and pupils in each.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    SchoolsDataset

    Raises
    ------
    DataError
        If there are fewer than two schools or pupils.

    Examples
    --------
    >>> make_schools(rng=0)
    SchoolsDataset(schools: 5,000 rows, target 'score', 20 environments by 'school', 5 features)
    """
    import pandas as pd

    check_counts(n_schools=n_schools, n_pupils=n_pupils)
    rng = generator(rng)
    centre, scale, mean, spread = np.array(list(_LAWS.values())).T
    names = [f"school {k}" for k in range(1, n_schools + 1)]
    shape = (n_schools, len(_LAWS))
    effects = mean + spread * rng.standard_normal(shape)
    shift, stretch = rng.standard_normal(shape), np.exp(0.3 * rng.standard_normal(shape))
    level = 5.0 * rng.standard_normal(n_schools)
    drawn = shift[:, None] + stretch[:, None] * rng.standard_normal((n_schools, n_pupils, 5))
    x = scale * drawn.reshape(-1, len(_LAWS))
    school = np.repeat(np.arange(n_schools), n_pupils)
    noise = 6.0 * rng.standard_normal(len(school))
    score = 50.0 + level[school] + (effects[school] * x).sum(axis=1) + noise
    frame = pd.DataFrame(centre + x, columns=list(_LAWS))
    return SchoolsDataset(
        name="schools",
        frame=frame.assign(score=score, school=np.array(names)[school]),
        target="score",
        environment="school",
        features=tuple(_LAWS),
        attribution="Simulated.",
        description="Pupils of several schools, drawn at random: no such school exists.",
        effects=pd.DataFrame(effects, index=names, columns=list(_LAWS)),
    )
