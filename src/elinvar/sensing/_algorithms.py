"""HeteroSGD, PooledSGD and PooledGD as frozen configurations."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias, get_args

from elinvar._base._check import check_choice, check_count, check_number, is_number
from elinvar._base._protocols import Parameterization, Sampling
from elinvar.errors import DataError
from elinvar.sensing._optimizers import SGD, Optimizer

Init = Literal["identity", "gaussian", "orthogonal"]
Order = Literal["random", "cyclic", "blocks", "markov", "window", "drift"]

# what an order needs: the field, the order, its range, and the range in words
_OF_ORDERS: tuple[tuple[str, str, Callable[[float], bool], str], ...] = (
    ("stay", "markov", lambda value: 0 <= value < 1, "[0, 1)"),
    ("window", "window", lambda value: 0 < value <= 1, "(0, 1]"),
    ("speed", "drift", lambda value: 0 < value < 1, "(0, 1)"),
)


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
    order : {"random", "cyclic", "blocks", "markov", "window", "drift"}
        Whether environments are drawn at every step, used in turn, drawn and kept for a while, or
        kept by chance (a Markov chain); or, where they lie along an axis
        (:meth:`SensingProblem.continuum`), whether a batch mixes those of a window about a place
        that is drawn at every step, or environments drift along the axis.
    block : int >= 1
        Steps that an environment is kept for, with ``order="blocks"``.
    environments : int >= 1
        Environments drawn anew for each batch, which share it evenly, with ``order="random"``.
    stay : float in [0, 1), optional
        Chance that a step keeps the environment of the one before, with ``order="markov"``;
        otherwise it is drawn anew.
    window : float in (0, 1], optional
        Width of the window, as a share of the axis, with ``order="window"``. Every measurement
        has a place of its own, uniform in the window. A curve that ends where it begins is
        a circle; on others the window lies on the axis as a whole.
    speed : float in (0, 1), optional
        How far environments drift in a step, as a share of the axis, with ``order="drift"``,
        from a place that is drawn: around a circle, and back and forth on other curves.
    parameterization : {"psd", "symmetric", "direct"}
        :math:`A = U U^\top` (of a rectangular problem :math:`U V^\top`), :math:`A = U U^\top - V
        V^\top`, or the matrix A itself.
    optimizer : Optimizer
        Plain `SGD`, or another update rule.

    Raises
    ------
    DataError
        If a value is out of its range.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420, Algorithm 1. The gain, the
    two-sided factor and the orders but the first are own.

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
    environments: int = 1
    stay: float | None = None
    window: float | None = None
    speed: float | None = None
    sampling: ClassVar[Sampling] = "one"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_batch(self.batch_size)
        check_number("gain", self.gain, least=0.0)
        check_choice("order", self.order, get_args(Order))
        check_count("block", self.block, "steps that an environment is kept for")
        if self.block != 1 and self.order != "blocks":
            raise DataError(f'block={self.block} needs order="blocks"; got {self.order!r}.')
        self._check_mixture()
        for name, order, fits, told in _OF_ORDERS:
            value = getattr(self, name)
            if self.order == order and not (is_number(value) and fits(value)):
                raise DataError(f'{name} must lie in {told} with order="{order}"; got {value!r}.')
            if self.order != order and value is not None:
                raise DataError(f'{name}={value!r} needs order="{order}"; got {self.order!r}.')

    def _check_mixture(self) -> None:
        count = self.environments
        check_count("environments", count, "environments that share a batch")
        if count > 1 and self.order != "random":
            raise DataError(f'environments={count} needs order="random"; got {self.order!r}.')
        if self.batch_size is not None and count > self.batch_size:
            raise DataError(
                f"A batch of {self.batch_size} cannot be shared by {count} environments; take a "
                "larger batch_size or fewer environments."
            )


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
