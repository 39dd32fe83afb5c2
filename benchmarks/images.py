"""Images by DomainBed's protocol: where batches of one environment help a convolutional network.

    python benchmarks/images.py [--quick] [--out FOLDER]

Each of ten methods gets the same random step sizes, the same number of trials, steps and images.
A domain is left out; of the trials the one that is best on a fifth of the training domains' images
is kept, so that the domain left out has no say in any choice. What was chosen is compared with ERM
on the same images, and the interval of the difference is over draws. With ``--out`` a run that was
stopped goes on; the extras torch and digits are needed.

Written down before the first run, 2 points being the least difference that counts:

- rotated digits: batches of one domain are no better than ERM, and no worse;
- coloured digits, all training domains with one sign: HeteroSGD relies on colour as ERM does;
- coloured digits, one of four training domains with the opposite sign: batches of one domain help.

Images are averaged to 14 x 14 pixels, and networks are trained by plain SGD for some hundred steps,
so that all of it takes twenty minutes on one core: figures are to be compared with each other, and
not with those of papers.

I. Gulrajani, D. Lopez-Paz, "In search of lost domain generalization", ICLR 2021, arXiv:2007.01434.
"""

import argparse
import os

for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

from collections.abc import Iterator, Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from functools import cache  # noqa: E402
from itertools import pairwise  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, ClassVar  # noqa: E402

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from scipy.ndimage import rotate  # noqa: E402
from scipy.stats import t  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from elinvar.datasets import load_mnist_digits  # noqa: E402
from elinvar.neural import (  # noqa: E402
    EnvironmentBatchSampler,
    Fish,
    Fishr,
    GroupDRO,
    HeteroStep,
    HeteroTrainer,
    IRMv1,
    Learner,
    StepRule,
    VREx,
)
from elinvar.sweeps import Sweep, run_sweep  # noqa: E402

# how often the colour agrees with the label: in DomainBed's three domains, and where it turns
COLOURED, TURNING = (0.9, 0.8, 0.1), (0.9, 0.9, 0.9, 0.1, 0.1)
ANGLES = (0, 15, 30, 45, 60, 75)
# table, and for each of its cases which domain is left out
CASES: dict[str, tuple[str, int]] = {
    **{f"rotated by {ANGLES[k]}": ("rotated", k) for k in (0, 5)},
    **{f"colour agrees in {COLOURED[k]:.0%}": ("coloured", k) for k in range(3)},
    "colour turns": ("turning", 4),
}
DOMAINS = {"rotated": ANGLES, "coloured": COLOURED, "turning": TURNING}
METHODS = (
    "ERM",
    "HeteroSGD",
    "HeteroSGD, gain",
    "IRMv1",
    "V-REx",
    "Fishr",
    "GroupDRO",
    "Fish",
    "CORAL",
    "Mixup",
)
Part = tuple[Tensor, Tensor]


