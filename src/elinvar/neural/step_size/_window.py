"""Between which step sizes HeteroSGD works, as far as that can be known before training."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import f as f_distribution
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from elinvar._base._check import check_count, check_number
from elinvar.errors import DataError
from elinvar.neural.rules._learner import Batch, Learner, Loss, as_batch
from elinvar.neural.step_size._curvature import (
    gradient,
    hessian_product,
    lanczos,
    mean_product,
    spread_product,
)
from elinvar.theory import step_window

Floats = NDArray[np.float64]

# chance that curvatures which do not differ are held to
_ALPHA = 1e-3
# parts of the second half of a batch, from whose differences noise is estimated
_PARTS = 8
# directions that pooled steps let grow so much slower than the fastest one are passed over
_LEAST_GROWTH = 0.1
# directions whose spread is a smaller share of the largest one are passed over
_LEAST_SPREAD = 0.05
# how far halving the parameters may be from halving the gradient
_HALVING_TOLERANCE = 0.2
# a start bends down at least so much, beside how it bends up, if features are to grow from it
_LEAST_DOWNWARD = 0.2

_LAZY = (
    "The loss bends up far more than down at this start, as it does in the lazy regime, where "
    "steps add and do not multiply: the lower limit is not known, and there may be none; start "
    "smaller."
)


@dataclass(frozen=True, kw_only=True, eq=False)
class StepWindow:
    """The step sizes of plain SGD at which HeteroSGD suppresses what is spurious, and is stable.

    Attributes
    ----------
    lower : float or None
        Below it the steps are too small, and what is spurious is learned as by pooled steps. None:
        not known, and `notes` say why.
    upper : float or None
        Above it steps are unstable, or what is spurious grows by leaps. None: not known.
    sharpness : float
        Largest curvature of the average loss after the warm-up; 2 over it is the largest stable
        step there.
    growth : ndarray of shape (D, E)
        Growth rates, in each environment, of the directions that differ most between them.
    notes : tuple of str
        What is not known, and what to do about it.
    """

    lower: float | None
    upper: float | None
    sharpness: float
    growth: Floats
    notes: tuple[str, ...] = ()

    @property
    def suggestion(self) -> float | None:
        """A step size to begin with: half the upper limit, or the middle of a narrow window."""
        if self.upper is None or (self.lower is not None and self.lower >= self.upper):
            return None
        return max(self.upper / 2, float(np.sqrt((self.lower or 0.0) * self.upper)))

    def __contains__(self, step_size: float) -> bool:
        above = self.lower is None or step_size > self.lower
        return above and (self.upper is None or step_size < self.upper)

    def __str__(self) -> str:
        ends = ["not known" if end is None else f"{end:.3g}" for end in (self.lower, self.upper)]
        return "\n".join([f"step sizes: lower limit {ends[0]}, upper limit {ends[1]}", *self.notes])


def step_size_window(
    model: nn.Module,
    loss: Loss,
    batches: Sequence[Any],
    *,
    gain: float = 1.0,
    warmup: int = 200,
    iterations: int = 20,
    seed: int = 0,
) -> StepWindow:
    r"""Estimate between which step sizes HeteroSGD works, from curvatures of the loss.

    *Upper limit.* A copy of the model is trained by pooled steps, and the largest curvature
    :math:`\lambda` of the average loss there found by Lanczos iterations on products with its
    Hessian: steps beyond :math:`2 / \lambda` are unstable.

    *Lower limit.* Near a start where parameters multiply (halving them halves the gradient, as at a
    small start of a two-layer network) a step multiplies the amplitude of a direction v by
    :math:`1 + \eta s_e`, with the growth rate :math:`s_e = -v^\top H_e v` in environment e. The
    directions in which the :math:`H_e` differ most come from one half of each batch, their rates
    from the other. What differs dies where :math:`E \log |1 + \eta s_e| < 0`; the first stretch of
    such :math:`\eta` gives the lower limit and another upper one.

    Parameters
    ----------
    model : Module
        At its start; it is not changed.
    loss : callable
        ``loss(output, target)``, the mean over rows.
    batches : sequence of (x, y)
        One of each environment, large enough for curvatures to be told from noise.
    gain : float >= 0
        Of `HeteroStep`: rates are extrapolated by it.
    warmup : int
        Pooled steps of the copy.
    iterations : int
        Of Lanczos.
    seed : int
        Of its starts.

    Returns
    -------
    StepWindow
        Its notes say what is not known.

    Raises
    ------
    DataError
        If there is no batch, or one has fewer than 4 rows or a loss that is not a number.

    References
    ----------
    The window: own derivation, docs/theory-matrix.md, section 3, applied to curvatures. Steps
    beyond 2 over the sharpness: J. Cohen et al., "Gradient descent on neural networks typically
    occurs at the edge of stability", ICLR 2021, arXiv:2103.00065.

    Examples
    --------
    The paper's network: by theory its steps must lie between 0.057 and 0.269.

    >>> from elinvar.neural import FreshBatches, QuadraticNetwork
    >>> from elinvar.neural import centred_squared_loss, step_size_window
    >>> from elinvar.sensing import SensingProblem
    >>> problem = SensingProblem.two_point(
    ...     dim=8, invariant_rank=1, spurious_rank=1, heterogeneity=6.0, rng=0
    ... )
    >>> both = iter(FreshBatches(problem, 20_000, order="cyclic"))
    >>> window = step_size_window(
    ...     QuadraticNetwork(8, 16),
    ...     lambda output, target: centred_squared_loss(output, target) / 8,
    ...     [next(both), next(both)],
    ... )
    >>> print(window)
    step sizes: lower limit 0.06..., upper limit 0.27...
    """
    check_count("warmup", warmup)
    check_count("iterations", iterations)
    check_number("gain", gain, least=0.0)
    pairs = [as_batch(batch) for batch in batches]
    _check_batches(pairs)
    learner = Learner(model=copy.deepcopy(model), loss=loss)
    generator = torch.Generator().manual_seed(seed)
    ends = _mean_curvatures(learner, pairs, iterations, generator)
    growth, notes = np.zeros((0, len(pairs))), [_LAZY]
    if -ends[0] > _LEAST_DOWNWARD * ends[1]:
        growth, notes = _growth_rates(learner, pairs, iterations, generator)
    lower, high = None, None
    if len(growth):
        lower, high, said = _common_window(growth, gain, fastest=-ends[0])
        notes += said
    largest = max(abs(ends[0]), abs(ends[1]))
    if not _descend(learner, pairs, warmup, 0.5 / max(largest, 1e-30)):
        notes.append(
            f"The loss was still falling after a warm-up of {warmup} steps, and curvature may "
            "grow: the upper limit may be lower; take a longer warm-up."
        )
    sharpness = _mean_curvatures(learner, pairs, iterations, generator)[1]
    limits = [2.0 / sharpness] if sharpness > 0 else []
    upper = min(limits + ([] if high is None else [high]), default=None)
    if lower is not None and upper is not None and lower >= upper:
        notes.append(
            "No step size is large enough for what differs between environments and small enough "
            "to be stable: take a larger gain."
        )
    return StepWindow(
        lower=lower, upper=upper, sharpness=sharpness, growth=growth, notes=tuple(notes)
    )


def _growth_rates(
    learner: Learner, batches: list[Batch], iterations: int, generator: torch.Generator
) -> tuple[Floats, list[str]]:
    """Return rates (D, E) of the directions that differ most, D = 0 where that is not known."""
    nothing = np.zeros((0, len(batches)))
    if len(batches) < 2:
        return nothing, [
            "One environment has nothing that differs: the lower limit is not known; give a batch "
            "of each."
        ]
    if not _multiplies(learner, batches):
        return nothing, [
            "Parameters do not multiply at this start (halving them does not halve the gradient), "
            "so the lower limit is not known: start smaller, or try steps near the upper limit."
        ]
    finding = [_rows(batch, 0, 2) for batch in batches]
    spread = spread_product([hessian_product(learner, batch) for batch in finding])
    found = lanczos(spread, _start(learner, generator), iterations)
    chosen = found.values > _LEAST_SPREAD * found.values[-1].clamp(min=1e-30)
    vectors = found.vectors[:, chosen].flip(1)
    parts = np.stack(
        [_rates(learner, batches, vectors, 2 * k + 1, 2 * _PARTS) for k in range(_PARTS)]
    )
    rates, freedom = parts.mean(0), len(batches) * (_PARTS - 1)
    noise = parts.var(0, ddof=1).mean(1) / _PARTS
    most = f_distribution.isf(_ALPHA, len(batches) - 1, freedom)
    differ = rates.var(1, ddof=1) > most * noise
    if not differ.any():
        return nothing, [
            "Curvatures differ no more between environments than chance makes them, so the lower "
            "limit is not known: give larger batches."
        ]
    return rates[differ], []


def _rates(
    learner: Learner, batches: list[Batch], vectors: Tensor, part: int, parts: int
) -> Floats:
    """Return growth rates (D, E) on a part of the rows."""
    columns = []
    for batch in batches:
        product = hessian_product(learner, _rows(batch, part, parts))
        columns.append(torch.stack([-(vector @ product(vector)) for vector in vectors.T]))
    rates: Floats = torch.stack(columns, 1).double().cpu().numpy()
    return rates


def _common_window(
    growth: Floats, gain: float, fastest: float
) -> tuple[float | None, float | None, list[str]]:
    """Return the step sizes at which all directions die that grow and can, and what cannot."""
    mean = growth.mean(1, keepdims=True)
    rates = (mean + gain * (growth - mean))[mean[:, 0] > _LEAST_GROWTH * fastest]
    if not len(rates):
        return (
            0.0,
            None,
            ["What differs between environments does not grow in pooled steps either."],
        )
    windows = [step_window(1.0, law=rate, mean=0.0) for rate in rates]
    dying = [window for window in windows if window]
    notes = []
    if len(dying) < len(windows):
        notes.append(
            f"{'Some' if dying else 'All'} directions in which environments differ grow at any "
            "step size, for their effects have one sign everywhere: if they are spurious, take a "
            "larger gain."
        )
    if not dying:
        return None, None, notes
    return max(window.low for window in dying), min(window.high for window in dying), notes


def _multiplies(learner: Learner, batches: list[Batch]) -> bool:
    """Tell whether halving the parameters halves the gradient."""
    whole = torch.stack([gradient(learner, batch) for batch in batches])
    smaller = copy.deepcopy(learner.model)
    with torch.no_grad():
        for part in smaller.parameters():
            part.mul_(0.5)
    halved = Learner(model=smaller, loss=learner.loss)
    half = torch.stack([gradient(halved, batch) for batch in batches])
    return bool((2 * half - whole).norm() < _HALVING_TOLERANCE * whole.norm())


def _mean_curvatures(
    learner: Learner, batches: list[Batch], iterations: int, generator: torch.Generator
) -> tuple[float, float]:
    """Return the smallest and the largest curvature of the average loss."""
    product = mean_product([hessian_product(learner, batch) for batch in batches])
    values = lanczos(product, _start(learner, generator), iterations).values
    return float(values[0]), float(values[-1])


def _descend(learner: Learner, batches: list[Batch], steps: int, size: float) -> bool:
    """Train the learner by pooled steps that never rise; tell whether the loss has settled."""
    point = parameters_to_vector(learner.parameters).detach().clone()
    risks = [_mean_risk(learner, batches)]
    slope = None
    for _ in range(steps):
        if slope is None:
            slope = torch.stack([gradient(learner, batch) for batch in batches]).mean(0)
        tried = point - size * slope
        vector_to_parameters(tried, learner.parameters)
        risk = _mean_risk(learner, batches)
        if risk <= risks[-1]:
            point, slope, size = tried, None, 1.2 * size
        else:  # a NaN too
            risk, size = risks[-1], 0.5 * size
        risks.append(risk)
    vector_to_parameters(point, learner.parameters)
    last = risks[-1 - max(1, steps // 5)] - risks[-1]
    return last <= 0.02 * (risks[0] - risks[-1])


def _mean_risk(learner: Learner, batches: list[Batch]) -> float:
    with torch.no_grad():
        return sum(float(learner.risk(batch)) for batch in batches) / len(batches)


def _start(learner: Learner, generator: torch.Generator) -> Tensor:
    parameters = learner.parameters
    count = sum(part.numel() for part in parameters)
    return torch.randn(count, generator=generator).to(parameters[0])


def _rows(batch: Batch, part: int, parts: int) -> Batch:
    x, y = batch
    return x[part::parts], y[part::parts]


def _check_batches(batches: list[Batch]) -> None:
    if not batches:
        raise DataError("step_size_window needs a batch of each environment; got none.")
    for x, y in batches:
        if not (isinstance(x, Tensor) and isinstance(y, Tensor) and len(x) == len(y) >= 4):
            raise DataError(
                "Each batch must be two tensors with as many rows, at least 4, since directions "
                "are found on one half and measured on the other."
            )
        if not (torch.isfinite(x).all() and torch.isfinite(y).all()):
            raise DataError("Inputs and labels must be finite numbers: leave out what is missing.")
