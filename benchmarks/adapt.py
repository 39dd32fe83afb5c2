"""A few labelled rows from a new place, on real tables: what they buy, and whether it was foreseen.

    python benchmarks/adapt.py [--only numbers classes linear peers] [--quick]

Environments of a table (at most 2,500 of its rows) are left out in five groups. The forecast and
what may differ in a new place are learnt from the others; k rows of each environment left out are
labelled, the rest of it is predicted, and errors are averaged over draws of the k rows. A table's
figure is the geometric mean over environments of the error over that of pooled least squares (of
classes: logistic regression); tables count alike. Environments with fewer than k + 15 rows are
left out of the figures of k.
"""

import argparse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from _table import Row, Suite, at_least, at_most, parser, run
from elinvar import InvariantRegressor
from elinvar.datasets import load_table, table_specs
from elinvar.environments import Environments
from elinvar.forecast import Columns, Sample
from elinvar.forecast.adaptation import Adaptation, learn_adaptation
from elinvar.forecast.mixture import default_learners, environment_folds, fit_mixture

Array = NDArray[np.float64]
Places = NDArray[np.intp]
Predict = Callable[[Places, Places], Array]

COUNTS = (5, 10, 20, 50)
MOST_ROWS = 2500
LEFT = 15
POOLED, ALONE = "pooled least squares", "the mixture, not adapted"
TARGETS = {5: 0.76, 10: 0.70, 20: 0.60, 50: 0.55}


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Environments of a table left out, and what was learnt from the others."""

    train: Sample
    test: Sample
    adaptation: Adaptation | None
    forecast: Array
    learners: Array
    reference: Array

    def adapted(self, few: Places, rest: Places) -> Array:
        """Predict rows with some labelled."""
        assert self.adaptation is not None
        parts = [(self.test.X[at], self.forecast[at], self.learners[at]) for at in (few, rest)]
        known = self.adaptation.learn(self.adaptation.no_rows(), *parts[0], self.test.y[few])
        return self.adaptation.predict(known, *parts[1])


@cache
def sample_of(name: str, classes: bool) -> Sample:
    """Return a table's rows, at most 2,500 of them."""
    data = load_table(name)
    frame = data.frame
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0).sort_index()
    if classes:
        frame = frame.assign(**{data.target: frame[data.target].astype("category").cat.codes})
    rows = Environments.from_frame(
        frame,
        target=data.target,
        environment=data.environment,
        features=data.features,
        categorical=data.categorical or None,
    )
    schema = rows.schema
    return Sample(
        X=np.asarray(rows.X, dtype=float),
        y=np.asarray(rows.y, dtype=float),
        codes=rows.codes,
        weight=np.ones(rows.n_rows),
        columns=Columns(
            features=schema.features,
            groups=schema.groups,
            categorical=np.array([name in schema.levels for name in schema.features]),
        ),
        n_classes=int(rows.y.max()) + 1 if classes else 0,
    )


def names(classes: bool, quick: bool) -> list[str]:
    """Return the tables of numbers, or those of classes."""
    found = []
    for name in table_specs():
        target = load_table(name).frame[load_table(name).target]
        if (target.nunique() == 2) == classes and len(
            np.unique(sample_of(name, classes).codes)
        ) > 2:
            found.append(name)
    return found[::4] if quick else found


@cache
def cases(name: str, classes: bool) -> tuple[Case, ...]:
    """Learn from the environments outside each of five groups."""
    sample, found = sample_of(name, classes), []
    for fold in environment_folds(sample, most=5, seed=1):
        out = np.isin(sample.codes, fold)
        if len(np.unique(sample.codes[~out])) < 2:
            continue
        train, test = sample.rows(~out), sample.rows(out)
        learners = default_learners(sample.n_classes, sample.columns)
        mixture = fit_mixture(train, learners, seed=0)
        weighed = np.flatnonzero(mixture.weights > 0)
        adaptation = learn_adaptation(
            train.X,
            train.y,
            train.codes,
            mixture.left_out_mixture,
            mixture.left_out[:, weighed],
            columns=[str(j) for j in range(train.X.shape[1])],
            categorical=train.columns.categorical[train.columns.groups],
            learner_names=[mixture.names[m] for m in weighed],
            n_classes=sample.n_classes,
        )
        each = mixture.weighed(test.X)
        found.append(
            Case(
                train=train,
                test=test,
                adaptation=adaptation,
                forecast=mixture.predict(test.X),
                learners=each,
                reference=reference(train, test.X),
            )
        )
    return tuple(found)


