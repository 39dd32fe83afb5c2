"""Whether environments agree on coefficients, whatever the noise of rows within clusters."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.special import fdtrc

from elinvar.inference.problem._linear_algebra import roots
from elinvar.inference.problem._sandwich import Cells, OwnScores
from elinvar.inference.problem._types import Bools, Floats, Places
from elinvar.inference.tests._overidentification import matched_f

# least share of the trace that residuals are taken to leave
_LEAST = 0.05


@dataclass(frozen=True, kw_only=True)
class RobustTest:
    """Tests of M supports: ``statistic / df1`` is held against F(``df1``, ``df2``).

    Attributes
    ----------
    statistic, df1, df2, p_value : arrays of shape (M,)
    scale : array of shape (M,)
        What the statistic was divided by: 1 where rows are independent and of one variance in each
        environment, up to the degrees of freedom that unequal variances cost.
    """

    statistic: Floats
    df1: Floats
    df2: Floats
    p_value: Floats
    scale: Floats


@dataclass(frozen=True, kw_only=True)
class _Form:
    r"""A projector of the stacked own estimates: :math:`D - F\,\mathrm{diag}(s) F^\top`.

    Attributes
    ----------
    inner : array of shape (M, E, k, k)
        The blocks of D.
    frame, signs : arrays of shape (M, E, k, r), (r,)
    freedom : array of shape (M,)
        Its rank.
    """

    inner: Floats
    frame: Floats
    signs: Floats
    freedom: Floats


@dataclass(frozen=True, kw_only=True)
class CommonFit:
    """Coefficients over all environments, by precision, with their sandwich covariance.

    Attributes
    ----------
    back : array of shape (M, k, k)
        Root of the inverse of the summed precisions.
    frame : array of shape (M, E, k, k)
        What each own estimate, in units of its precision, adds to the common one in those.
    coef : array of shape (M, k)
    covariance : array of shape (M, k, k)
    """

    back: Floats
    frame: Floats
    coef: Floats
    covariance: Floats


def common_fit(own: OwnScores, *, levels: bool) -> CommonFit:
    """Fit all coefficients, or with ``levels=False`` the slopes, whatever the intercepts."""
    back, frame = _common_roots(own, levels=levels)
    estimates = (own.root @ own.own[..., None])[..., 0]
    total = np.einsum("mejk,mej->mk", frame, estimates)
    joint = _moments_along(own.cells, own.scores, frame)
    return CommonFit(
        back=back,
        frame=frame,
        coef=np.einsum("mjk,mk->mj", back, total),
        covariance=back @ joint @ np.swapaxes(back, 1, 2),
    )


def contributions(own: OwnScores) -> tuple[Floats, Floats]:
    """Return what cells add to common coefficients (C, k), and their classical variances (k,).

    Of the first support, with its intercept.
    """
    back, frame = _common_roots(own, levels=True)
    added: Floats = _along(own.cells, own.scores, frame @ np.swapaxes(back, 1, 2)[:, None])[0]
    return added, np.square(back[0]).sum(axis=1)


def _common_roots(own: OwnScores, *, levels: bool) -> tuple[Floats, Floats]:
    """Return ``back`` and ``frame`` of the fit over all environments."""
    root = own.root if levels else _without_levels(own)
    back = roots(np.einsum("meji,mejk->mik", root, root))[0]
    return back, root @ back[:, None]


def _without_levels(own: OwnScores) -> Floats:
    """Roots of the precisions of the slopes when each environment's level is free."""
    levels = own.root[..., own.levels]
    back, _ = roots(np.swapaxes(levels, -1, -2) @ levels)
    axes = levels @ back
    slopes = own.root[..., ~own.levels]
    left: Floats = slopes - axes @ (np.swapaxes(axes, -1, -2) @ slopes)
    return left


def _moments_along(cells: Cells, scores: Floats, frame: Floats) -> Floats:
    """Sandwich covariance (M, r, r) of the sum over environments along frames (M, E, k, r)."""
    along = cells.over_clusters(_along(cells, scores, frame))
    joint: Floats = np.swapaxes(along, 1, 2) @ along
    return joint


