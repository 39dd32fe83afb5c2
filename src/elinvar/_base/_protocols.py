"""What theory needs to know of a problem and an algorithm, whoever made them."""

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Sampling = Literal["one", "pooled", "population"]
Parameterization = Literal["psd", "symmetric", "direct"]


class MatrixProblem(Protocol):
    r"""A matrix sensing problem in several environments.

    In environment e, :math:`y = \langle X, A^* + A^{(e)} \rangle + \sigma \varepsilon` with
    :math:`A^* = U^* \Sigma^* U^{*\top}` of rank r1 and :math:`A^{(e)} = V^* S_e V^{*\top}`, where
    U* and V* have orthonormal columns.
    """

    @property
    def dim(self) -> int:
        """Rows d of the matrices."""

    @property
    def invariant_eigenvalues(self) -> "Floats":
        """Diagonal (r1,) of Sigma*."""

    @property
    def spurious_matrices(self) -> "Floats":
        """The S_e, (E, r2, r2) symmetric; of a continuous law, many equally likely draws."""

    @property
    def environment_weights(self) -> "Floats":
        """How often each environment is drawn, (E,), summing to one."""

    @property
    def overlap(self) -> "Floats":
        """Cosines U*'V*, (r1, r2); 0 where the subspaces are orthogonal."""

    @property
    def noise(self) -> float:
        """Standard deviation sigma of the label noise."""

    @property
    def curvature(self) -> float:
        """The factor c of E[<X, R> X] = c R (1: Gaussian measurements, 2: rank-one ones)."""


class MatrixAlgorithm(Protocol):
    """A first-order algorithm on a matrix sensing problem."""

    @property
    def sampling(self) -> Sampling:
        """What a step sees: one environment, a mixed batch, or the whole pooled loss."""

    @property
    def parameterization(self) -> Parameterization:
        """A = U U', A = U U' - V V', or the matrix A itself."""

    @property
    def step_size(self) -> float:
        """The step eta."""

    @property
    def batch_size(self) -> int | None:
        """Measurements m a step; None: infinitely many."""

    @property
    def width(self) -> int | None:
        """Columns k of a factor; None: d."""

    @property
    def init_scale(self) -> float:
        """The start alpha: U = alpha I where k = d."""

    @property
    def gain(self) -> float:
        """The gain kappa: a step follows gbar + kappa (g_e - gbar)."""