class Network(nn.Module):
    """Two convolutions with stride 2 and a layer of 64 units, each with a ReLU; a linear layer."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 4 * 4, 64),
            nn.ReLU(),
        )
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


@dataclass(frozen=True, kw_only=True)
class CORAL(StepRule):
    """Average risk, and how far means and covariances of features are apart between domains."""

    penalty: float
    environments: int
    every_environment: ClassVar[bool] = True

    def backward(self, learner: Learner, batches: Sequence[Part], step: int = 0) -> Tensor:
        hidden = [learner.model.features(x) for x, _ in batches]
        risks = torch.stack(
            [
                learner.compare(learner.model.head(h), y)
                for h, (_, y) in zip(hidden, batches, strict=True)
            ]
        )
        means, covs = (
            torch.stack([h.mean(0) for h in hidden]),
            torch.stack([h.T.cov() for h in hidden]),
        )
        # the mean over pairs of a squared difference is twice the variance of the sample
        apart = 2 * (means.var(0).mean() + covs.var(0).mean())
        learner.backward((risks.mean() + self.penalty * apart) / max(self.penalty, 1.0))
        return risks.detach().mean()


@dataclass(frozen=True, kw_only=True)
class Mixup(StepRule):
    """Average risk on images that are mixed, pixel by pixel, from two domains."""

    alpha: float
    environments: int
    every_environment: ClassVar[bool] = True

    def backward(self, learner: Learner, batches: Sequence[Part], step: int = 0) -> Tensor:
        rng = np.random.default_rng(step)
        order = rng.permutation(len(batches)).tolist()
        risks = []
        for j, k in pairwise([*order, order[0]]):
            (x, y), (other_x, other_y) = batches[j], batches[k]
            share = float(rng.beta(self.alpha, self.alpha))
            output = learner.output(share * x + (1 - share) * other_x)
            risks.append(
                share * learner.compare(output, y) + (1 - share) * learner.compare(output, other_y)
            )
        risk = torch.stack(risks).mean()
        learner.backward(risk)
        return risk.detach()


def rule_of(method: str, u: float, K: int, steps: int) -> tuple[StepRule, float]:
    """Return a rule with its own number at place u of its range, and what divides the step."""

    def between(low: float, high: float) -> float:
        return 10 ** (low + u * (high - low))

    # DomainBed's ranges, without the penalties that runs as short as these could not learn under;
    # they are on after a tenth of the steps
    two: dict[str, Any] = {"environments": K}
    penalties = {"IRMv1": (IRMv1, -1, 3), "V-REx": (VREx, -1, 3), "Fishr": (Fishr, 0, 3)}
    if method in penalties:
        rule, *ends = penalties[method]
        return rule(penalty=between(*ends), warmup=steps // 10, **two), 1.0
    if method == "HeteroSGD, gain":
        gain = between(0, 1.5)
        # the extrapolated loss bends more: the step shrinks as the gain grows
        return HeteroStep(gain=gain, **two), gain
    return {
        "ERM": lambda: HeteroStep(gain=0.0, **two),
        "HeteroSGD": lambda: HeteroStep(),
        "GroupDRO": lambda: GroupDRO(rate=between(-3, -1), **two),
        "CORAL": lambda: CORAL(penalty=between(-1, 1), **two),
        "Mixup": lambda: Mixup(alpha=between(-1, 0), **two),
    }[method](), 1.0


@cache
def rotated() -> list[np.ndarray]:
    """Return all digits turned by each angle, (5000, 1, 14, 14)."""
    images = load_mnist_digits().images
    turned = (rotate(images, angle, axes=(2, 1), reshape=False, order=1) for angle in ANGLES)
    return [x.reshape(-1, 1, 14, 2, 14, 2).mean(axis=(3, 5)) for x in turned]


@cache
def grey() -> tuple[np.ndarray, np.ndarray]:
    """Return digits (5000, 14, 14), and what they show."""
    found = load_mnist_digits(14)
    return found.images, found.digits


def draw(rng: np.random.Generator, table: str) -> list[Part]:
    """Share the digits out among domains, no digit in two of them; return images and labels."""
    images, digits = grey()
    domains = DOMAINS[table]
    found = []
    for k, rows in enumerate(np.array_split(rng.permutation(len(digits)), len(domains))):
        if table == "rotated":
            x, y = rotated()[k][rows], digits[rows]
        else:
            # a quarter of the labels is turned round, then the colour agrees as often as it should
            y = (digits[rows] < 5) ^ (rng.random(len(rows)) < 0.25)
            red = y ^ (rng.random(len(rows)) >= domains[k])
            x = np.stack([red, ~red], axis=1)[:, :, None, None] * images[rows][:, None]
        found.append((torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y.astype(np.int64))))
    return found


class Batches:
    """Batches of rows that a sampler chooses."""

    def __init__(self, parts: Sequence[Part], batch_size: int, order: Any, seed: int) -> None:
        self.x, self.y = (torch.cat(column) for column in zip(*parts, strict=True))
        labels = np.repeat(np.arange(len(parts)), [len(y) for _, y in parts])
        self.batch_sampler = EnvironmentBatchSampler(labels, batch_size, order=order, seed=seed)

    def __iter__(self) -> Iterator[Part]:
        for rows in self.batch_sampler:
            yield self.x[rows], self.y[rows]


def cell(
    *,
    rng: np.random.Generator,
    case: str,
    method: str,
    trial: int,
    repetition: int,
    steps: int,
    batch_size: int,
) -> dict[str, Any]:
    """Train once; return accuracies on other images of the training domains, and in the new one."""
    torch.set_num_threads(1)
    table, out = CASES[case]
    domains = draw(rng, table)
    test = domains.pop(out)
    learn = [(x[len(y) // 5 :], y[len(y) // 5 :]) for x, y in domains]
    other = [(x[: len(y) // 5], y[: len(y) // 5]) for x, y in domains]
    # all methods get the same step sizes, and the same places in their own ranges
    u, v = np.random.default_rng([trial, repetition]).random(2)
    step_size, K = 10 ** (u - 1), len(domains)
    torch.manual_seed(repetition)
    model = Network(test[0].shape[1], 10 if table == "rotated" else 2)
    if method == "Fish":
        # steps within domains, then the whole way, or part of it
        rule: StepRule = Fish(inner_step=step_size, environments=K)
        step_size = 10 ** (-1 + v)
    else:
        rule, divided = rule_of(method, v, K, steps)
        step_size /= divided
    # the same number of images a step: a batch of each domain, or one of K times the rows
    pure = method == "HeteroSGD"
    batches = Batches(
        learn, batch_size * (K if pure else 1), "random" if pure else "cyclic", repetition
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=step_size)
    trainer = HeteroTrainer(model, optimizer, cross_entropy, rule=rule, warn=False)
    diverged = trainer.fit(batches, steps=steps).status == "diverged"
    return {
        "validation": 0.0 if diverged else float(np.mean([right(model, part) for part in other])),
        "test": 0.0 if diverged else right(model, test),
        "diverged": diverged,
    }


def right(model: nn.Module, part: Part) -> float:
    """Return the share of images that are told rightly."""
    x, y = part
    with torch.no_grad():
        return float((model(x).argmax(1) == y).double().mean())


def chosen(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy in the domain left out, of the trial that validation chooses.

    ``best``: of the trial that the domain itself would choose, which nobody can have.
    """
    by = ["case", "method", "repetition"]
    picked = rows.loc[rows.groupby(by, sort=False)["validation"].idxmax()].set_index(by)
    return picked.assign(best=rows.groupby(by)["test"].max()).reset_index()


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Return the mean of differences over draws, and half of its 95% interval by Student's t."""
    n = len(differences)
    half = t.ppf(0.975, n - 1) * differences.std(ddof=1) / n**0.5 if n > 1 else float("nan")
    return float(differences.mean()), float(half)