def _along(cells: Cells, scores: Floats, blocks: Floats) -> Floats:
    """Scores (M, C, k) times the block (M, E, k, r) of their environment, (M, C, r)."""
    found = np.empty((*scores.shape[:2], blocks.shape[-1]))
    for e, (lo, hi) in enumerate(pairwise(cells.bounds.tolist())):
        np.matmul(scores[:, lo:hi], blocks[:, e], out=found[:, lo:hi])
    return found


def coefficients_test(
    own: OwnScores, *, levels: bool, statistic: Floats | None = None
) -> RobustTest:
    """Test the same coefficients everywhere; ``levels=False``: slopes, whatever the intercepts.

    ``statistic`` (M,), such as that of the likelihood ratio, stands for the quadratic form.
    """
    form = _form(own, levels=levels)
    return _test(own, form, form, statistic)


def levels_test(own: OwnScores, *, statistic: Floats | None = None) -> RobustTest:
    """Test the same intercepts everywhere, given common slopes."""
    whole, slopes = _form(own, levels=True), _form(own, levels=False)
    form = _Form(
        inner=whole.inner - slopes.inner,
        frame=np.concatenate([whole.frame, slopes.frame], axis=3),
        signs=np.append(whole.signs, -slopes.signs),
        freedom=whole.freedom - slopes.freedom,
    )
    return _test(own, form, whole, statistic)


def agreement(own: OwnScores, places: Places, able: Bools) -> float:
    """p-value of the same value of some coefficients in the environments that are able to tell it.

    Parameters
    ----------
    own : OwnScores
        Of one support.
    places : array of shape (d,)
    able : boolean array of shape (E,)
    """
    back = own.back[:, :, places] * able[:, None, None]
    # what the coefficients have of the inverse precision, and the root of its inverse
    inverse, root = roots(back @ np.swapaxes(back, -1, -2))
    root, inverse = np.swapaxes(inverse, -1, -2), np.swapaxes(root, -1, -2)
    part = replace(
        own,
        levels=np.zeros(len(places), dtype=bool),
        own=own.own[:, :, places],
        root=root,
        back=inverse,
        scores=_along(own.cells, own.scores, np.swapaxes(root @ back, -1, -2)),
        plain=None,
    )
    return float(coefficients_test(part, levels=True).p_value[0])


def _form(own: OwnScores, *, levels: bool) -> _Form:
    frame = _common_roots(own, levels=levels)[1]
    inner = own.root @ own.back
    if not levels:
        axes = own.root[..., own.levels]
        axes = axes @ roots(np.swapaxes(axes, -1, -2) @ axes)[0]
        inner = inner - axes @ np.swapaxes(axes, -1, -2)
    rank = np.rint(np.einsum("mejj->m", inner))
    common = np.rint(np.square(frame).sum(axis=(1, 2, 3)))
    return _Form(inner=inner, frame=frame, signs=np.ones(frame.shape[-1]), freedom=rank - common)


