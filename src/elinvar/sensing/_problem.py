"""Multi-environment low-rank matrix sensing: the truth, the environments and the measurements."""

from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from elinvar._base._check import check_count, generator, is_number
from elinvar.errors import DataError
from elinvar.sensing._algorithms import Order
from elinvar.sensing._arrays import Floats
from elinvar.sensing._data import draw_data, read_data
from elinvar.sensing._generated import Generated
from elinvar.sensing._measurements import Gaussian, MeasurementLaw, RankOne, Rectangular
from elinvar.sensing._truth import Truth


class SensingProblem(Generated):
    r"""Labels :math:`y = \langle X, A^* + A^{(e)} \rangle + \sigma \varepsilon` in environments e.

    Made by one of the class methods: `two_point`, `uniform`, `gaussian`, `finite` and `continuum`
    generate the problem of the paper, `from_measurements` takes your own.

    Parameters
    ----------
    dim : int
        d: the matrices are d x d, and the factor has d rows; d1 + d2 of matrices d1 x d2.
    measurements : MeasurementLaw
        The law of X.
    noise : float
        :math:`\sigma`.
    truth : Truth or None
        None where it is unknown: your own measurements.
    data : Data or None
        A finite data set that is used again and again; None: every step draws afresh.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420, section 2.

    Examples
    --------
    >>> from elinvar.sensing import SensingProblem
    >>> problem = SensingProblem.two_point(
    ...     dim=50, invariant_rank=2, spurious_rank=2, heterogeneity=6.0, rng=0
    ... )
    >>> problem
    SensingProblem: 50 x 50, invariant rank 2, spurious rank 2, 2 environments (two-point),
    gaussian measurements, fresh at every step
    >>> problem.invariant.shape
    (50, 50)
    """

    @classmethod
    def from_measurements(
        cls, X: ArrayLike, y: ArrayLike, environments: ArrayLike | None = None
    ) -> Self:
        """Take your own measurements; nothing is known of the truth.

        Parameters
        ----------
        X : array of shape (n, d, d), (n, d1, d2) or (n, d)
            Sensing matrices, or vectors x that measure with x x'. Square ones are taken to measure
            a symmetric matrix.
        y : array of shape (n,)
            Labels.
        environments : array of shape (n,), optional
            The environment of each; None: all are from one.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If shapes do not agree, or a value is not finite.
        """
        data = read_data(X, y, environments)
        rows, columns = data.X.shape[1], data.X.shape[-1]
        law: MeasurementLaw = Gaussian() if data.X.ndim == 3 else RankOne()
        if rows != columns:
            law = Rectangular(rows=rows, columns=columns)
        dim = rows if rows == columns else rows + columns
        return cls(dim=dim, measurements=law, data=data)

    def sample(
        self,
        n_samples: int,
        rng: int | np.random.Generator | None = None,
        *,
        n_environments: int | None = None,
    ) -> Self:
        """Return the problem with a finite data set that every step uses again.

        Parameters
        ----------
        n_samples : int
            Measurements in each environment.
        rng : int or Generator, optional
            Draws them.
        n_environments : int, optional
            Environments to draw from a continuous law; a finite one takes all.

        Returns
        -------
        SensingProblem

        Raises
        ------
        DataError
            If the problem has its own data already, or a number is missing or below 1.
        """
        if self.truth is None or self.data is not None:
            raise DataError(
                "This problem has a finite data set already; sample the problem itself."
            )
        check_count("n_samples", n_samples)
        law, rng = self.truth.law, generator(rng)
        if law.finite:
            if n_environments is not None:
                raise DataError(
                    f"n_environments={n_environments} is for continuous laws; this one has "
                    f"{len(law.weights)} environments, and all are sampled."
                )
            matrices = law.matrices
        else:
            check_count("n_environments", n_environments)
            matrices = law.draw(rng, n_environments or 0)
        basis = self.truth.basis
        full = (basis @ core @ basis.T for core in self.truth.cores_of(matrices))
        data = draw_data(self.measurements, full, n_samples, self.noise, rng)
        return replace(self, data=data)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrices."""
        return self.measurements.shape(self.dim)

    @property
    def invariant_rank(self) -> int:
        """Rank r1 of A*."""
        return len(self.invariant_eigenvalues)

    @property
    def spurious_rank(self) -> int:
        """Spurious directions r2."""
        return int(self.spurious_matrices.shape[1])

    @property
    def invariant_eigenvalues(self) -> Floats:
        """Eigenvalues (r1,) of A*; singular values if it is rectangular."""
        return self._known.own(self._known.invariant_eigenvalues)

    @property
    def invariant(self) -> Floats:
        """A*, of the shape of the problem."""
        return self._full(self._known.invariant_core)

    @property
    def pooled(self) -> Floats:
        """Where pooled training ends, A* + E A^(e), of the shape of the problem."""
        return self._full(self._known.pooled_core)

    @property
    def spurious_matrices(self) -> Floats:
        """S_e in the basis V*, (E, r2, r2); of a continuous law, many equally likely ones."""
        return self._known.own(self._known.law.matrices, axes=(1, 2))

    def check_order(self, order: Order) -> None:
        """Refuse an order in which these environments cannot come.

        Parameters
        ----------
        order : {"random", "cyclic", "blocks", "markov", "window", "drift"}
            As in `HeteroSGD`.

        Raises
        ------
        DataError
            If it needs an axis, and there is none, or takes a continuum in turn.
        """
        law = self.truth.law if self.truth is not None and self.data is None else None
        if law is not None and not law.finite:
            if order == "cyclic":
                raise DataError(
                    'order="cyclic" takes environments in turn, but this problem has a continuum '
                    'of them; use "random" or "blocks".'
                )
            if order in ("window", "drift") and law.curve is None:
                raise DataError(
                    f'order="{order}" needs environments along an axis, as '
                    f"SensingProblem.continuum has them; a {law.name} law has none."
                )
        elif order in ("window", "drift"):
            raise DataError(
                f'order="{order}" needs environments along an axis: a fresh '
                "SensingProblem.continuum; this problem has a list of them."
            )

    def window_matrices(self, width: float) -> Floats:
        """Return means of S_e over windows of a continuum, equally likely ones, (E, r2, r2).

        Parameters
        ----------
        width : float in (0, 1]
            Of the windows, as a share of the axis.

        Raises
        ------
        DataError
            If there is no axis, or no such window.
        """
        law = self._known.law
        if law.curve is None:
            raise DataError(f"Windows need environments along an axis; a {law.name} law has none.")
        if not (is_number(width) and 0.0 < width <= 1.0):
            raise DataError(f"width must lie in (0, 1]; got {width!r}.")
        return self._known.own(law.window_means(width), axes=(1, 2))

    @property
    def environment_weights(self) -> Floats:
        """How often each environment is drawn, (E,)."""
        return self._known.law.weights

    @property
    def overlap(self) -> Floats:
        """Cosines U*'V*, (r1, r2)."""
        return self._known.own(self._known.overlap, axes=(0, 1))

    @property
    def curvature(self) -> float:
        """The factor c of E<X, R>X = c R."""
        return self.measurements.curvature

    def _full(self, core: Floats) -> Floats:
        matrix = self._known.basis @ core @ self._known.basis.T
        return np.asarray(self.measurements.block(matrix), dtype=np.float64)

    @property
    def _known(self) -> Truth:
        if self.truth is None:
            raise DataError("The truth behind your own measurements is not known.")
        return self.truth

    def __repr__(self) -> str:
        parts = ["{} x {}".format(*self.shape)]
        if self.truth is not None:
            law = self.truth.law
            many = f"{len(law.weights)} environments" if law.finite else "a continuum"
            parts += [f"invariant rank {self.invariant_rank}"]
            parts += [f"spurious rank {self.spurious_rank}"]
            parts += [f"{many} ({law.name}),\n{self.measurements.name} measurements"]
        elif self.data is not None:
            count = len(self.data.names)
            parts += [f"{count} environment{'s' * (count != 1)}"]
        if self.data is None:
            parts += ["fresh at every step"]
        else:
            parts += [f"a data set of {len(self.data.y):,}"]
        if self.noise:
            parts += [f"label noise {self.noise:g}"]
        return f"SensingProblem: {', '.join(parts)}"
