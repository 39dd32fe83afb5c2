"""The chain cause -> target -> effect on which invariant risk minimisation was introduced."""

import numpy as np

from elinvar._base._check import generator
from elinvar.datasets._known import (
    KnownAnswer,
    Labelled,
    Rng,
    check_counts,
    drawn_anew,
    numbered,
    random_rotation,
    stack,
)

DIM = 5
_SCALES = (0.2, 2.0, 5.0)


def make_irm_chain(
    *,
    observed: bool = True,
    heteroskedastic: bool = True,
    rotated: bool = False,
    n_environments: int = 3,
    n_samples: int = 1000,
    rng: Rng,
) -> KnownAnswer:
    r"""Draw the chain model: five causes of the target, then five effects of it.

    All :math:`\varepsilon \sim N(0, I_5)`, independent, and environment :math:`e` has the scale
    :math:`e = .2, 2, 5`:

    .. math::
        h &= e\,\varepsilon_h, \quad x = h W_{hx} + e\,\varepsilon_x, \quad
        t = x + h W_{ht} + \sigma_t \varepsilon_t, \quad z = t + h W_{hz} + \sigma_z \varepsilon_z,
        \\ y &= t \mathbf{1}.

    Heteroskedastic: :math:`\sigma_t = e, \sigma_z = 1`; else :math:`\sigma_t = 1, \sigma_z = e`.
    Fully observed: :math:`W_{hx} = I, W_{ht} = W_{hz} = 0`; else h is a hidden cause and the three
    matrices have independent :math:`N(0, 1)/10` entries.

    Parameters
    ----------
    observed : bool
        Whether x is all that the target depends on ("F"), or h, unseen, acts on all ("P").
    heteroskedastic : bool
        Whether the target's noise changes ("E"), or that of its effects ("O").
    rotated : bool
        Mix the ten columns by one random orthogonal matrix ("S").
    n_environments : int, at least 1
        Environments; beyond the third :math:`\log_{10} e \sim U(-1, 1)` (this library's addition).
    n_samples : int, at least 2
        Rows an environment.
    rng : int or numpy.random.Generator
        Seed, or the generator to draw from.

    Returns
    -------
    KnownAnswer
        ``coef`` is causal, ones and zeros before the rotation: the reference measures the distance
        to it. As h and x scale alike, :math:`E[y \mid x]` is the same everywhere even where h is
        hidden, but with slopes :math:`(I + M W_{ht})\mathbf{1}`,
        :math:`M = (W_{hx}' W_{hx} + I)^{-1} W_{hx}'`: those of the oracle.
        ``new_environments`` draws scales as beyond the third.

    Notes
    -----
    As in the authors' code, the matrices from x to t and from t to z are the identity; the paper's
    text has them random.

    References
    ----------
    M. Arjovsky, L. Bottou, I. Gulrajani, D. Lopez-Paz, "Invariant risk minimization",
    arXiv:1907.02893 (2019), section 5.1.

    Examples
    --------
    >>> make_irm_chain(n_samples=100, rng=0)
    KnownAnswer(chain model FEU: 300 rows, 10 features, 3 environments, 5 invariant)
    """
    check_counts(n_samples=n_samples)
    check_counts(minimum=1, n_environments=n_environments)
    rng = generator(rng)
    identity, nothing = np.eye(DIM), np.zeros((DIM, DIM))
    if observed:
        to_x, to_t, to_z = identity, nothing, nothing
    else:
        to_x, to_t, to_z = rng.standard_normal((3, DIM, DIM)) / (2 * DIM)
    rotation = random_rotation(2 * DIM, rng) if rotated else None

    def drawn(rng: np.random.Generator) -> float:
        return float(10 ** rng.uniform(-1, 1))

    def environment(n: int, scale: float, rng: np.random.Generator) -> Labelled:
        h, of_x, of_t, of_z = rng.standard_normal((4, n, DIM))
        h *= scale
        x = h @ to_x + scale * of_x
        t = x + h @ to_t + (scale if heteroskedastic else 1.0) * of_t
        z = t + h @ to_z + (1.0 if heteroskedastic else scale) * of_z
        X = np.hstack([x, z])
        return (X if rotation is None else X @ rotation), t.sum(axis=1)

    scales = [*_SCALES[:n_environments], *(drawn(rng) for _ in range(n_environments - 3))]
    sample = stack([environment(n_samples, scale, rng) for scale in scales], "E")
    # E[h | x] = x M, M = (W'W + I)^-1 W', as h and x scale alike: so is E[y | x] everywhere
    back = np.linalg.solve(to_x.T @ to_x + identity, to_x.T)
    slopes = (identity + back @ to_t).sum(axis=1)
    squares = float(np.mean(np.square(scales)))
    # what h adds to y beyond its mean given x, in units of the environment's scale
    left = to_t - to_x @ back @ to_t
    hidden = squares * float(np.sum(left.sum(axis=1) ** 2) + np.sum((back @ to_t).sum(axis=1) ** 2))
    causal = np.repeat([1.0, 0.0], DIM)
    answer = np.concatenate([slopes, np.zeros(DIM)])
    if rotation is not None:
        causal, answer = causal @ rotation, answer @ rotation
    letters = ("F" if observed else "P") + ("E" if heteroskedastic else "O")
    return KnownAnswer(
        name=f"chain model {letters}{'S' if rotated else 'U'}",
        **sample._asdict(),
        feature_names=numbered("mix", 2 * DIM)
        if rotated
        else numbered("x", DIM) + numbered("z", DIM),
        coef=causal,
        support=np.arange(2 * DIM) < DIM,
        invariance="subspace" if rotated else "columns",
        identified=None if rotated else n_environments > 1,
        risk=DIM * (squares if heteroskedastic else 1.0) + hidden,
        rotation=rotation,
        _draw=drawn_anew(lambda n, rng: environment(n, drawn(rng), rng), n_environments),
        _oracle=lambda X: X @ answer,
    )
