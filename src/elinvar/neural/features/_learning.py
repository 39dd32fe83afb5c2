"""The paper's experiment on feature learning: a two-layer network, fresh inputs, environments."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from elinvar._base._check import check_number
from elinvar.neural.features._alignment import alignment, input_gradients
from elinvar.neural.features._fresh_batches import FreshBatches, Order
from elinvar.neural.networks._losses import centred_squared_loss
from elinvar.neural.networks._two_layer import Activation, QuadraticNetwork, make_network
from elinvar.neural.rules._hetero_step import HeteroStep
from elinvar.neural.rules._learner import Loss
from elinvar.neural.training._outcome import Status
from elinvar.neural.training._progress import Progress
from elinvar.neural.training._trainer import HeteroTrainer
from elinvar.sensing import SensingProblem

if TYPE_CHECKING:
    from pandas import DataFrame

_PROBES = 512


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FeatureRun:
    """What a network has learned, over time.

    Attributes
    ----------
    status : {"completed", "stopped", "diverged"}
        Of the training.
    metrics : DataFrame
        A row a recorded step: ``loss``; ``invariant`` and ``spurious``, the :func:`alignment` of
        the units with the two subspaces; ``output_invariant`` and ``output_spurious``, that of the
        output's gradient; of quadratic networks ``error`` and ``pooled_error``, the distance of
        U U' to A* and to A* + E A^(e).
    averaged_error, averaged_pooled_error : float
        The two distances of the averaged network; NaN if it is not quadratic.
    model, averaged : Module
        The network at the end, and with averaged parameters.
    """

    status: Status
    metrics: "DataFrame"
    averaged_error: float
    averaged_pooled_error: float
    model: torch.nn.Module
    averaged: torch.nn.Module

    def __repr__(self) -> str:
        last = self.metrics.iloc[-1]
        text = f"FeatureRun: {self.status} after {int(last['step']):,} steps"
        if "invariant" not in last:
            return text
        return f"{text}, units {last['invariant']:.1%} invariant, {last['spurious']:.1%} spurious"


def learn_features(
    problem: SensingProblem,
    *,
    activation: Activation = "quadratic",
    hidden: int = 60,
    init_scale: float = 1e-2,
    step_size: float = 0.1,
    batch_size: int = 4096,
    steps: int = 800,
    order: Order = "cyclic",
    gain: float = 1.0,
    centred: bool = True,
    decay: float = 1 / 3,
    average: float = 1 / 3,
    record_every: int = 20,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> FeatureRun:
    r"""Train a two-layer network on fresh inputs, and watch which features it learns.

    The loss is the mean square of :math:`f(x) - y`, or its variance, over 8, so that for the
    quadratic network step sizes mean what they mean in :mod:`elinvar.theory`:
    :math:`\mathrm{loss} = \lVert R \rVert^2 / 4` on average.

    Parameters
    ----------
    problem : SensingProblem
        Labels :math:`x^\top (A^* + A^{(e)}) x`.
    activation : {"quadratic", "relu", "gelu"}
        Of the network; quadratic is the paper's.
    hidden : int
        Units.
    init_scale : float > 0
        Of the start: from rich to lazy.
    step_size : float > 0
        Of plain SGD.
    batch_size, steps : int
        Fresh inputs a step, and steps.
    order : {"random", "cyclic", "pooled"}
        HeteroSGD with environments drawn or in turn, or PooledSGD. In turn, what environments do
        to the common directions cancels over a round.
    gain : float >= 0
        Of `HeteroStep`, with a batch of each environment a step.
    centred : bool
        Give each batch its best intercept (`centred_squared_loss`).
    decay : float in [0, 1]
        Share of the steps, at the end, over which the step size falls linearly to 0: spurious
        features are dead by then, and the noise of sampling falls with the step.
    average : float in [0, 1]
        Share of the steps, at the end, over which parameters are averaged.
    record_every : int
        Distance of recorded steps.
    seed : int
        Of the start, the environments and the inputs.
    device : device
        Where to train.
    progress : callable, optional
        Called as ``progress(done, steps)``.

    Returns
    -------
    FeatureRun

    Raises
    ------
    DataError
        If a value is out of its range.

    Notes
    -----
    With d = 30, ranks 2 + 2 and M = 6 the distance to A* is about .3 to .9, depending on the seed,
    for environments at random, no intercept, steps of .02 on 2,000 inputs. Three changes bring it
    below .1 in every seed seen: intercepts (the mean of the spurious part,
    :math:`\mathrm{tr}\, A^{(e)}`, no longer shakes all directions, so that steps of .1 are stable);
    environments in turn; and more inputs a step, with a step size that falls at the end.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420, section 4.

    Examples
    --------
    >>> from elinvar.neural import learn_features
    >>> from elinvar.sensing import SensingProblem
    >>> problem = SensingProblem.two_point(
    ...     dim=10, invariant_rank=1, spurious_rank=1, heterogeneity=6.0, rng=0
    ... )
    >>> hetero = learn_features(problem, hidden=20, batch_size=600, steps=250)
    >>> pooled = learn_features(problem, hidden=20, batch_size=600, steps=250, order="pooled")
    >>> hetero.averaged_error < 0.2 < 0.8 < pooled.averaged_error
    True
    """
    check_number("decay", decay, least=0.0)
    check_number("step_size", step_size, least=0.0, above=True)
    batches = FreshBatches(problem, batch_size, order=order, seed=seed, device=device)
    network = make_network(activation, problem.dim, hidden, init_scale, seed).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=step_size)
    falling = max(decay * steps, 1.0)
    trainer = HeteroTrainer(
        network,
        optimizer,
        _loss(centred),
        rule=HeteroStep()
        if gain == 1.0
        else HeteroStep(gain=gain, environments=len(batches.weights)),
        scheduler=torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, (steps - step) / falling) if decay else 1.0
        ),
        average=average,
        record_every=record_every,
        callbacks=[_FeatureMetrics(problem, torch.device(device), seed)],
        progress=progress,
    )
    training = trainer.fit(batches, steps=steps)
    ends = [float("nan"), float("nan")]
    if isinstance(trainer.averaged, QuadraticNetwork):
        ends = _distances(trainer.averaged, problem)
    return FeatureRun(
        status=training.status,
        metrics=training.metrics,
        averaged_error=ends[0],
        averaged_pooled_error=ends[1],
        model=network,
        averaged=trainer.averaged,
    )


class _FeatureMetrics:
    """What is measured at every record."""

    def __init__(self, problem: SensingProblem, device: torch.device, seed: int) -> None:
        assert problem.truth is not None
        self._problem = problem
        self._invariant = problem.truth.invariant_basis
        self._spurious = problem.truth.spurious_basis
        generator = torch.Generator().manual_seed(seed + 1)
        self._probes = torch.randn(_PROBES, problem.dim, generator=generator).to(device)

    def __call__(self, trainer: HeteroTrainer) -> dict[str, float]:
        network: Any = trainer.model
        gradients = input_gradients(network, self._probes)
        found = {
            "invariant": alignment(network.weight, self._invariant),
            "spurious": alignment(network.weight, self._spurious),
            "output_invariant": alignment(gradients, self._invariant),
            "output_spurious": alignment(gradients, self._spurious),
        }
        if isinstance(network, QuadraticNetwork):
            found["error"], found["pooled_error"] = _distances(network, self._problem)
        return found


def _distances(network: QuadraticNetwork, problem: SensingProblem) -> list[float]:
    matrix = network.matrix.cpu().double().numpy()
    return [float(np.linalg.norm(matrix - end)) for end in (problem.invariant, problem.pooled)]


def _loss(centred: bool) -> Loss:
    if centred:
        return lambda output, target: centred_squared_loss(output, target) / 8
    return lambda output, target: (output - target).square().mean() / 8
