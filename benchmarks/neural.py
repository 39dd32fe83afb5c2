"""Training with torch: what networks learn, and what the loop costs.

    python benchmarks/neural.py [--only networks overhead] [--quick]

torch is the extra elinvar[torch]. Loops are compared in turn, pair by pair, in processor time, with
memory that is freed kept by the process: otherwise it depends on chance how much of a step goes to
getting memory back from the system.
"""

import argparse
import os

for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import ctypes  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from time import process_time  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

from _table import Row, Suite, at_least, at_most, parser, run  # noqa: E402
from elinvar.neural import (  # noqa: E402
    FreshBatches,
    HeteroStep,
    HeteroTrainer,
    QuadraticNetwork,
    TwoLayerNetwork,
    centred_squared_loss,
)
from elinvar.sensing import SensingProblem  # noqa: E402

SETTING = {"invariant_rank": 2, "spurious_rank": 2, "heterogeneity": 6.0}

LARGE = {"batch_size": 8192}
LAZY = {"init_scale": 10.0, "step_size": 0.002}

# name, options of `distances`, what the error is compared with
NETWORKS: tuple[tuple[str, dict[str, Any], float | None], ...] = (
    ("HeteroSGD, environments in turn", LARGE, 0.15),
    (
        "HeteroSGD, environments at random, no decay",
        {"order": "random", "decay": 0.0, **LARGE},
        None,
    ),
    ("HeteroSGD, gain 2, step .03, m = 4,096", {"gain": 2.0, "step_size": 0.03}, None),
    (
        "HeteroSGD, at random, no centring, no decay, step .02, m = 2,000",
        {
            "order": "random",
            "centred": False,
            "step_size": 0.02,
            "batch_size": 2000,
            "decay": 0.0,
        },
        None,
    ),
    ("HeteroSGD, lazy start (scale 10, step .002), m = 4,096", LAZY, None),
    ("PooledSGD", {"order": "pooled", **LARGE}, 1.3),
)


def distances(
    problem: SensingProblem,
    *,
    seed: int,
    init_scale: float = 1e-2,
    step_size: float = 0.1,
    batch_size: int = 4096,
    steps: int = 800,
    order: Any = "cyclic",
    gain: float = 1.0,
    centred: bool = True,
    decay: float = 1 / 3,
) -> tuple[float, float]:
    """Train; return how far from A* the average over the last third is, and the last iterate."""
    network = QuadraticNetwork(problem.dim, 60, init_scale=init_scale, seed=seed)
    optimizer = torch.optim.SGD(network.parameters(), lr=step_size)
    loss = centred_squared_loss if centred else torch.nn.functional.mse_loss
    falling = max(decay * steps, 1.0)
    trainer = HeteroTrainer(
        network,
        optimizer,
        # so that step sizes mean what they mean in elinvar.theory
        lambda output, target: loss(output, target) / 8,
        rule=HeteroStep(gain=gain, environments=1 if gain == 1.0 else 2),
        scheduler=torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, (steps - step) / falling) if decay else 1.0
        ),
        average=1 / 3,
        record_every=100,
    )
    trainer.fit(FreshBatches(problem, batch_size, order=order, seed=seed), steps=steps)
    matrices: list[Any] = [trainer.averaged, network]
    average, last = (
        float(np.linalg.norm(end.matrix.double().numpy() - problem.invariant)) for end in matrices
    )
    return average, last


def networks(options: argparse.Namespace) -> Iterator[Row]:
    """The paper's network: d = 30, r = 2 + 2, M = 6, 60 units; m = 8,192, 800 steps of .1."""
    seeds = range(2 if options.quick else 6)
    for name, how, target in NETWORKS:
        errors, last = [], []
        for seed in seeds:
            problem = SensingProblem.two_point(dim=30, rng=seed, **SETTING)
            average, end = distances(problem, seed=seed, **how)
            errors.append(average)
            last.append(end)
        middle = float(np.median(errors))
        reference = (
            f"{min(errors):.3f} to {max(errors):.3f} in {len(errors)} seeds; last iterate "
            f"{np.median(last):.3f} ({min(last):.3f} to {max(last):.3f})"
        )
        what = f"{name}: |U U' - A*|, averaged network, median"
        if target is None:
            yield Row(what=what, figure=f"{middle:.3f}", reference=reference)
        elif target < 1:
            yield at_most(what, max(errors), target, reference=f"worst shown; {reference}")
        else:
            yield at_least(what, min(errors), target, reference=f"least shown; {reference}")