def _test(own: OwnScores, form: _Form, null: _Form, statistic: Floats | None) -> RobustTest:
    r"""Hold a quadratic form in the own estimates against its law under the sandwich covariance.

    With R the projector, V the covariance :math:`\sum_g s_g s_g^\top` of the stacked estimates and
    :math:`t_g = s_g^\top R s_g`, the form Q has the mean :math:`T = \sum_g t_g = \mathrm{tr}\, RV`
    and the variance :math:`2\, \mathrm{tr}\, RVRV`, so that Q / T is nearly
    :math:`F(f, \nu)` with :math:`f = T^2 / \mathrm{tr}\, RVRV`. The trace is too large by the noise
    of V, and without the terms of single clusters it is right on average but f is not: half of them
    are left out. The noise of T, :math:`\sum_g (t_g - \bar t)^2`, and that of the estimated weights
    (B1 and B2 of ``assess``) make :math:`\nu`. Where clusters are few, T is corrected by what the
    fit shows that ``null`` allows for, the form of all that is the same under the hypothesis.

    References
    ----------
    Rao and Scott (1984) and Satterthwaite (1946) for the law; the rest is our own derivation, see
    docs/evidence.md.
    """
    cells, scores = own.cells, own.scores
    inner, frame, signs = form.inner, form.frame, form.signs
    q = _form_of(own, form) if statistic is None else statistic
    # t_g, and the clusters' part along the frame
    turned = _along(cells, scores, inner)
    own_part = cells.over_clusters(np.einsum("mcl,mcl->mc", turned, scores))
    framed = cells.over_clusters(_along(cells, scores, frame))
    each = np.maximum(own_part - framed**2 @ signs, 0.0)
    copies = cells.copies if not cells.span else np.ones(cells.n_clusters)
    first = each.sum(axis=1)
    squares = (each**2 / copies).sum(axis=1)
    second = _second_trace(own, form, framed) - squares / 2
    safe = np.maximum(form.freedom, 1.0)
    df1 = np.clip(first**2 / np.maximum(second, 1e-300), 1.0, safe)
    noise = np.maximum(squares - first**2 / copies.sum(), 0.0) / np.maximum(first**2, 1e-300)
    correction, weights = _estimated_weights(own, form, safe)
    if own.plain is not None:
        first = first * _understated(own, form, null, own.plain, first)
    ratio = np.maximum(q, 0.0) / np.maximum(first * correction, 1e-300)
    df2 = 2.0 / np.maximum(noise + weights, 1e-12)
    tested = (form.freedom >= 1) & (first > 0)
    p_value = np.where(tested, fdtrc(df1, df2, ratio), 1.0)
    return RobustTest(
        statistic=np.where(tested, ratio * df1, 0.0),
        df1=df1,
        df2=df2,
        p_value=p_value,
        scale=first / df1,
    )


def _form_of(own: OwnScores, form: _Form) -> Floats:
    """Value (M,) of the form at the own estimates, in units of their precision."""
    estimates = (own.root @ own.own[..., None])[..., 0]
    along = np.einsum("mejr,mej->mr", form.frame, estimates)
    inner = np.einsum("mej,mejk,mek->m", estimates, form.inner, estimates)
    q: Floats = inner - along**2 @ form.signs
    return q


def _understated(
    own: OwnScores, form: _Form, null: _Form, plain: tuple[Floats, Floats], trace: Floats
) -> Floats:
    r"""How many times the trace T is too small, (M,), as residuals of the common fit tell.

    With :math:`z_g` what a cluster adds under the hypothesis, own residuals leave
    :math:`z_g - K_g \sum_h z_h` of it. CR2 makes up for that where rows are independent. Here
    :math:`\tilde z_g = s_g + K_g R u`, from residuals of the fit that the hypothesis allows for,
    stands for it whatever the rows do, and

    .. math:: \rho = \sum_g \mathrm{tr}\, R\, (V_g - K_g V_g - V_g K_g + K_g V K_g)
        \Big/ \mathrm{tr}\, R V, \qquad V_g = \tilde z_g \tilde z_g^\top, \quad V = \sum_g V_g

    is the share that own residuals leave: :math:`\sum_g s_g^\top R s_g / \rho` is T.
    """
    cells, (scores, leverage) = own.cells, plain
    estimates = (own.root @ own.own[..., None])[..., 0]
    along = np.einsum("mejr,mej->mr", null.frame, estimates) * null.signs
    away = np.einsum("mejk,mek->mej", null.inner, estimates)
    away -= np.einsum("mejr,mr->mej", null.frame, along)
    # squares of a cell that stands for several add up over them
    often = np.sqrt(cells.copies)[:, None]
    lifted = np.einsum("mcjk,mck->mcj", leverage, away[:, cells.environment])
    whole = scores + often * lifted
    turned = np.einsum("mcjk,mck->mcj", leverage, whole)
    seen = _bilinear(cells, form, whole, whole)
    left = seen - 2 * _bilinear(cells, form, whole, turned)
    left += _spread(cells, form, whole, leverage * often[..., None])
    share = np.clip(left / np.maximum(seen, 1e-300), _LEAST, 1.0)
    found: Floats = _bilinear(cells, form, scores, scores) / share / np.maximum(trace, 1e-300)
    return np.where(found > 0, found, 1.0)


