"""Coloured digits: colour tells the label in training, and the opposite afterwards."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from elinvar._base._numbers import percent
from elinvar.plots import plot_comparison
from elinvar.studies._study import Claim, Row, StudyConfig
from elinvar.studies._summary import rows_of
from elinvar.studies._types import Axes, DataFrame

if TYPE_CHECKING:
    import torch

    from elinvar.neural import StepRule

_ERM, _PLAIN, _GAIN, _ORACLE = "ERM", "HeteroSGD", "HeteroSGD, gain", "oracle, grey"
_PEERS = ("IRMv1", "V-REx", "Fishr", "GroupDRO", "Fish")
_RELU = ", ReLU"
_STEPS, _PLAIN_STEPS = (
    tuple((gain, size) for size in (0.03, 0.1, 0.3, 1.0)) for gain in (0.0, 1.0)
)
_PENALTIES = tuple((penalty, 1.0) for penalty in (1e2, 1e3, 1e4, 1e5))
_GAINS = tuple((gain, 0.1) for gain in (3.0, 10.0, 30.0, 100.0))

# Settings of each method, four each: what its rule takes, and the step size.
METHODS: dict[str, tuple[tuple[float, float], ...]] = {
    _ERM: _STEPS,
    "IRMv1": _PENALTIES,
    "V-REx": _PENALTIES,
    "Fishr": _PENALTIES,
    "GroupDRO": ((0.01, 0.3), (0.1, 0.3), (1.0, 0.3), (1.0, 1.0)),
    "Fish": ((0.03, 1.0), (0.1, 1.0), (0.3, 1.0), (1.0, 1.0)),
    _PLAIN: _PLAIN_STEPS,
    _GAIN: _GAINS,
    _GAIN + _RELU: _GAINS,
    _ORACLE: _STEPS,
    _ORACLE + _RELU: _STEPS,
}

Labelled = tuple[NDArray[np.float32], NDArray[np.float32]]

TITLE = "Coloured digits"
CLAIM = (
    "A shortcut that helps in every environment, only more in one than in the other, is taken "
    "by plain HeteroSGD; steps that exaggerate the difference (a gain), on gates, leave it "
    "out."
)
AXES = {"method": tuple(METHODS), "setting": "settings"}
EXTRAS = ("torch", "digits")


@dataclass(frozen=True, kw_only=True)
class Config(StudyConfig):
    """The settings of this study.

    Parameters
    ----------
    source : {"mnist", "scikit-learn"}
        5,000 digits of 7 x 7 pixels after averaging, or 1,797 of 8 x 8.
    training, validation : int
        Digits of each of the two training environments; the others are the test environment.
    components : int
        Principal components of the training images, each divided by its standard deviation: what
        networks see. They have one pair of gates a component, or hidden ReLU units where the
        method's name says so.
    settings : tuple of int
        Which of the four of each method are tried.
    steps : int
        With whole environments as batches, in turn.
    relies, near : float
        Test error of what relies on colour at least; least difference that plain HeteroSGD makes.
    """

    source: Literal["mnist", "scikit-learn"] = "mnist"
    training: int = 1400
    validation: int = 900
    components: int = 40
    settings: tuple[int, ...] = (0, 1, 2, 3)
    steps: int = 300
    relies: float = 0.6
    near: float = 0.1
    repetitions: int = 8
    core_seconds: float = 250.0


QUICK = Config(settings=(2, 3), steps=120, repetitions=2, core_seconds=9.0)


@cache
def _digits(source: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return pixels (n, p) and digits."""
    if source == "mnist":
        from elinvar.datasets import load_mnist_digits

        found = load_mnist_digits(7)
        return found.images.reshape(len(found), -1), found.digits
    from sklearn.datasets import load_digits

    pixels, digits = load_digits(return_X_y=True)
    return pixels / 16, digits


def draw(
    rng: np.random.Generator,
    source: str,
    training: int,
    validation: int,
    components: int,
    grey: bool,
) -> tuple[list[Labelled], list[Labelled], Labelled]:
    """Colour digits, and return what is trained on, validated on and tested on.

    A label is 1 for digits below five, turned round with probability 1/4. The colour is the label,
    turned round with probability .1 and .2 in training and .9 in the test environment. A red and a
    green channel hold the image, one of them empty; both hold it if it is to be grey.
    """
    images, digits = _digits(source)
    # no digit is in two parts, whatever its colour
    order, size = rng.permutation(len(digits)), training + validation
    parts = []
    for rows, rate in zip(np.split(order, [size, 2 * size]), (0.1, 0.2, 0.9), strict=True):
        y = (digits[rows] < 5) ^ (rng.random(len(rows)) < 0.25)
        red = y ^ (rng.random(len(rows)) < rate)
        shown = np.ones((len(rows), 2)) if grey else np.stack([red, ~red], axis=1)
        x = (shown[:, :, None] * images[rows][:, None, :]).reshape(len(rows), -1)
        parts.append((x, y.astype(np.float32)))
    seen = np.concatenate([x[:training] for x, _ in parts[:2]])
    # principal components over their standard deviations: to gates all of them are of one size
    variances, axes = np.linalg.eigh(np.cov(seen, rowvar=False))
    whiten = axes[:, -components:] / variances[-components:] ** 0.5
    white = [(((x - seen.mean(axis=0)) @ whiten).astype(np.float32), y) for x, y in parts]
    split = [
        [(x[at], y[at]) for x, y in white[:2]] for at in (slice(training), slice(training, size))
    ]
    return split[0], split[1], white[2]


