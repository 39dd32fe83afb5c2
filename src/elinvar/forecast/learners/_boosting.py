"""Boosted trees, grown by LightGBM and kept as plain arrays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Columns, Floats, Sample
from elinvar.forecast.learners._trees import TreeEnsemble

if TYPE_CHECKING:
    import lightgbm


@dataclass(frozen=True, kw_only=True)
class Boosting:
    """Gradient-boosted trees, by squared error or log loss.

    Parameters
    ----------
    name : str
    n_trees : int
        Trees; for more than two classes, trees of each.
    n_leaves : int
        Leaves of a tree.
    learning_rate : float
        Share of each tree that is taken.
    min_rows : int
        Fewest rows of a leaf.

    References
    ----------
    G. Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", NeurIPS 2017.
    """

    name: str = "boosting"
    n_trees: int = 100
    n_leaves: int = 31
    learning_rate: float = 0.1
    min_rows: int = 20

    def fit(self, sample: Sample, start: Floats | None = None) -> "LearntTrees":
        """Learn from rows.

        Parameters
        ----------
        sample : Sample
        start : (n, n_outputs) array, optional
            Log-odds of each row to start from, for classes.
        """
        options = {
            "num_leaves": self.n_leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_rows,
        }
        return grow(sample, self.n_trees, options, start)


@dataclass(frozen=True, kw_only=True, eq=False)
class LearntTrees:
    """Trees, and what stands for values that were never missing in training.

    Attributes
    ----------
    columns : Columns
    fill : (n_features,) array
        Mean of each feature without missing values; NaN where trees learnt what missing means.
    trees : TreeEnsemble
    n_classes : int
        0: trees add up to the target; otherwise to log-odds.
    """

    columns: Columns
    fill: Floats
    trees: TreeEnsemble
    n_classes: int

    def predict(self, X: Floats) -> Floats:
        """Predict rows: numbers (n, 1), or probabilities (n, n_classes).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        raw = self.raw(X)
        return probabilities(raw) if self.n_classes else raw

    def raw(self, X: Floats) -> Floats:
        """Return numbers (n, 1), or log-odds (n, 1) of the second class or (n, n_classes).

        Parameters
        ----------
        X : (n, n_columns) array
        """
        codes = self.columns.codes(X)
        return self.trees.predict(np.where(np.isnan(codes), self.fill, codes))

    def entries(self) -> dict[str, object]:
        """Return it as JSON can write it."""
        return {
            "kind": "trees",
            "groups": self.columns.groups.tolist(),
            "categorical": self.columns.categorical.tolist(),
            "fill": [None if np.isnan(value) else value for value in self.fill.tolist()],
            "trees": self.trees.entries(),
            "n_classes": self.n_classes,
        }

    @classmethod
    def read(cls, entries: Reader) -> "LearntTrees":
        """Return what `entries` has written.

        Raises
        ------
        ModelFileError
            If it is damaged.
        """
        trees = TreeEnsemble.read(entries.inner("trees"))
        n_classes = entries.whole("n_classes")
        outputs = n_classes if n_classes > 2 else 1
        entries.must(trees.n_outputs == outputs, "n_outputs", str(outputs))
        groups = entries.wholes("groups")
        features = np.unique(groups)
        known = np.array_equal(features, np.arange(trees.n_features))
        entries.must(known and (np.diff(groups) >= 0).all(), "groups", "the columns' features")
        n = len(features)
        columns = Columns(
            features=tuple(f"x{j}" for j in range(n)),
            groups=groups,
            categorical=entries.flags("categorical", length=n),
        )
        fill = entries.numbers("fill", length=n, missing=True)
        return cls(columns=columns, fill=fill, trees=trees, n_classes=n_classes)


def probabilities(raw: Floats) -> Floats:
    """Return probabilities (n, n_classes) from log-odds, (n, 1) for two classes.

    Parameters
    ----------
    raw : (n, 1) or (n, n_classes) array
    """
    from scipy.special import softmax

    if raw.shape[1] == 1:
        raw = np.hstack([np.zeros_like(raw), raw])
    found: Floats = softmax(raw, axis=1)
    return found


def grow(
    sample: Sample, n_trees: int, options: dict[str, Any], start: Floats | None
) -> LearntTrees:
    """Return trees of numbers, or of log odds from a start on.

    Parameters
    ----------
    sample : Sample
    n_trees : int
    options : dict
        Of LightGBM.
    start : (n, n_outputs) array or None
    """
    fill, data = sample.once("bins", _bins)
    if sample.n_classes:
        trees = _train(data, sample, sample.y, n_trees, options, start)
    else:
        # LightGBM's targets are single precision: about their mean they lose nothing that matters
        mean, sd = float(np.mean(sample.y)), float(np.std(sample.y))
        if sd > 0:
            target = (sample.y - mean) / sd
            trees = _train(data, sample, target, n_trees, options, None).moved(sd, mean)
        else:
            trees = TreeEnsemble.constant(len(fill), mean)
    return LearntTrees(columns=sample.columns, fill=fill, trees=trees, n_classes=sample.n_classes)


def _train(
    data: "lightgbm.Dataset",
    sample: Sample,
    target: Floats,
    n_trees: int,
    options: dict[str, Any],
    start: Floats | None,
) -> TreeEnsemble:
    import lightgbm

    objective = {0: "regression", 2: "binary"}.get(sample.n_classes, "multiclass")
    if sample.n_classes > 2:
        options = options | {"num_class": sample.n_classes}
    # one thread, in one order: folds run beside each other, and the same seed gives the same trees
    fixed = {"objective": objective, "verbose": -1, "num_threads": 1, "deterministic": True}
    data.set_label(target).set_weight(sample.weight / sample.weight.mean())
    # not `set_init_score`, which leaves those of the fit before where there are none
    data.set_field("init_score", None if start is None else start.ravel(order="F"))
    booster = lightgbm.train(fixed | options | _BINNING, data, num_boost_round=n_trees)
    if booster.num_trees() == 0:
        return TreeEnsemble.constant(booster.num_feature(), 0.0)
    return TreeEnsemble.from_booster(booster)


# sparse and bundled columns save nothing here, and the order of sums must not depend on timing
_BINNING = {"force_col_wise": True, "enable_bundle": False, "feature_pre_filter": False}


def _bins(sample: Sample) -> "tuple[Floats, lightgbm.Dataset]":
    import lightgbm

    codes = sample.columns.codes(sample.X)
    missing = np.isnan(codes).any(axis=0) | sample.columns.categorical
    fill = np.where(missing, np.nan, codes.mean(axis=0))
    data = lightgbm.Dataset(
        codes,
        label=np.zeros(sample.n_rows),
        categorical_feature=np.flatnonzero(sample.columns.categorical).tolist(),
        params=_BINNING | {"verbose": -1, "num_threads": 1},
        free_raw_data=False,
    )
    return fill, data.construct()
