"""Parts of the rows that are left out in turn: whole environments."""

import numpy as np

from elinvar.forecast._sample import Places, Sample


def environment_folds(sample: Sample, *, most: int, seed: int) -> list[Places]:
    """Return environments in groups that have about equally many rows.

    Environments are dealt by size, the largest first, each to the group with the fewest rows; a
    seed decides between environments of one size.

    Parameters
    ----------
    sample : Sample
    most : int
        Most groups.
    seed : int

    Returns
    -------
    list of arrays of int
        Codes of the environments of each group, sorted; environments without rows in none.
    """
    rows = np.bincount(sample.codes)
    order = np.random.default_rng(seed).permutation(len(rows))
    order = order[np.argsort(-rows[order], kind="stable")]
    present = order[rows[order] > 0]
    folds: list[list[int]] = [[] for _ in range(min(most, len(present)))]
    load = np.zeros(len(folds))
    for environment in present:
        lightest = int(load.argmin())
        folds[lightest].append(environment)
        load[lightest] += rows[environment]
    return [np.sort(np.array(fold, dtype=np.intp)) for fold in folds]
