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
    Product,
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
    probe = _Probe(model, loss, pairs, iterations, seed)
    lowest, highest = probe.mean_curvatures()
    growth, notes = np.zeros((0, len(pairs))), [_LAZY]
    if -lowest > _LEAST_DOWNWARD * highest:
        growth, notes = probe.growth_rates()
    common = None
    if len(growth):
        common, said = _common_window(growth, gain, fastest=-lowest)
        notes += said
    if not probe.descend(warmup, 0.5 / max(abs(lowest), abs(highest), 1e-30)):
        notes.append(
            f"The loss was still falling after a warm-up of {warmup} steps, and curvature may "
            "grow: the upper limit may be lower; take a longer warm-up."
        )
    sharpness = probe.mean_curvatures()[1]
    # beyond 2 / lambda a step overshoots by more than it came from
    stable = 2.0 / sharpness if sharpness > 0 else np.inf
    lower, high = common or (None, np.inf)
    highest_step = min(stable, high)
    upper = highest_step if np.isfinite(highest_step) else None
    if lower is not None and upper is not None and lower >= upper:
        notes.append(
            "No step size is large enough for what differs between environments and small enough "
            "to be stable: take a larger gain."
        )
    return StepWindow(
        lower=lower, upper=upper, sharpness=sharpness, growth=growth, notes=tuple(notes)
    )


class _Probe:
    """A copy of a model, and what its loss is like about the parameters where it is.

    Parameters
    ----------
    model, loss, batches, iterations, seed
        As in :func:`step_size_window`.
    """

    def __init__(
        self, model: nn.Module, loss: Loss, batches: list[Batch], iterations: int, seed: int
    ) -> None:
        self._learner = Learner(model=copy.deepcopy(model), loss=loss)
        self._batches, self._iterations = batches, iterations
        self._generator = torch.Generator().manual_seed(seed)

    def mean_curvatures(self) -> tuple[float, float]:
        """Return the smallest and the largest curvature of the average loss."""
        products = [hessian_product(self._learner, batch) for batch in self._batches]
        values, _ = self._lanczos(mean_product(products))
        return float(values[0]), float(values[-1])

    def growth_rates(self) -> tuple[Floats, list[str]]:
        """Return rates (D, E) of the directions that differ most, D = 0 where that is not known."""
        E = len(self._batches)
        nothing = np.zeros((0, E))
        if E < 2:
            return nothing, [
                "One environment has nothing that differs: the lower limit is not known; give a "
                "batch of each."
            ]
        if not self._multiplies():
            return nothing, [
                "Parameters do not multiply at this start (halving them does not halve the "
                "gradient), so the lower limit is not known: start smaller, or try steps near the "
                "upper limit."
            ]
        finding = [_rows(batch, 0, 2) for batch in self._batches]
        spreads, directions = self._lanczos(
            spread_product([hessian_product(self._learner, batch) for batch in finding])
        )
        chosen = spreads > _LEAST_SPREAD * spreads[-1].clamp(min=1e-30)
        vectors = directions[:, chosen].flip(1)
        # rates on rows that had no part in finding the directions, in parts that tell their noise
        parts = np.stack([self._rates(vectors, 2 * k + 1, 2 * _PARTS) for k in range(_PARTS)])
        rates, noise = parts.mean(0), parts.var(0, ddof=1).mean(1) / _PARTS
        # one-way analysis of variance: F with (E - 1, E (parts - 1)) degrees of freedom
        most = f_distribution.isf(_ALPHA, E - 1, E * (_PARTS - 1))
        differ = rates.var(1, ddof=1) > most * noise
        if not differ.any():
            return nothing, [
                "Curvatures differ no more between environments than chance makes them, so the "
                "lower limit is not known: give larger batches."
            ]
        return rates[differ], []

    def descend(self, steps: int, size: float) -> bool:
        """Train the copy by pooled steps that never rise; tell whether the loss has settled."""
        parameters = self._learner.parameters
        point, slope = parameters_to_vector(parameters).detach().clone(), None
        risks = [self._mean_risk()]
        for _ in range(steps):
            if slope is None:
                slope = self._gradients(self._learner).mean(0)
            tried = point - size * slope
            vector_to_parameters(tried, parameters)
            risk = self._mean_risk()
            if risk <= risks[-1]:
                point, slope, size = tried, None, 1.2 * size
            else:  # a NaN too
                risk, size = risks[-1], 0.5 * size
            risks.append(risk)
        vector_to_parameters(point, parameters)
        last = risks[-1 - max(1, steps // 5)] - risks[-1]
        return last <= 0.02 * (risks[0] - risks[-1])

    def _rates(self, vectors: Tensor, part: int, parts: int) -> Floats:
        """Return growth rates s_e = -v' H_e v (D, E) on a part of the rows."""
        columns = []
        for batch in self._batches:
            product = hessian_product(self._learner, _rows(batch, part, parts))
            columns.append(torch.stack([-(vector @ product(vector)) for vector in vectors.T]))
        rates: Floats = torch.stack(columns, 1).double().cpu().numpy()
        return rates

    def _multiplies(self) -> bool:
        """Tell whether halving the parameters halves the gradient."""
        halved = Learner(model=copy.deepcopy(self._learner.model), loss=self._learner.loss)
        with torch.no_grad():
            for part in halved.model.parameters():
                part.mul_(0.5)
        whole, half = (self._gradients(learner) for learner in (self._learner, halved))
        return bool((2 * half - whole).norm() < _HALVING_TOLERANCE * whole.norm())

    def _gradients(self, learner: Learner) -> Tensor:
        """Return the flat gradient on each batch, (E, P)."""
        return torch.stack([gradient(learner, batch) for batch in self._batches])

    def _mean_risk(self) -> float:
        with torch.no_grad():
            risks = [float(self._learner.risk(batch)) for batch in self._batches]
        return sum(risks) / len(risks)

    def _lanczos(self, product: Product) -> tuple[Tensor, Tensor]:
        parameters = self._learner.parameters
        count = sum(part.numel() for part in parameters)
        start = torch.randn(count, generator=self._generator).to(parameters[0])
        return lanczos(product, start, self._iterations)


def _common_window(
    growth: Floats, gain: float, fastest: float
) -> tuple[tuple[float, float] | None, list[str]]:
    """Return the step sizes at which all directions die that grow and can, and what cannot."""
    mean = growth.mean(1, keepdims=True)
    # s_e -> mean + kappa (s_e - mean), of directions that pooled steps let grow
    rates = (mean + gain * (growth - mean))[mean[:, 0] > _LEAST_GROWTH * fastest]
    if not len(rates):
        note = "What differs between environments does not grow in pooled steps either."
        return (0.0, np.inf), [note]
    # the stretches of eta with E log |1 + eta s_e| < 0, docs/theory-matrix.md, section 3
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
        return None, notes
    return (max(window.low for window in dying), min(window.high for window in dying)), notes


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
