"""HeteroSGD, PooledSGD and PooledGD as frozen configurations."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias, get_args

from elinvar._base._check import check_choice, check_count, check_number
from elinvar._base._protocols import Parameterization, Sampling
from elinvar.errors import DataError
from elinvar.sensing._optimizers import SGD, Optimizer

Init = Literal["identity", "gaussian", "orthogonal"]
Order = Literal["random", "cyclic", "blocks"]


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """What the three algorithms share; use one of them."""

    step_size: float
    width: int | None = None
    init_scale: float = 1e-3
    init: Init = "identity"
    parameterization: Parameterization = "psd"
    optimizer: Optimizer = field(default_factory=SGD)
    sampling: ClassVar[Sampling]

    def __post_init__(self) -> None:
        check_number("step_size", self.step_size, least=0.0, above=True)
        check_number("init_scale", self.init_scale, least=0.0, above=True)
        if self.width is not None:
            check_count("width", self.width, "columns of the factor; None takes as many as rows")
        check_choice("init", self.init, get_args(Init))
        check_choice("parameterization", self.parameterization, get_args(Parameterization))
        if not isinstance(self.optimizer, Optimizer):
            raise DataError(
                f"optimizer must be one of elinvar.sensing, such as SGD(); got {self.optimizer!r}."
            )
        if self.parameterization == "direct" and self.width is not None:
            raise DataError(
                'parameterization="direct" trains the matrix itself and has no width; leave it out.'
            )


@dataclass(frozen=True, kw_only=True)
class HeteroSGD(Algorithm):
    r"""Large batches from ONE environment at a time, with a large step (the paper's Algorithm 1).

    .. math:: U \leftarrow U + \eta\, \mathrm{sym}\Bigl(\frac1m \sum_i
        (y_i - \langle X_i, U U^\top \rangle) X_i\Bigr) U, \qquad U_0 = \alpha I

    Parameters
    ----------
    step_size : float > 0
        :math:`\eta`.
    batch_size : int or None
        m measurements a step; None: infinitely many, the environment's own risk.
    width : int, optional
        k columns of the factor; None: d.
    init_scale : float > 0
        :math:`\alpha`.
    init : {"identity", "gaussian", "orthogonal"}
        :math:`\alpha` times the first k columns of the identity; independent normals of variance
        1/k; or k orthonormal columns of random direction.
    gain : float >= 0
        :math:`\kappa`: a step follows :math:`\bar g + \kappa (g_e - \bar g)`, with
        :math:`\bar g` from a second batch that mixes the environments. 1: the paper's step.
    order : {"random", "cyclic", "blocks"}
        Whether environments are drawn at every step, used in turn, or drawn and kept for a while.
    block : int >= 1
        Steps that an environment is kept for, with ``order="blocks"``.
    parameterization : {"psd", "symmetric", "direct"}
        :math:`A = U U^\top`, :math:`A = U U^\top - V V^\top`, or the matrix A itself.
    optimizer : Optimizer
        Plain `SGD`, or another update rule.

    Raises
    ------
    DataError
        If a value is out of its range.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420, Algorithm 1. The gain and
    the two-sided factor are own.

    Examples
    --------
    >>> from elinvar.sensing import HeteroSGD, SensingProblem, solve
    >>> problem = SensingProblem.two_point(
    ...     dim=20, invariant_rank=1, spurious_rank=1, heterogeneity=6.0, rng=0
    ... )
    >>> trajectory = solve(problem, HeteroSGD(step_size=0.1, batch_size=10**6), steps=600, rng=0)
    >>> bool(trajectory.relative_error[-1] < 0.05), bool(trajectory.spurious_signal[-1] < 0.01)
    (True, True)
    """

    batch_size: int | None
    gain: float = 1.0
    order: Order = "random"
    block: int = 1
    sampling: ClassVar[Sampling] = "one"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_batch(self.batch_size)
        check_number("gain", self.gain, least=0.0)
        check_choice("order", self.order, get_args(Order))
        check_count("block", self.block, "steps that an environment is kept for")
        if self.block != 1 and self.order != "blocks":
            raise DataError(f'block={self.block} needs order="blocks"; got {self.order!r}.')


@dataclass(frozen=True, kw_only=True)
class PooledSGD(Algorithm):
    """The same step on batches that mix all environments.

    Parameters
    ----------
    step_size, batch_size, width, init_scale, init, parameterization, optimizer
        As in `HeteroSGD`.

    Raises
    ------
    DataError
        If a value is out of its range.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, NeurIPS 2024, arXiv:2403.01420.
    """

    batch_size: int | None
    gain: ClassVar[float] = 1.0
    sampling: ClassVar[Sampling] = "pooled"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_batch(self.batch_size)


@dataclass(frozen=True, kw_only=True)
class PooledGD(Algorithm):
    """The full gradient of the pooled loss: of the population, or of the data set if it is finite.

    Parameters
    ----------
    step_size, width, init_scale, init, parameterization, optimizer
        As in `HeteroSGD`.

    Raises
    ------
    DataError
        If a value is out of its range.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, NeurIPS 2024, arXiv:2403.01420.
    """

    batch_size: ClassVar[None] = None
    gain: ClassVar[float] = 1.0
    sampling: ClassVar[Sampling] = "population"


AnyAlgorithm: TypeAlias = HeteroSGD | PooledSGD | PooledGD


def _check_batch(value: int | None) -> None:
    if value is not None:
        check_count("batch_size", value, "measurements a step; None takes infinitely many")