def markdown(rows: pd.DataFrame) -> str:
    """Return accuracies in per cent, and points ahead of ERM with their intervals, as a table."""
    picks = chosen(rows)
    table = picks["case"].map(lambda case: CASES[case][0])
    heads = [*CASES, *(f"{name}: over ERM" for name in DOMAINS)]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    for method in METHODS:
        mine = picks[picks["method"] == method].groupby("case")[["test", "best"]].mean()
        cells = [
            f"{100 * mine.loc[case, 'test']:.0f} ({100 * mine.loc[case, 'best']:.0f})"
            for case in CASES
        ]
        for name in DOMAINS:
            mean = picks[table == name].groupby(["repetition", "method"])["test"].mean().unstack()
            ahead, half = interval((mean[method] - mean["ERM"]).to_numpy())
            cells.append("" if method == "ERM" else f"{100 * ahead:+.0f} ± {100 * half:.0f}")
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def purity(rows: pd.DataFrame) -> str:
    """Return how far batches of one domain are ahead of ERM at the same step size."""
    each = rows.pivot(index=["case", "repetition", "trial"], columns="method", values="test")
    ahead = (each["HeteroSGD"] - each["ERM"]).reset_index(name="ahead")
    ahead["table"] = ahead["case"].map(lambda case: CASES[case][0])
    lines = []
    for name, mine in ahead.groupby("table", sort=False):
        runs = mine.groupby(["repetition", "trial"])["ahead"].mean().to_numpy()
        mean, half = interval(runs)
        lines.append(f"{name}: {100 * mean:+.1f} ± {100 * half:.1f} points in {len(runs)} pairs")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="2 trials, 2 draws, 60 steps")
    options.add_argument("--out", type=Path, help="folder of the table, where a run goes on")
    options.add_argument("--draws", type=int, default=3, help="of digits; more can be added later")
    options.add_argument("--workers", type=int, default=1)
    given = options.parse_args()
    trials, draws, steps = (2, 2, 60) if given.quick else (5, given.draws, 300)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
    found = []
    # a table for each draw, so that more draws can be added to a run that has ended
    for k in range(draws):
        sweep = Sweep(
            name="images",
            function=cell,
            axes={
                "case": tuple(CASES),
                "method": METHODS,
                "trial": range(trials),
                "repetition": (k,),
            },
            problem=("case",),
            fixed={"steps": steps, "batch_size": 32},
        )
        name = f"images{'-quick' * given.quick}-{k}.parquet"
        out = None if given.out is None else given.out / name
        found.append(run_sweep(sweep, out, workers=given.workers, backend="processes"))
    rows = pd.concat(found, ignore_index=True)
    print(
        f"Right in the domain left out, per cent: {trials} trials, {draws} draws, {steps} steps; "
        "in brackets: had the domain itself chosen the trial.\n"
    )
    print(markdown(rows))
    print("\nHeteroSGD over ERM, on the same images with the same step size, nothing chosen:")
    print(purity(rows))


if __name__ == "__main__":
    main()
