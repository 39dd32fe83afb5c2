"""Peer methods on the examples of their own papers: published figures beside those of our adapters.

    python benchmarks/peers.py [--only fair fair-network negdro drig eras ...] [--quick]

Published figures are medians or means over the authors' repetitions, from the data behind their
figures (FAIR), read off a figure (NegDRO), or printed with their example (era splitting). Ours are
on own draws from the same models. A target is what the adapter must reach to be called faithful.
"""

from argparse import Namespace
from collections.abc import Iterator

import numpy as np

from _fair_linear import draw as draw_linear
from _table import Row, Suite, at_least, at_most, parser, run
from elinvar.baselines import (
    AnchorRegressor,
    BoostingRegressor,
    CORALNetworkRegressor,
    DRIGRegressor,
    EraSplittingRegressor,
    FAIRNetworkRegressor,
    FAIRRegressor,
    IRMNetworkRegressor,
    NegDRORegressor,
    PooledRegressor,
)
from elinvar.datasets import make_fair, make_problem

Floats = np.ndarray
Table = tuple[Floats, Floats, Floats]


def fair(options: Namespace) -> Iterator[Row]:
    """FAIR-Linear on random graphs of 15 columns: squared distance from the causal coefficients."""
    published = {100: 0.0197, 300: 0.0079, 1000: 0.0021}
    for n, figure in published.items():
        errors, pooled = [], []
        for seed in range(5 if options.quick else 50):
            X, y, place, coef = draw_linear(seed, n)
            for method, found in ((FAIRRegressor(), errors), (PooledRegressor(), pooled)):
                model = method.fit(X, y, environments=place)
                found.append(float(np.sum((model.coef_ - coef) ** 2)))
        yield at_most(
            f"FAIR-Linear, {n} rows: median |b - b*|^2",
            float(np.median(errors)),
            2 * figure,
            digits=4,
            reference=f"published {figure:g}; pooled {np.median(pooled):.2f}",
        )


def fair_network(options: Namespace) -> Iterator[Row]:
    """FAIR-NN on its nonlinear model: squared distance from the causal mean, 2,000 rows."""
    rows: dict[str, list[float]] = {"FAIR": [], "all columns": [], "causes": []}
    exact = []
    for seed in range(2 if options.quick else 10):
        # the paper's errors are in the training environments: half of the rows are for testing
        data = make_fair(n_samples=4000, rng=seed)
        train = np.arange(len(data.y)) % 2 == 0
        test, truth = data.X[~train], data.oracle(data.X[~train])
        game = FAIRNetworkRegressor(refit_steps=3000)
        plain = IRMNetworkRegressor(penalty=0.0, hidden=(64,), n_steps=3000, step_size=5e-3)
        every = np.ones_like(data.support)
        fits = {
            "FAIR": (game, every),
            "all columns": (plain, every),
            "causes": (plain, data.support),
        }
        for name, (method, used) in fits.items():
            X, new = np.where(used, data.X, 0.0)[train], np.where(used, test, 0.0)
            model = method.fit(X, data.y[train], environments=data.environments[train])
            rows[name].append(float(np.mean((model.predict(new) - truth) ** 2)))
            if name == "FAIR":
                exact.append(float((model.selected_ == data.support).mean()))
    published = {"FAIR": 0.029, "all columns": 0.395, "causes": 0.028}
    for name, figure in published.items():
        value = float(np.median(rows[name]))
        yield Row(
            what=f"FAIR-NN's model, network on {name}: median error about the mean",
            figure=f"{value:.3f}",
            reference=f"published {figure:g}",
        )
    ratio = float(np.median(rows["FAIR"]) / np.median(rows["all columns"]))
    yield at_most("the same: FAIR over all columns", ratio, 0.5, reference="published 0.07")
    yield at_least("columns rightly taken or left", float(np.mean(exact)), 0.9)