def reference(train: Sample, X: Array) -> Array:
    """Predict with pooled least squares, or logistic regression."""
    if not train.n_classes:
        A = np.column_stack([np.ones(len(train.X)), train.X])
        w = np.linalg.lstsq(A, train.y, rcond=None)[0]
        return np.asarray((np.column_stack([np.ones(len(X)), X]) @ w)[:, None])
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return np.asarray(model.fit(train.X, train.y).predict_proba(X))


def loss(y: Array, predicted: Array) -> float:
    """Mean squared error, or mean log loss."""
    if predicted.shape[1] == 1:
        return float(np.mean((y - predicted[:, 0]) ** 2))
    p = predicted[np.arange(len(y)), y.astype(int)]
    return float(-np.mean(np.log(np.maximum(p, 1e-9))))


def logs(case: Case, k: int, ways: dict[str, Predict], draws: int) -> dict[str, list[float]]:
    """Return logs of errors in each environment of a case, by way of predicting."""
    rng = np.random.default_rng(k)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for e in np.unique(case.test.codes):
        at = np.flatnonzero(case.test.codes == e)
        if len(at) < k + LEFT:
            continue
        total = dict.fromkeys(ways, 0.0)
        for _ in range(draws):
            order = rng.permutation(at)
            few, rest = order[:k], order[k:]
            for name, predict in ways.items():
                total[name] += loss(case.test.y[rest], predict(few, rest)) / draws
        for name, value in total.items():
            found[name].append(float(np.log(value)))
    return found


def foreseen(case: Case, k: int) -> float:
    """Return the log of the expected error after k rows over that before."""
    assert case.adaptation is not None
    expected = case.adaptation.expected
    power = 1 if case.adaptation.n_classes else 2
    return power * float(np.log(expected.error(k) / expected.error(0)))


def judged(classes: bool, options: argparse.Namespace) -> Iterator[Row]:
    """Judge the adapted forecast on all tables."""
    unit = "log loss over logistic regression" if classes else "MSE over pooled least squares"
    for k in COUNTS:
        base, moved, expected = [], [], []
        for name in names(classes, options.quick):
            all_of: dict[str, list[float]] = {"reference": [], "alone": [], "adapted": []}
            ahead = []
            for case in cases(name, classes):
                if case.adaptation is None:
                    continue
                ways: dict[str, Predict] = {
                    "reference": lambda few, rest, c=case: c.reference[rest],
                    "alone": lambda few, rest, c=case: c.forecast[rest],
                    "adapted": case.adapted,
                }
                found = logs(case, k, ways, 3 if options.quick else 10)
                for way, values in found.items():
                    all_of[way] += values
                ahead += [foreseen(case, k)] * len(found["alone"])
            if ahead:
                mean = {way: np.mean(values) for way, values in all_of.items()}
                base.append(mean["alone"] - mean["reference"])
                moved.append(mean["adapted"] - mean["alone"])
                expected.append(np.mean(ahead))
        gain, ahead_of = np.exp(moved), np.exp(expected)
        total = float(np.exp(np.mean(np.add(base, moved))))
        alone = f"{len(base)} tables; without labelled rows {np.exp(np.mean(base)):.3f}"
        what = f"k = {k}: {unit}"
        yield (
            Row(what=what, figure=f"{total:.3f}", reference=alone)
            if classes
            else at_most(what, total, TARGETS[k], reference=alone)
        )
        yield at_most(f"k = {k}: worst table over not adapted", float(gain.max()), 1.05)
        off = float(np.exp(np.mean(np.subtract(expected, moved))))
        yield Row(
            what=f"k = {k}: ratio of errors foreseen over real",
            figure=f"{off:.3f}",
            target="within 5%",
            passed=abs(np.log(off)) <= np.log(1.05),
            reference=f"real {np.exp(np.mean(moved)):.3f} of the error without labelled rows",
        )
        near = float(np.mean(np.abs(gain - ahead_of) <= 0.1))
        yield at_least(f"k = {k}: tables foreseen within .1", near, 0.8)