def make_network(method: str, n_features: int, seed: int) -> "torch.nn.Module":
    r"""Return a network of one output: :math:`b + \sum_j (u_j^2 - v_j^2) x_j`, or hidden units."""
    from elinvar.neural import TwoLayerNetwork

    if method.endswith(_RELU):
        return TwoLayerNetwork(n_features, 32, init_scale=1.0, seed=seed)
    import torch

    class Gates(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = torch.nn.Parameter(torch.full((n_features,), 0.1))
            self.down = torch.nn.Parameter(torch.full((n_features,), 0.1))
            self.intercept = torch.nn.Parameter(torch.zeros(()))

        def forward(self, x: "torch.Tensor") -> "torch.Tensor":
            return x @ (self.up.square() - self.down.square()) + self.intercept

    return Gates()


def make_rule(method: str, strength: float) -> "StepRule":
    """Return what a step of this method does."""
    from elinvar import neural

    two: dict[str, Any] = {"environments": 2}
    penalties = {"IRMv1": neural.IRMv1, "V-REx": neural.VREx, "Fishr": neural.Fishr}
    if method in penalties:
        return penalties[method](penalty=strength, warmup=50, **two)
    if method == "GroupDRO":
        return neural.GroupDRO(rate=strength, **two)
    if method == "Fish":
        return neural.Fish(inner_step=strength, **two)
    # with a gain, a step follows mean + gain (own - mean) of the environments' gradients
    if method == _PLAIN:
        return neural.HeteroStep()
    return neural.HeteroStep(gain=strength, **two)


def cell(
    *,
    rng: np.random.Generator,
    method: str,
    setting: int,
    repetition: int,
    source: str,
    training: int,
    validation: int,
    components: int,
    steps: int,
) -> Row:
    """Train once; return errors on both training environments' other digits, and on the test's."""
    import torch

    from elinvar.neural import HeteroTrainer

    torch.set_num_threads(1)
    # draws on which neither the rule nor the settings were ever tried
    rng = rng.spawn(1)[0]
    # the oracle sees shapes alone, and errs on the quarter of labels that are turned round
    grey = method.startswith(_ORACLE)
    learn, other, test = draw(rng, source, training, validation, components, grey)
    strength, step_size = METHODS[method][setting]
    model = make_network(method, components, repetition)
    batches = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in learn]
    trainer = HeteroTrainer(
        model,
        torch.optim.SGD(model.parameters(), lr=step_size),
        torch.nn.functional.binary_cross_entropy_with_logits,
        rule=make_rule(method, strength),
        warn=False,
    )
    diverged = trainer.fit(batches, steps=steps).status == "diverged"
    errors = [float("nan") if diverged else _error(model, part) for part in (*other, test)]
    return {
        "first_error": errors[0],
        "second_error": errors[1],
        "test_error": errors[2],
        "diverged": diverged,
    }


def _error(model: "torch.nn.Module", part: Labelled) -> float:
    import torch

    x, y = part
    with torch.no_grad():
        said = model(torch.from_numpy(x)).numpy() > 0
    return float(np.mean(said != (y > 0)))


def summarise(rows: DataFrame, config: Config) -> DataFrame:
    """Return the test error of what was chosen without test labels, mean over repetitions.

    ``behind``: how much larger it is than that of HeteroSGD with gain on the same digits, with its
    standard error; ``tuned_on_test``: the smallest mean test error of any setting.
    """
    import pandas as pd

    picks = chosen(rows, config)
    ours = picks[picks["method"] == _GAIN].set_index("repetition")["test_error"]
    lines = []
    for method, mine in picks.groupby("method", sort=False):
        error = mine.set_index("repetition")["test_error"]
        behind = error - ours
        root = len(mine) ** 0.5
        lines.append(
            {
                "method": method,
                "test_error": error.mean(),
                "standard_error": error.std() / root,
                "training_error": mine[["first_error", "second_error"]].mean(axis=1).mean(),
                "behind": behind.mean(),
                "behind_error": behind.std() / root,
                "setting": ", ".join(
                    f"{value:g}" for value in METHODS[str(method)][mine["setting"].mode().iloc[0]]
                ),
                "tuned_on_test": mine["tuned_on_test"].iloc[0],
                "diverged": mine["diverged"].iloc[0],
                "runs": len(mine),
            }
        )
    return pd.DataFrame(lines)