def draw_shifts(seed: int, p: int, n: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Draw NegDRO's first model: four environments that shift the noise of p columns.

    x2 and x3 carry on x1; y = (x1 - x3) / 2 + noise; x4 and x5 are effects of y; the rest is
    noise. Environments add to the noise of the first five columns nothing, N(0, 9), a constant, and
    U(-1, 1); to that of the rest N(0, e^2 / 4).
    """
    rng = np.random.default_rng(seed)
    columns, targets = [], []
    for e in range(4):
        u = rng.standard_normal((n, p))
        if e == 1:
            u[:, :5] += 3 * rng.standard_normal((n, 5))
        elif e == 2:
            u[:, :5] += [1, 2, -1, -2, 1]
        elif e == 3:
            u[:, :5] += rng.uniform(-1, 1, (n, 5))
        u[:, 5:] += 0.5 * e * rng.standard_normal((n, p - 5))
        u[:, 1] += u[:, 0]
        u[:, 2] += u[:, 1]
        y = (u[:, 0] - u[:, 2]) / 2 + rng.standard_normal(n)
        u[:, 3] += y / 2
        u[:, 4] -= y / 2
        columns.append(u)
        targets.append(y)
    coef = np.zeros(p)
    coef[[0, 2]] = 0.5, -0.5
    return np.vstack(columns), np.concatenate(targets), np.repeat(range(4), n), coef


def negdro(options: Namespace) -> Iterator[Row]:
    """NegDRO on its first model: distance from the causal coefficients, 20,000 rows."""
    # from 10 columns on the minimum of the objective is twice as far off as the figure says; so is
    # the iterate of the paper's steps of Adam, as far as we can repeat them
    for p, figure in ((5, 0.027), (10, 0.033), (40, 0.034)):
        errors, pooled = [], []
        for seed in range(2 if options.quick else 10):
            X, y, place, coef = draw_shifts(seed, p, 20_000)
            for method, found in ((NegDRORegressor(), errors), (PooledRegressor(), pooled)):
                model = method.fit(X, y, environments=place)
                found.append(float(np.linalg.norm(model.coef_ - coef)))
        yield at_most(
            f"NegDRO, {p} columns: mean |b - b*|",
            float(np.mean(errors)),
            0.09,
            reference=f"published {figure:g}, pooled .18; our pooled {np.mean(pooled):.2f}",
        )


def draw_levels(seed: int, strength: float | None, n: int = 100_000) -> Table:
    """Draw DRIG's first example: y = 2 x and noise that x shares; two environments, or a new one.

    Noise has variances 1 and covariance .5; an intervention adds sqrt(strength / 2) (.5, .1) and
    strength / 2 times the covariance [[1, .1], [.1, .05]]. Training has none, and strength 2.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for size in (0.0, 2.0) if strength is None else (strength,):
        noise = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n)
        shift = size / 2 * np.array([[1, 0.1], [0.1, 0.05]])
        noise += rng.multivariate_normal(np.sqrt(size / 2) * np.array([0.5, 0.1]), shift, n)
        parts.append(noise)
    rows = np.vstack(parts)
    return rows[:, :1], 2 * rows[:, 0] + rows[:, 1], np.repeat(range(len(parts)), n)


def drig(options: Namespace) -> Iterator[Row]:
    """DRIG on its first example: the order of errors under strong interventions."""
    X, y, place = draw_levels(0, None)
    methods = {
        "DRIG": DRIGRegressor(gamma=5.0),
        "anchor": AnchorRegressor(gamma=5.0),
        "pooled": PooledRegressor(),
    }
    for method in methods.values():
        method.fit(X, y, environments=place)
    for strength in (0.0, 5.0, 15.0):
        new, target, _ = draw_levels(1, strength)
        error = {
            name: float(np.mean((target - method.predict(new)) ** 2))
            for name, method in methods.items()
        }
        what = f"DRIG, strength {strength:g}: error over the better of anchor and pooled"
        value = error["DRIG"] / min(error["anchor"], error["pooled"])
        reference = "published: below 1 where interventions are strong (a figure)"
        if strength > 5:
            yield at_most(what, value, 1.0, reference=reference)
        else:
            yield Row(what=what, figure=f"{value:.3f}", reference=reference)


def draw_wave(seed: int) -> Table:
    """Draw the shifted sine: 64 eras of 32 rows, a level of each era and noise, both of sd 2."""
    rng = np.random.default_rng(seed)
    era = np.repeat(np.arange(64), 32)
    x = 2 * np.pi * rng.random(len(era))
    noise = 2 * rng.standard_normal(64)[era] + 2 * rng.standard_normal(len(era))
    return x[:, None], np.sin(x) + noise, era


def _boosted(options: dict[str, object]) -> dict[str, object]:
    return {
        "boosting": BoostingRegressor(**options),
        "era splitting": EraSplittingRegressor(**options),
        "directional era splitting": EraSplittingRegressor(criterion="direction", **options),
    }


