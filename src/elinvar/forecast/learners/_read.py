"""Learners out of a model file."""

import numpy as np

from elinvar._base._reader import Reader
from elinvar.forecast.learners._additive import LearntAdditive
from elinvar.forecast.learners._boosting import LearntTrees
from elinvar.forecast.learners._classes import LearntClasses
from elinvar.forecast.learners._forest import LearntShares
from elinvar.forecast.learners._learner import Learnt
from elinvar.forecast.learners._logistic import LearntLogistic
from elinvar.forecast.learners._part import LearntPart
from elinvar.forecast.learners._residuals import LearntOnResiduals


def read_learnt(entries: Reader, *, n_columns: int, n_classes: int) -> Learnt:
    """Return what `Learnt.entries` has written; nothing of it is ever run.

    Parameters
    ----------
    entries : mapping
        As JSON has read it.
    n_columns, n_classes : int
        Columns that rows to predict will have; classes, 0 for numbers.

    Raises
    ------
    ModelFileError
        If an entry is missing or not what it must be.
    """
    kind = entries.text("kind")
    if kind == "additive":
        additive = LearntAdditive.read(entries)
        entries.must(n_classes == 0, "kind", "a learner of classes")
        entries.must(len(additive.basis.fill) == n_columns, "fill", f"a list of {n_columns}")
        return additive
    if kind == "classes":
        return _read_classes(entries, n_columns=n_columns, n_classes=n_classes)
    if kind == "logistic":
        logistic = LearntLogistic.read(entries)
        outputs = n_classes if n_classes > 2 else 1
        entries.must(len(logistic.intercept) == outputs, "intercept", f"a list of {outputs}")
        entries.must(len(logistic.basis.fill) == n_columns, "fill", f"a list of {n_columns}")
        return logistic
    if kind == "trees":
        return _read_trees(entries, n_columns=n_columns, n_classes=n_classes)
    if kind == "shares":
        entries.must(n_classes > 0, "kind", "a learner of numbers")
        own = entries.records("own", length=n_classes if n_classes > 2 else 1)
        forests = [_read_trees(one, n_columns=n_columns, n_classes=0) for one in own]
        return LearntShares(own=tuple(forests))
    if kind == "part":
        columns = entries.flags("columns", length=n_columns)
        inside = entries.inner("learnt")
        entries.must(inside.text("kind") != "part", "learnt", "a learner of another kind")
        size = {"n_columns": int(columns.sum()), "n_classes": n_classes}
        return LearntPart(columns=columns, learnt=read_learnt(inside, **size))
    if kind == "residuals":
        base, rest = entries.inner("base"), entries.inner("trees")
        # a file could nest them endlessly; a fit never does
        other = base.text("kind") not in ("residuals", "classes", "part")
        entries.must(other, "base", "a learner of another kind")
        size = {"n_columns": n_columns, "n_classes": n_classes}
        return LearntOnResiduals(base=read_learnt(base, **size), trees=_read_trees(rest, **size))
    entries.refuse("kind", "a learner that elinvar knows")


def _read_trees(entries: Reader, *, n_columns: int, n_classes: int) -> LearntTrees:
    entries.must(entries.text("kind") == "trees", "trees", "trees")
    trees = LearntTrees.read(entries)
    entries.must(trees.n_classes == n_classes, "n_classes", str(n_classes))
    entries.must(len(trees.columns.groups) == n_columns, "groups", f"a list of {n_columns}")
    return trees


def _read_classes(entries: Reader, *, n_columns: int, n_classes: int) -> LearntClasses:
    present = entries.wholes("present")
    fits = 0 < len(present) <= n_classes and present[0] >= 0 and present[-1] < n_classes
    entries.must(fits and (np.diff(present) > 0).all(), "present", "positions of classes")
    # of a single class there is nothing to learn
    inside, learnt = entries.inner("learnt"), None
    if len(present) > 1:
        other = inside.text("kind") not in ("classes", "part")
        entries.must(other, "learnt", "a learner of another kind")
        learnt = read_learnt(inside, n_columns=n_columns, n_classes=len(present))
    return LearntClasses(
        learnt=learnt,
        present=present,
        n_classes=n_classes,
        n_rows=entries.whole("n_rows", least=1),
    )