def chosen(rows: DataFrame, config: Config) -> DataFrame:
    """Return the run of each method and repetition that the rule chooses.

    Of the settings that beat a coin on the training environments' other digits, by two standard
    errors, the one whose error differs least between the two environments: what holds errs equally
    often in both. Without such a setting, the one with the smallest error. Nothing is known of the
    test environment, not even how far away it lies, and with two training environments leaving one
    out would leave no differences to learn from.
    """
    mean = (rows["first_error"] + rows["second_error"]) / 2
    half = (rows["first_error"] - rows["second_error"]).abs() / 2
    beats = mean < 0.5 - 2 * 0.5 / (2 * config.validation) ** 0.5
    risk = half.where(beats, 1.0 + mean).fillna(np.inf)
    best = risk.groupby([rows["method"], rows["repetition"]], sort=False).idxmin()
    picks = rows.loc[best].copy()
    tries = rows.fillna({"test_error": 1.0}).groupby(["method", "setting"])["test_error"].mean()
    picks["tuned_on_test"] = picks["method"].map(tries.groupby("method").min())
    picks["diverged"] = picks["method"].map(rows.groupby("method")["diverged"].sum())
    return picks


def picture(rows: DataFrame, summary: DataFrame, config: Config) -> Axes:
    """Draw the test error of every repetition."""
    ends = summary.set_index("method")["test_error"]
    return plot_comparison(
        chosen(rows, config),
        name="method",
        values=("test_error",),
        xlabel="error where colours are turned round; chosen on training environments",
        title=f"With gain and gates HeteroSGD errs on {percent(ends[_GAIN])} of the digits, the "
        f"best penalty on {percent(ends[list(_PEERS)].min())}",
    )


def judge(summary: DataFrame, config: Config) -> tuple[Claim, ...]:
    """Judge what relies on colour, what gain changes, and what is left to the oracle."""
    rows = {row["method"]: row for row in rows_of(summary)}
    erm, plain, gain, relu, oracle = (
        rows[name] for name in (_ERM, _PLAIN, _GAIN, _GAIN + _RELU, _ORACLE)
    )
    peer = min((rows[name] for name in _PEERS), key=lambda row: float(row["test_error"]))
    apart = abs(plain["test_error"] - erm["test_error"])
    return (
        Claim(
            holds=bool(min(erm["test_error"], plain["test_error"]) >= config.relies),
            sentence=f"ERM errs on {_errs(erm)} of the test digits and plain HeteroSGD on "
            f"{_errs(plain)} (needed: at least {percent(config.relies)}, worse than a coin): "
            "colour has the same sign in both environments, and no step size makes it change.",
        ),
        Claim(
            holds=bool(apart <= config.near),
            sentence=f"Plain HeteroSGD does no better or worse than ERM by more than "
            f"{percent(config.near)}: they differ by {percent(apart)}.",
        ),
        _against(peer, gain),
        Claim(
            holds=bool(relu["test_error"] >= config.relies),
            sentence=f"It takes gates as well: with gain and hidden ReLU units, which share "
            f"what they learn among all inputs, it errs on {_errs(relu)} (needed: at least "
            f"{percent(config.relies)}).",
        ),
        Claim(
            holds=bool(oracle["test_error"] < gain["test_error"] < 0.5),
            sentence=f"What is left: on grey images ERM errs on {_errs(oracle)}, of which 25% "
            f"are turned labels; HeteroSGD with gain is {percent(-oracle['behind'])} behind "
            "(needed: between the oracle and a coin).",
        ),
    )


def _against(peer: Row, gain: Row) -> Claim:
    ahead, spread = peer["behind"], 2.0 * peer["behind_error"]
    word = "ahead" if ahead > spread else "behind" if ahead < -spread else "no different"
    side = "less" if ahead < 0 else "more"
    return Claim(
        holds=bool(ahead >= -spread and gain["test_error"] < 0.5),
        sentence=f"With gain, chosen by the same rule, HeteroSGD errs on {_errs(gain)}, the best "
        f"penalty ({peer['method']}) on {_errs(peer)}; on the same digits the penalty errs on "
        f"{percent(abs(ahead))} ± {percent(peer['behind_error'], 1)} {side}: HeteroSGD is {word}, "
        "by two standard errors (needed: not behind, and better than a coin).",
    )


def _errs(row: Row) -> str:
    return f"{percent(row['test_error'])} ± {percent(row['standard_error'], 1)}"
