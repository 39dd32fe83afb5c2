"""Trees as plain arrays: what boosting and forests learnt, predicted without their library."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Floats, Mask, Places

if TYPE_CHECKING:
    import lightgbm

# rows that walk down a tree together: they fit in a core's own memory
_CHUNK = 4096
# bits of LightGBM's decision_type
_CATEGORICAL, _DEFAULT_LEFT = 1, 2


@dataclass(frozen=True, kw_only=True, eq=False)
class TreeEnsemble:
    """A sum of binary trees.

    Attributes
    ----------
    n_features : int
    n_outputs : int
        Tree t adds to output t modulo n_outputs.
    feature : (n_splits,) array of int
        Feature that a split asks.
    threshold : (n_splits,) array
        Values up to it go left. NaN: a split of categories.
    missing_left : (n_splits,) array of bool
        Whether NaN goes left.
    left, right : (n_splits,) array of int
        The next split, or a leaf l as -1 - l; a next split comes after its own.
    categories : dict from int to tuple of int
        For a split of categories, those that go left.
    roots : (n_trees,) array of int
        First split, or leaf, of each tree.
    values : (n_leaves,) array
        What each leaf adds.
    """

    n_features: int
    n_outputs: int
    feature: Places
    threshold: Floats
    missing_left: Mask
    left: Places
    right: Places
    categories: dict[int, tuple[int, ...]]
    roots: Places
    values: Floats

    @classmethod
    def from_booster(cls, booster: "lightgbm.Booster") -> "TreeEnsemble":
        """Return the trees of a LightGBM model, which predicts the same.

        Its outputs are raw scores: log-odds, where it was trained on classes.

        Parameters
        ----------
        booster : lightgbm.Booster
        """
        head, *trees = booster.model_to_string(num_iteration=-1).split("\nTree=")
        # a forest's prediction is the mean of its trees
        n_outputs = booster.num_model_per_iteration()
        share = n_outputs / max(len(trees), 1) if "\naverage_output\n" in head else 1.0
        grown = [_Tree.read(tree.partition("\nend of trees")[0]) for tree in trees]
        splits = np.cumsum([0] + [len(tree.feature) for tree in grown])
        leaves = np.cumsum([0] + [len(tree.values) for tree in grown])
        placed = list(zip(grown, splits, leaves, strict=False))
        return cls(
            n_features=booster.num_feature(),
            n_outputs=n_outputs,
            feature=np.concatenate([tree.feature for tree in grown]),
            threshold=np.concatenate([tree.threshold for tree in grown]),
            missing_left=np.concatenate([tree.missing_left for tree in grown]),
            left=np.concatenate([_moved(tree.left, split, leaf) for tree, split, leaf in placed]),
            right=np.concatenate([_moved(tree.right, split, leaf) for tree, split, leaf in placed]),
            categories={
                int(split + node): levels
                for tree, split, _ in placed
                for node, levels in tree.categories.items()
            },
            # a tree without a split is its only leaf
            roots=np.array(
                [split if len(tree.feature) else -1 - leaf for tree, split, leaf in placed],
                dtype=np.intp,
            ),
            values=np.concatenate([tree.values for tree in grown]) * share,
        )

    @classmethod
    def constant(cls, n_features: int, value: float) -> "TreeEnsemble":
        """Return one tree that is a leaf.

        Parameters
        ----------
        n_features : int
        value : float
        """
        none = np.zeros(0, dtype=np.intp)
        return cls(
            n_features=n_features,
            n_outputs=1,
            feature=none,
            threshold=np.zeros(0),
            missing_left=np.zeros(0, dtype=np.bool_),
            left=none,
            right=none,
            categories={},
            roots=np.array([-1], dtype=np.intp),
            values=np.array([value]),
        )

    def moved(self, scale: float, shift: float) -> "TreeEnsemble":
        """Return trees of one output whose sum is that of these, times a scale, plus a shift.

        Parameters
        ----------
        scale, shift : float
        """
        # the shift is a tree of its own, a leaf
        return replace(
            self,
            roots=np.append(self.roots, -1 - len(self.values)),
            values=np.append(self.values * scale, shift),
        )

    def predict(self, X: Floats) -> Floats:
        """Return the sum over trees.

        Parameters
        ----------
        X : (n, n_features) array
            One column a feature, as `Columns.codes` has them.

        Returns
        -------
        (n, n_outputs) array
        """
        total = np.zeros((len(X), self.n_outputs))
        for start in range(0, len(X), _CHUNK):
            rows = slice(start, start + _CHUNK)
            self._add(self._asked(X[rows]), total[rows])
        return total

    def _add(self, asked: Floats, total: Floats) -> None:
        column, threshold, children, values, depths = self._walk
        width = asked.shape[1]
        offset = np.arange(len(asked)) * width
        flat = asked.ravel()
        for tree, root in enumerate(self._starts):
            node = np.full(len(asked), root)
            for _ in range(depths[tree]):
                right = flat.take(offset + column.take(node)) > threshold.take(node)
                node = children.take(2 * node + right)
            total[:, tree % self.n_outputs] += values.take(node)

    def _asked(self, X: Floats) -> Floats:
        """Return what splits compare with their thresholds.

        A split is then one comparison: of the value with NaN as infinity, of the value with NaN as
        minus infinity, or, for categories, of 0 for those that go left and 1 for all others.
        """
        missing = np.isnan(X)
        asked = [np.where(missing, np.inf, X), np.where(missing, -np.inf, X)]
        for node, levels in self.categories.items():
            asked.append(~np.isin(X[:, [self.feature[node]]], levels))
        return np.hstack(asked)

    @cached_property
    def _walk(self) -> tuple[Places, Floats, Places, Floats, list[int]]:
        """Return splits and leaves as nodes of one kind; a leaf leads to itself."""
        n, m = len(self.feature), len(self.values)
        column = np.concatenate([self.feature + self.n_features * self.missing_left, np.zeros(m)])
        threshold = np.concatenate([self.threshold, np.full(m, np.inf)])
        for at, node in enumerate(self.categories):
            column[node], threshold[node] = 2 * self.n_features + at, 0.5
        ends = np.arange(n, n + m)
        left, right = (
            np.concatenate([np.where(side >= 0, side, n - 1 - side), ends])
            for side in (self.left, self.right)
        )
        children = np.stack([left, right], axis=1).ravel()
        values = np.concatenate([np.zeros(n), self.values])
        return column.astype(np.intp), threshold, children, values, self._depths(left, right)

    @cached_property
    def _starts(self) -> Places:
        return np.where(self.roots >= 0, self.roots, len(self.feature) - 1 - self.roots)

    def _depths(self, left: Places, right: Places) -> list[int]:
        below = np.zeros(len(left), dtype=np.intp)
        # a next split comes after its own, so the last are done first
        for node in range(len(self.feature) - 1, -1, -1):
            below[node] = 1 + max(below[left[node]], below[right[node]])
        return [int(below[root]) for root in self._starts]

    def entries(self) -> dict[str, object]:
        """Return it as JSON can write it."""
        return {
            "n_features": self.n_features,
            "n_outputs": self.n_outputs,
            "feature": self.feature.tolist(),
            "threshold": [None if np.isnan(value) else value for value in self.threshold.tolist()],
            "missing_left": self.missing_left.tolist(),
            "left": self.left.tolist(),
            "right": self.right.tolist(),
            "categories": [[node, list(levels)] for node, levels in self.categories.items()],
            "roots": self.roots.tolist(),
            "values": self.values.tolist(),
        }

    @classmethod
    def read(cls, entries: Reader) -> "TreeEnsemble":
        """Return what `entries` has written, after checking that a walk down it ends in a leaf.

        Raises
        ------
        ModelFileError
            If it does not.
        """
        n_features = entries.whole("n_features", least=0)
        feature = entries.wholes("feature")
        values = entries.numbers("values")
        n, m = len(feature), len(values)
        trees = cls(
            n_features=n_features,
            n_outputs=entries.whole("n_outputs", least=1),
            feature=feature,
            threshold=entries.numbers("threshold", length=n, missing=True),
            missing_left=entries.flags("missing_left", length=n),
            left=entries.wholes("left", length=n),
            right=entries.wholes("right", length=n),
            categories=entries.sets("categories"),
            roots=entries.wholes("roots"),
            values=values,
        )
        entries.must(((feature >= 0) & (feature < n_features)).all(), "feature", "known features")
        own = np.arange(n)
        for name, side in (("left", trees.left), ("right", trees.right)):
            fits = (side >= -m) & (side < n) & ((side < 0) | (side > own))
            entries.must(fits.all(), name, "leaves, and splits that come later")
        fits = (trees.roots >= -m) & (trees.roots < n)
        entries.must(fits.all(), "roots", "splits and leaves")
        asked = set(np.flatnonzero(np.isnan(trees.threshold)).tolist())
        entries.must(asked == set(trees.categories), "categories", "the splits without threshold")
        return trees


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tree:
    """One tree as LightGBM writes it, with splits and leaves counted from 0."""

    feature: Places
    threshold: Floats
    missing_left: Mask
    left: Places
    right: Places
    categories: dict[int, tuple[int, ...]]
    values: Floats

    @classmethod
    def read(cls, text: str) -> "_Tree":
        """Read lines of key=numbers."""
        lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

        def numbers(key: str) -> Floats:
            return np.array(lines.get(key, "").split(), dtype=np.float64)

        def whole(key: str) -> Places:
            return numbers(key).astype(np.intp)

        decision, categories = whole("decision_type"), {}
        # infinite where known values go left and missing ones right
        threshold = np.minimum(numbers("threshold"), np.finfo(np.float64).max)
        bounds, words = whole("cat_boundaries"), numbers("cat_threshold").astype("<u4")
        for node in np.flatnonzero(decision & _CATEGORICAL):
            which = int(threshold[node])
            bits = words[bounds[which] : bounds[which + 1]].view(np.uint8)
            levels = np.flatnonzero(np.unpackbits(bits, bitorder="little"))
            categories[int(node)] = tuple(levels.tolist())
            threshold[node] = np.nan
        return cls(
            feature=whole("split_feature"),
            threshold=threshold,
            missing_left=(decision & _DEFAULT_LEFT) > 0,
            left=whole("left_child"),
            right=whole("right_child"),
            categories=categories,
            values=numbers("leaf_value"),
        )


def _moved(side: Places, split: int, leaf: int) -> Places:
    """Return children of a tree whose splits and leaves come after others."""
    return np.where(side >= 0, side + split, side - leaf)