def eras(options: Namespace) -> Iterator[Row]:
    """Era splitting on the shifted sine: correlation with the wave."""
    published = {"boosting": 0.52, "era splitting": 0.90, "directional era splitting": 0.70}
    grid = np.linspace(0, 2 * np.pi, 500)[:, None]
    found: dict[str, list[float]] = {name: [] for name in published}
    for seed in range(3 if options.quick else 20):
        X, y, era = draw_wave(seed)
        for name, method in _boosted({"learning_rate": 1.0}).items():
            fit = method.fit(X, y, environments=era).predict(grid)
            found[name].append(float(np.corrcoef(fit, np.sin(grid[:, 0]))[0, 1]))
    for name, figure in published.items():
        value, reference = float(np.mean(found[name])), f"published {figure:g} (one draw)"
        what = f"shifted sine, {name}: correlation with the wave"
        if name == "boosting":
            yield Row(what=what, figure=f"{value:.3f}", reference=reference)
        else:
            yield at_least(what, value, figure - 0.05, reference=reference)


def draw_memory(seed: int, each: int = 768, n_eras: int = 16) -> tuple[Table, Table]:
    """Draw the synthetic memorisation task: a spiral for all eras, and a code for each era.

    Two columns hold two spirals, one a class. In training the 16 others are one of two random
    vectors of the era, by the class; in the test they are vectors at random.
    """
    rng = np.random.default_rng(seed)

    def spiral(n: int) -> tuple[Floats, Floats]:
        label = rng.integers(2, size=n)
        turn = 3 * np.pi * np.sqrt(rng.random(n))
        angle = turn + np.pi * label
        points = (turn / 4)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        return points + 0.08 * rng.standard_normal((n, 2)), label.astype(float)

    codes = rng.standard_normal((n_eras, 2, 16))
    era = np.repeat(np.arange(n_eras), each)
    X, y = spiral(len(era))
    train = np.hstack([X, codes[era, y.astype(int)]]), y, era
    X, y = spiral(2000)
    at_random = codes[rng.integers(n_eras, size=2000), rng.integers(2, size=2000)]
    return train, (np.hstack([X, at_random]), y, np.zeros(2000))


def eras_memory(options: Namespace) -> Iterator[Row]:
    """Era splitting on the synthetic memorisation task: share of right classes."""
    published = {"boosting": 0.49, "era splitting": 0.59, "directional era splitting": 0.98}
    found: dict[str, list[float]] = {name: [] for name in published}
    for seed in range(1 if options.quick else 5):
        (X, y, era), (new, target, _) = draw_memory(seed)
        arguments = {"learning_rate": 1.0, "n_trees": 50, "max_leaf_nodes": 32}
        for name, method in _boosted(arguments).items():
            answer = method.fit(X, y, environments=era).predict(new) > 0.5
            found[name].append(float(np.mean(answer == target)))
    for name, figure in published.items():
        value, reference = float(np.mean(found[name])), f"published {figure:g}"
        what = f"memorisation, {name}: share right"
        if name == "boosting":
            yield at_most(what, value, 0.6, reference=reference)
        else:
            yield at_least(what, value, figure - 0.05, reference=reference)


def digits(options: Namespace) -> Iterator[Row]:
    """IRM and CORAL on coloured digits: share of right classes where the colour turns round.

    The published ones are on 50,000 digits of 28 x 28 pixels, with the loss of classes (CORAL's is
    DomainBed's); ours on 4,000 of 8 x 8, by least squares.
    """
    usual = {"hidden": (64,), "batch_size": 256, "n_steps": 500}
    methods = {
        "least squares": (IRMNetworkRegressor(penalty=0.0, **usual), 0.171),
        "IRM": (IRMNetworkRegressor(penalty=1e5, **usual), 0.669),
        "CORAL": (CORALNetworkRegressor(penalty=10.0, **usual), 0.10),
    }
    for name, (method, figure) in methods.items():
        shares = []
        for seed in range(1 if options.quick else 5):
            data = make_problem("coloured-digits-channels", seed)
            new = data.new_environments(2000, 100 + seed)
            method.fit(data.X, data.y, environments=data.environments)
            shares.append(float(np.mean((method.predict(new.X) > 0.5) == new.y)))
        what, value = f"coloured digits, {name}: share right", float(np.mean(shares))
        reference = f"published {figure:g}"
        if name == "IRM":
            yield at_least(what, value, 0.55, reference=reference)
        else:
            yield at_most(what, value, 0.25, reference=reference)


SUITES: dict[str, Suite] = {
    "fair": fair,
    "fair-network": fair_network,
    "negdro": negdro,
    "drig": drig,
    "eras": eras,
    "eras-memory": eras_memory,
    "digits": digits,
}

if __name__ == "__main__":
    run("Peer methods on their own examples", SUITES, parser(__doc__ or "", SUITES).parse_args())
