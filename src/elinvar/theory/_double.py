r"""A rectangular problem as the symmetric one that it is for growth, times and noise.

With :math:`A = U V^\top` the sum and the difference of the factors, :math:`(U \pm V) / \sqrt 2`
along the singular directions, follow :math:`u \leftarrow u (1 \pm h (s - u_+^2 + u_-^2))` from
:math:`\alpha / \sqrt 2`: a two-sided factor. Derivation and checks are in docs/theory-matrix.md,
section 18.
"""

from dataclasses import dataclass, replace
from typing import Any

from elinvar._base import MatrixAlgorithm, MatrixProblem


@dataclass(frozen=True, kw_only=True, eq=False)
class Symmetric:
    """A symmetric problem with the singular values of a rectangular one."""

    source: Any
    dim: int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.source, name)


def as_symmetric(
    problem: MatrixProblem, algorithm: MatrixAlgorithm
) -> tuple[MatrixProblem, MatrixAlgorithm]:
    """Return problem and algorithm, or for a rectangular problem those that stand for them."""
    rows, columns = getattr(problem, "shape", (problem.dim, problem.dim))
    if rows + columns != problem.dim:
        return problem, algorithm
    if algorithm.parameterization == "direct":
        # as many numbers as a symmetric matrix has: d (d + 1) / 2 = d1 d2
        return Symmetric(source=problem, dim=round((2 * rows * columns) ** 0.5)), algorithm
    # what is learned is disturbed by d1 + d2 - 2 r1 others
    dim = rows + columns - len(problem.invariant_eigenvalues)
    told: Any = algorithm
    twin = replace(told, parameterization="symmetric", init_scale=told.init_scale / 2**0.5)
    return Symmetric(source=problem, dim=dim), twin