def numbers(options: argparse.Namespace) -> Iterator[Row]:
    yield from judged(False, options)


def classes(options: argparse.Namespace) -> Iterator[Row]:
    yield from judged(True, options)


def linear(options: argparse.Namespace) -> Iterator[Row]:
    """Adapt `InvariantRegressor`, which knows moments alone."""
    for k in COUNTS:
        found, ahead = [], []
        for name in names(False, options.quick):
            real, said = [], []
            for case, model in zip(cases(name, False), linear_models(name), strict=True):
                if model is None or model.answer_.adaptation is None:
                    continue
                expected = model.answer_.adaptation.expected

                values = logs(case, k, linear_ways(case, model), 2 if options.quick else 5)
                part = [np.array(values[way]) for way in ("reference", "alone", "adapted")]
                real += list(zip(part[1] - part[0], part[2] - part[1], strict=True))
                said += [2 * np.log(expected.error(k) / expected.error(0))] * len(part[0])
            if real:
                found.append(np.mean(real, axis=0))
                ahead.append(np.mean(said))
        base, gain = np.array(found).T
        yield Row(
            what=f"k = {k}: MSE over pooled least squares",
            figure=f"{np.exp(np.mean(base + gain)):.3f}",
            reference=f"without labelled rows {np.exp(np.mean(base)):.3f}",
        )
        worst = float(np.exp(gain.max()))
        yield at_most(f"k = {k}: worst table over not adapted", worst, 1.05)
        near = float(np.mean(np.abs(np.exp(gain) - np.exp(ahead)) <= 0.1))
        off = float(np.exp(np.mean(np.array(ahead) - gain)))
        yield at_least(
            f"k = {k}: tables foreseen within .1", near, 0.8,
            reference=f"foreseen over real {off:.3f}",
        )  # fmt: skip


def linear_ways(case: Case, model: InvariantRegressor) -> dict[str, Predict]:
    """Return the linear model as it is, adapted, and pooled least squares."""
    X, y = case.test.X, case.test.y
    ways: dict[str, Predict] = {
        "reference": lambda few, rest: case.reference[rest, 0],
        "alone": lambda few, rest: model.predict(X[rest]),
        "adapted": lambda few, rest: model.adapt(X[few], y[few]).predict(X[rest]),
    }
    return {name: column(way) for name, way in ways.items()}