def keep_memory() -> None:
    """Tell the C library not to give freed memory back, where it can be told."""
    try:
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(-1, 1 << 29)  # M_TRIM_THRESHOLD
        library.mallopt(-3, 1 << 29)  # M_MMAP_THRESHOLD
    except (OSError, AttributeError):
        pass


def overhead(options: argparse.Namespace) -> Iterator[Row]:
    keep_memory()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    batches = [
        (torch.randn(4096, 30, generator=generator), torch.randn(4096, generator=generator))
        for _ in range(20)
    ]
    loss = torch.nn.functional.mse_loss
    rounds, steps = (40, 100) if options.quick else (200, 100)
    yield small_steps([(x[:8], y[:8]) for x, y in batches], loss, rounds // 4)
    for name, make in (("quadratic", QuadraticNetwork), ("ReLU", TwoLayerNetwork)):

        def start(make: Any = make) -> tuple[Any, Any]:
            network = make(30, 60)
            return network, torch.optim.SGD(network.parameters(), lr=1e-3)

        bare, ours = loops(batches, loss, steps)
        ratios, seconds = pairs(bare, ours, start, rounds)
        low, high = np.quantile(ratios, [0.25, 0.75])
        yield at_most(
            f"HeteroTrainer over a bare loop, two-layer {name}, batch 4,096: share added",
            float(np.median(ratios)) - 1.0,
            0.02,
            reference=f"quartiles {low - 1:.3f} and {high - 1:.3f} of {rounds} pairs; "
            f"bare {np.median(seconds) / steps * 1e6:.0f} us a step",
        )


def loops(batches: Any, loss: Any, steps: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return a bare loop over batches, and ours."""

    def bare(network: Any, optimizer: Any) -> None:
        for _ in range(steps // len(batches)):
            for x, y in batches:
                optimizer.zero_grad()
                value = loss(network(x), y)
                value.backward()
                optimizer.step()

    def ours(network: Any, optimizer: Any) -> None:
        HeteroTrainer(network, optimizer, loss).fit(batches, steps=steps)

    return bare, ours


def small_steps(batches: Any, loss: Any, rounds: int) -> Row:
    """Say what the loop adds by itself, where steps are so short that chance is short, too."""
    steps = 500

    def start() -> tuple[Any, Any]:
        network = QuadraticNetwork(30, 60)
        return network, torch.optim.SGD(network.parameters(), lr=1e-3)

    ratios, seconds = pairs(*loops(batches, loss, steps), start, rounds)
    added = float(np.median((np.array(ratios) - 1) * seconds)) / steps * 1e6
    reference = f"bare {np.median(seconds) / steps * 1e6:.0f} us a step; {rounds} pairs"
    return Row(
        what="HeteroTrainer over a bare loop, batch 8: us a step added",
        figure=f"{added:.0f}",
        reference=reference,
    )


def pairs(
    bare: Callable[..., None], ours: Callable[..., None], start: Callable[[], Any], rounds: int
) -> tuple[list[float], list[float]]:
    """Ratios of processor time of two loops, taken in turn, and the times of the first."""
    ratios, seconds = [], []
    for k in range(rounds + 2):
        spent = {}
        for loop in (bare, ours) if k % 2 else (ours, bare):
            arguments = start()
            began = process_time()
            loop(*arguments)
            spent[loop] = process_time() - began
        if k >= 2:  # the first ones warm up
            ratios.append(spent[ours] / spent[bare])
            seconds.append(spent[bare])
    return ratios, seconds


SUITES: dict[str, Suite] = {"networks": networks, "overhead": overhead}


def main() -> None:
    options = parser(__doc__ or "", SUITES).parse_args()
    torch.set_num_threads(1)
    run("Training with torch", SUITES, options)


if __name__ == "__main__":
    main()