def _bilinear(cells: Cells, form: _Form, first: Floats, second: Floats) -> Floats:
    """Sum (M,) over clusters of the form between two sets of contributions (M, C, k)."""
    inner = np.einsum("mck,mck->m", _along(cells, first, form.inner), second)
    along, other = (cells.over_clusters(_along(cells, one, form.frame)) for one in (first, second))
    found: Floats = inner - (along * other).sum(axis=1) @ form.signs
    return found


def _spread(cells: Cells, form: _Form, scores: Floats, leverage: Floats) -> Floats:
    """Sum (M,) over clusters of tr R K V K, with V the covariance of all contributions."""
    M, E, k, r = form.frame.shape
    found = np.zeros(M)
    framed = np.empty((*scores.shape, r))
    for e, (lo, hi) in enumerate(pairwise(cells.bounds.tolist())):
        own = scores[:, lo:hi]
        covariance, lever = np.swapaxes(own, 1, 2) @ own, leverage[:, lo:hi]
        both = lever @ form.inner[:, e, None] @ lever
        found += np.einsum("mcjk,mkj->m", both, covariance)
        framed[:, lo:hi] = lever @ form.frame[:, e, None]
        if not cells.span:
            part = np.swapaxes(framed[:, lo:hi], -1, -2) @ covariance[:, None] @ framed[:, lo:hi]
            found -= np.einsum("mcrr->mr", part) @ form.signs
    if cells.span:
        wide = cells.laid_out(scores).reshape(M, -1, E * k)
        framed = cells.laid_out(framed).reshape(M, -1, E * k, r)
        # F'K V K F = (scores K F)' (scores K F), cluster after cluster
        for g in range(framed.shape[1]):
            found -= np.square(wide @ framed[:, g]).sum(axis=1) @ form.signs
    return found


def _second_trace(own: OwnScores, form: _Form, framed: Floats) -> Floats:
    """Trace (M,) of RVRV: of D V D V less twice that of F'V D V F, plus that of F'V F twice."""
    cells, scores = own.cells, own.scores
    M, E, k, r = form.frame.shape
    joint = np.swapaxes(framed, 1, 2) @ framed
    if cells.span:
        wide = cells.laid_out(scores).reshape(M, cells.n_clusters, E * k)
        covariance = (np.swapaxes(wide, 1, 2) @ wide).reshape(M, E, k, E * k)
        outward = covariance.reshape(M, E * k, E * k) @ form.frame.reshape(M, E * k, r)
        outward = outward.reshape(M, E, k, r)
        inward = (form.inner @ covariance).reshape(M, E * k, E * k)
    else:
        blocks = [scores[:, lo:hi] for lo, hi in pairwise(cells.bounds.tolist())]
        covariance = np.stack([np.swapaxes(one, 1, 2) @ one for one in blocks], axis=1)
        outward = covariance @ form.frame
        inward = form.inner @ covariance
    square = (inward * np.swapaxes(inward, -1, -2)).reshape(M, -1).sum(axis=1)
    cross = np.einsum("mejr,mejk,mekr->mr", outward, form.inner, outward) @ form.signs
    signed = joint * form.signs
    trace: Floats = square - 2 * cross + (signed * np.swapaxes(signed, 1, 2)).sum(axis=(1, 2))
    return trace


def _estimated_weights(own: OwnScores, form: _Form, freedom: Floats) -> tuple[Floats, Floats]:
    """Return what estimated precisions do to a ratio's mean and to its relative variance, (M,)."""
    block = form.inner - (form.frame * form.signs) @ np.swapaxes(form.frame, -1, -2)
    trace = np.einsum("mejj->me", block)
    square = np.square(block).sum(axis=(2, 3))
    spare = np.maximum(own.freedom, 1.0)
    b1 = (square / spare).sum(axis=1)
    b2 = (trace**2 / np.maximum(own.steady, 1.0)).sum(axis=1)
    correction, nu = matched_f(freedom, 2 * b1, b2 + 2 * b1)
    return np.maximum(correction / freedom, 0.1), 2.0 / nu