@cache
def linear_models(name: str) -> tuple[InvariantRegressor | None, ...]:
    found = []
    for case in cases(name, False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = InvariantRegressor().fit(
                case.train.X, case.train.y, environments=case.train.codes
            )
            _ = model.answer_.adaptation
        found.append(model)
    return tuple(found)


def peers(options: argparse.Namespace) -> Iterator[Row]:
    """Compare with what else can be done with k rows."""
    draws = 1 if options.quick else 2
    for k in COUNTS:
        by_way: dict[str, list[float]] = {}
        for name in names(False, options.quick):
            found: dict[str, list[float]] = {}
            for case in cases(name, False):
                if case.adaptation is not None:
                    for way, values in logs(case, k, ways_of(case), draws).items():
                        found[way] = [*found.get(way, []), *values]
            for way, values in found.items():
                if values:
                    over = float(np.mean(values) - np.mean(found[POOLED]))
                    by_way[way] = [*by_way.get(way, []), over]
        for way, overs in by_way.items():
            worst = max(np.subtract(overs, by_way[ALONE]))
            yield Row(
                what=f"k = {k}: {way}",
                figure=f"{np.exp(np.mean(overs)):.3f}",
                reference=f"worst table over the mixture, not adapted: {np.exp(worst):.2f}",
            )


@cache
def ways_of(case: Case) -> dict[str, Predict]:
    """Return the ways to use labelled rows of a place, by name."""
    train, test = case.train, case.test
    center, scale = train.X.mean(axis=0), np.maximum(train.X.std(axis=0), 1e-9)
    A, B = (np.column_stack([np.ones(len(X)), (X - center) / scale]) for X in (test.X, train.X))
    pooled = np.linalg.lstsq(B, train.y, rcond=None)[0]
    mixed, booster = MixedModel.of(B, train), fit_booster(train.X, train.y)
    fitted, grown = A @ pooled, booster.predict(test.X)

    def refit(few: Places, rest: Places) -> Array:
        whole = np.linalg.lstsq(
            np.vstack([B, A[few]]), np.append(train.y, test.y[few]), rcond=None
        )[0]
        return A[rest] @ whole

    def towards(few: Places, rest: Places) -> Array:
        # coefficients differ by a third of the residual's spread, per standard deviation
        left = test.y[few] - fitted[few]
        b = np.linalg.solve(A[few].T @ A[few] + 9 * np.eye(A.shape[1]), A[few].T @ left)
        return fitted[rest] + A[rest] @ b

    def blup(few: Places, rest: Places) -> Array:
        own = A @ mixed.coef
        shrunk = len(few) * mixed.level / (len(few) * mixed.level + mixed.noise)
        return own[rest] + shrunk * (test.y[few] - own[few]).mean()

    def go_on(few: Places, rest: Places) -> Array:
        extra = fit_booster(
            test.X[few], test.y[few] - grown[few], trees=30, min_data_in_leaf=3, num_leaves=4,
            min_data_in_bin=1,
        )  # fmt: skip
        return grown[rest] + extra.predict(test.X[rest])

    def grow_again(few: Places, rest: Places) -> Array:
        X, y = np.vstack([train.X, test.X[few]]), np.append(train.y, test.y[few])
        return np.asarray(fit_booster(X, y).predict(test.X[rest]))

    def offset(few: Places, rest: Places) -> Array:
        return case.forecast[rest, 0] + (test.y[few] - case.forecast[few, 0]).mean()

    ways = {
        "adapted mixture": lambda few, rest: case.adapted(few, rest)[:, 0],
        ALONE: lambda few, rest: case.forecast[rest, 0],
        "the mixture and the mean residual": offset,
        POOLED: lambda few, rest: fitted[rest],
        "least squares, refitted with the rows": refit,
        "ridge towards pooled least squares": towards,
        "random intercept, BLUP (statsmodels)": blup,
        "boosting": lambda few, rest: grown[rest],
        "boosting, refitted with the rows": grow_again,
        "boosting, continued on the rows": go_on,
    }
    return {name: column(way) for name, way in ways.items()}


def column(way: Predict) -> Predict:
    """Return predictions as a column."""
    return lambda few, rest: np.asarray(way(few, rest))[:, None]


def fit_booster(X: Array, y: Array, *, trees: int = 100, **settings: int) -> Any:
    """Fit LightGBM."""
    import lightgbm

    quiet = {"verbose": -1, "num_threads": 1, "objective": "regression"} | settings
    return lightgbm.train(quiet, lightgbm.Dataset(X, y, params=quiet), trees)


@dataclass(frozen=True, kw_only=True)
class MixedModel:
    """A linear model with a random level: coefficients of columns, the first of them 1."""

    coef: Array
    level: float
    noise: float

    @classmethod
    def of(cls, B: Array, train: Sample) -> "MixedModel":
        """Fit by restricted likelihood, without columns that are combinations of others."""
        from statsmodels.regression.mixed_linear_model import MixedLM

        kept = [0]
        for j in range(1, B.shape[1]):
            if np.linalg.matrix_rank(B[:, [*kept, j]], 1e-6 * np.sqrt(len(B))) == len(kept) + 1:
                kept.append(j)
        spread = float(train.y.std())
        model = MixedLM(train.y / spread, B[:, kept], groups=train.codes)
        coef = np.zeros(B.shape[1])
        try:
            # the package asks to be heard, whatever was said before it was imported
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # its default, a quasi-Newton method, ends at levels of infinite variance
                found = model.fit(method=["powell"])
        except np.linalg.LinAlgError:
            # where levels do not differ; the package leaves no model of that
            coef[kept] = np.linalg.lstsq(B[:, kept], train.y, rcond=None)[0]
            return cls(coef=coef, level=0.0, noise=1.0)
        coef[kept] = np.asarray(found.fe_params) * spread
        level = float(np.asarray(found.cov_re)[0, 0])
        return cls(coef=coef, level=level * spread**2, noise=float(found.scale) * spread**2)


SUITES: dict[str, Suite] = {
    "numbers": numbers, "classes": classes, "linear": linear, "peers": peers,
}  # fmt: skip


def main() -> None:
    options = parser(__doc__ or "", SUITES).parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run("A few labelled rows from a new place, on real tables", SUITES, options)


if __name__ == "__main__":
    main()
