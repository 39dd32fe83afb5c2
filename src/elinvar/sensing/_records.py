"""What is kept of an iterate: its block, and its size outside; all signals follow from them."""

import numpy as np

from elinvar.sensing._arrays import Floats, Reals
from elinvar.sensing._measurements import MeasurementLaw
from elinvar.sensing._truth import Truth


class Records:
    """Room for the recorded iterates of a run.

    Parameters
    ----------
    steps, record_every : int
        Steps of the run, and the distance between recorded ones.
    block : int
        s.
    """

    def __init__(self, steps: int, record_every: int, block: int) -> None:
        self.numbers = np.arange(0, steps, record_every)
        room = len(self.numbers) + 1
        self.blocks = np.zeros((room, block, block))
        self.outsides = np.zeros(room)
        self.traces = np.zeros(room)
        self.losses = np.zeros(room)

    def keep(self, at: int, A: Reals, basis: Reals | None) -> None:
        """Keep an iterate of which the whole matrix is known."""
        self.traces[at] = np.trace(A)
        if basis is not None:
            block = basis.T @ A @ basis
            self.blocks[at] = block
            self.outsides[at] = ((A - basis @ block @ basis.T) ** 2).sum()

    def signals(self, truth: Truth, kept: int) -> dict[str, Floats]:
        """Return the arrays of a `Trajectory` of a known truth, for the first ``kept`` records."""
        blocks, outside2 = self.blocks[:kept], self.outsides[:kept]
        rank = len(truth.invariant_eigenvalues)
        beyond = blocks.shape[1] - rank
        invariant, spurious = blocks[:, :rank, :rank], blocks[:, rank:, rank:]
        # A is symmetric: what lies between the two blocks counts twice
        between = 2.0 * _squares(blocks[:, :rank, rank:])
        return {
            "invariant_signal": np.sqrt(_squares(invariant) / rank),
            "spurious_signal": np.sqrt(_squares(spurious) / max(beyond, 1)),
            "residual": np.sqrt(truth.share * (between + outside2)),
            "error": np.sqrt(truth.share * (_squares(blocks - truth.invariant_core) + outside2)),
            "pooled_error": np.sqrt(
                truth.share * (_squares(blocks - truth.pooled_core) + outside2)
            ),
        }

    def expected_loss(self, truth: Truth, law: MeasurementLaw, noise: float, kept: int) -> Floats:
        """Return E over environments of the squared error on fresh measurements."""
        cores, weights, mean = truth.cores, truth.law.weights, truth.pooled_core
        # E_e |C_e - A|^2 = |C - A|^2 + E_e |C_e - C|^2, C the mean
        spread = float(weights @ _squares(cores - mean))
        apart = _squares(self.blocks[:kept] - mean) + self.outsides[:kept] + spread
        loss: Floats = truth.share * law.curvature * apart + noise**2
        # E <X, R>^2 = c |R|^2 + t (tr R)^2
        if law.trace:
            traces = np.trace(cores, axis1=1, axis2=2)
            middle = weights @ traces
            off = (self.traces[:kept] - middle) ** 2 + weights @ (traces - middle) ** 2
            loss = loss + law.trace * off
        return loss


def _squares(matrices: Floats) -> Floats:
    """Return the squared Frobenius norms of matrices (n, a, b)."""
    squares: Floats = np.einsum("nij,nij->n", matrices, matrices)
    return squares
