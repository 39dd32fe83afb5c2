r"""Penalties on disagreement in the matrix problem: IRMv1 and V-REx, of all data and of batches.

With :math:`R_e = A^* + A^{(e)} - A` the risk of environment e is :math:`L_e = |R_e|^2 / 2`, and

.. math:: P_\text{IRM} = \mathbb E_e D_e^2, \quad D_e = \partial_w L_e(w A)|_{w=1}
    = -\langle R_e, A \rangle, \qquad P_\text{V-REx} = \mathrm{Var}_e L_e .

The gradient of :math:`\mathbb E L_e + \lambda P` in A is
:math:`-\mathbb E\, c_e R_e + 2 \lambda\, \mathbb E[D_e]\, A` with
:math:`c_e = 1 + 2 \lambda D_e`, or without the last term and with
:math:`c_e = 1 + 2 \lambda (L_e - \mathbb E L)`: a penalty weighs environments anew.
What follows is in docs/theory-matrix.md, "Penalties".
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Penalty = Literal["IRMv1", "V-REx"]

# far beyond any environment's own solution
_LOST = 1e6


@dataclass(frozen=True, kw_only=True, eq=False)
class Penalised:
    """The population's penalised risk; equally likely environments.

    Parameters
    ----------
    targets : ndarray of shape (E, n, n)
        A* + A^(e).
    penalty : {"IRMv1", "V-REx"}
    batch_size : int, optional
        m measurements of each environment, from which the terms of the penalty are estimated: their
        variance is a penalty as well. None: infinitely many.
    """

    targets: Floats
    penalty: Penalty
    batch_size: int | None = None

    def terms(self, A: Floats) -> Floats:
        """Return D_e, or L_e less its mean, of shape (E,); the penalty is their mean square."""
        R = self.targets - A
        risks: Floats = 0.5 * (R**2).sum(axis=(1, 2))
        terms: Floats = risks - risks.mean()
        if self.penalty == "IRMv1":
            terms = -np.einsum("eij,ij->e", R, A)
        return terms

    def value(self, A: Floats) -> float:
        """Return the penalty, as batches of this size have it on average."""
        return float(np.mean(self.terms(A) ** 2)) + self._chance(A)[0]

    def gradient(self, A: Floats) -> Floats:
        """Return the gradient of the penalty in A."""
        R, terms = self.targets - A, self.terms(A)
        pulled: Floats = -2.0 * np.einsum("e,eij->ij", terms, R) / len(R) + self._chance(A)[1]
        return pulled + 2.0 * terms.mean() * A if self.penalty == "IRMv1" else pulled

    def _chance(self, A: Floats) -> tuple[float, Floats]:
        r"""Return the mean variance of the estimated terms, and its gradient.

        For Gaussian measurements :math:`(|R|^2 |A|^2 + \langle R, A \rangle^2) / m` of D_e, and
        :math:`|R|^4 / 2m` of L_e, of which a share of 1 - 1/E is apart from the mean.
        """
        if self.batch_size is None:
            return 0.0, np.zeros_like(A)
        R = self.targets - A
        power, size = (R**2).sum(axis=(1, 2)), float((A**2).sum())
        if self.penalty == "IRMv1":
            inner = np.einsum("eij,ij->e", R, A)
            value = power * size + inner**2
            slope = 2.0 * (power.mean() * A - size * R.mean(axis=0))
            slope += 2.0 * (np.einsum("e,eij->ij", inner, R) / len(R) - inner.mean() * A)
        else:
            share = 0.5 * (1.0 - 1.0 / len(R))
            value = share * power**2
            slope = -4.0 * share * np.einsum("e,eij->ij", power, R) / len(R)
        return float(value.mean()) / self.batch_size, slope / self.batch_size

    def minimise(self, weights: tuple[float, ...], rng: np.random.Generator) -> list[Floats]:
        r"""Return A = U U' at the minimum of :math:`\mathbb E L_e + \lambda P` for rising weights.

        From a small start and from the minimum of the weight before, as when a weight is raised in
        training: the lower of the two. Quasi-Newton steps, so that none is lost to a step size.
        """
        n = self.targets.shape[1]
        before = self._descend(0.0, 0.1 * rng.standard_normal((n, n)))[1]
        found = []
        for weight in weights:
            starts = (0.1 * rng.standard_normal((n, n)), before)
            _, before = min((self._descend(weight, U) for U in starts), key=lambda end: end[0])
            found.append(before @ before.T)
        return found

    def _descend(self, weight: float, U: Floats) -> tuple[float, Floats]:
        from scipy.optimize import minimize

        shape = U.shape

        def risk(flat: Floats) -> tuple[float, Floats]:
            U = flat.reshape(shape)
            A = U @ U.T
            R = self.targets - A
            value = 0.5 * float((R**2).sum()) / len(R) + weight * self.value(A)
            slope = weight * self.gradient(A) - R.mean(axis=0)
            # divided by the weight as in the published code, so that its size stays that of a risk
            return value / (1.0 + weight), (2.0 * slope @ U).ravel() / (1.0 + weight)

        options = {"maxiter": 5000, "maxfun": 10_000, "ftol": 0.0, "gtol": 1e-9}
        end = minimize(risk, U.ravel(), jac=True, method="L-BFGS-B", options=options)
        return float(end.fun), end.x.reshape(shape)


def extrapolates(values: Floats) -> bool:
    r"""Whether some extrapolated environment has no positive spurious eigenvalue.

    That is weights :math:`v_e`, of sum 1 and of any sign, with :math:`\sum_e v_e s_{ej} \le 0` in
    every direction j: the condition for A* to be where the risk ends under an infinite weight of
    IRMv1 (own).

    Parameters
    ----------
    values : ndarray of shape (E, r2)
        s_ej.
    """
    from scipy.optimize import linprog

    count = len(values)
    end = linprog(
        np.zeros(count), A_ub=values.T, b_ub=np.zeros(values.shape[1]), A_eq=np.ones((1, count)),
        b_eq=[1.0], bounds=(None, None),
    )  # fmt: skip
    return bool(end.status == 0)


def circumcentre(values: Floats) -> Floats:
    """Return the spurious eigenvalues a at which all risks are equal, (r2,); NaN if not unique.

    There |s_e - a| is the same for all e: V-REx ends there, if no entry is negative (own).
    """
    ahead = values[1:] - values[0]
    gain = 0.5 * ((values[1:] ** 2).sum(axis=1) - (values[0] ** 2).sum())
    found, _, rank, _ = np.linalg.lstsq(ahead, gain, rcond=None)
    alone = rank == values.shape[1] and np.allclose(ahead @ found, gain)
    return found if alone else np.full(values.shape[1], np.nan)


def descend(
    risk: Penalised,
    *,
    weight: float,
    step_size: float,
    steps: int,
    init_scale: float,
    rng: np.random.Generator,
) -> Floats:
    """Return A after gradient steps on fresh batches, averaged over the last third; NaN if lost."""
    assert risk.batch_size is not None
    count, d = risk.targets.shape[:2]
    U, total = init_scale * np.eye(d), np.zeros((d, d))
    for step in range(steps):
        A = U @ U.T
        if not np.abs(A).max() < _LOST:
            return np.full((d, d), np.nan)
        drawn = [batch_gradients(T - A, A, risk.batch_size, rng) for T in risk.targets]
        G, H = (np.stack([batch[k] for batch in drawn]) for k in (0, 1))
        risks = np.array([batch[2] for batch in drawn])
        if risk.penalty == "IRMv1":
            terms, turned = -np.einsum("eij,ij->e", G, A), H - G
        else:
            terms, turned = risks - risks.mean(), -G
        slope = 2.0 * weight * np.einsum("e,eij->ij", terms, turned) / count - G.mean(axis=0)
        U = U - step_size * slope @ U
        total += A if 3 * step >= 2 * steps else 0.0
    return total / (steps - -(-2 * steps // 3))


def batch_gradients(
    R: Floats, A: Floats, batch_size: int, rng: np.random.Generator
) -> tuple[Floats, Floats, float]:
    r"""Draw what m fresh Gaussian measurements say of an environment, from its exact law.

    Of :math:`G = \frac1m \sum_i r_i X_i` and :math:`H = \frac1m \sum_i h_i X_i`, with
    :math:`r_i = \langle X_i, R \rangle`, :math:`h_i = \langle X_i, A \rangle`. The sums
    :math:`W = \sum_i (r_i, h_i)(r_i, h_i)^\top` are Wishart with the Gram matrix K of R and A.
    Given W, the parts of G and H along R and A are :math:`\frac1m W K^{-1}` times these, and the
    rest is white with covariance :math:`W / m^2` (own; docs/exact-law.md has it for G alone).

    Returns
    -------
    G, H : ndarray of shape (d, d)
        Symmetric.
    risk : float
        Of the batch, half the mean square.
    """
    d = len(A)
    plane = np.stack([R.ravel(), A.ravel()])
    K = plane @ plane.T
    # Bartlett: W = C B B' C', with C C' = K
    B = np.array([[np.sqrt(rng.chisquare(batch_size)), 0.0],
                  [rng.standard_normal(), np.sqrt(rng.chisquare(batch_size - 1))]])  # fmt: skip
    root = np.linalg.cholesky(K) @ B
    along = root @ root.T @ np.linalg.inv(K) / batch_size
    white = rng.standard_normal((2, d, d))
    Z = (0.5 * (white + white.transpose(0, 2, 1))).reshape(2, -1)
    rest = root / batch_size @ (Z - Z @ plane.T @ np.linalg.solve(K, plane))
    G, H = (along @ plane + rest).reshape(2, d, d)
    return G, H, 0.5 * float((root[0] ** 2).sum()) / batch_size
