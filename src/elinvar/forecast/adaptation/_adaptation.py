"""Empirical Bayes for a new place: what environments taught about what may change."""

from dataclasses import dataclass

import numpy as np

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Floats
from elinvar.forecast.adaptation._curves import COUNTS
from elinvar.forecast.adaptation._expected import Expected, read_expected
from elinvar.forecast.adaptation._outcomes import outcomes, predictions
from elinvar.forecast.adaptation._prior import Prior, posterior
from elinvar.forecast.adaptation._sums import Rows, Sums, class_sums, no_rows
from elinvar.forecast.adaptation._terms import Terms, kinds_of_difference, read_terms


@dataclass(frozen=True, kw_only=True, eq=False)
class Adaptation:
    r"""What a place's labelled rows teach: prior, weights of kinds of difference, expectation.

    Kinds of difference are nested: nothing; the level; also the forecast's scale and how far each
    learner is believed; also the effects of features; also how these bend. Each has a prior, and
    after k labelled rows a weight
    :math:`w_c(k) \propto \exp(-\tau E (\bar L_c(k) - \bar L_0(k)))`, with :math:`\bar L_c(k)` the
    mean log error on training environments that the prior had not seen. Own derivation.

    Attributes
    ----------
    terms : Terms
    priors : tuple of Prior
        Of each kind of difference but "nothing".
    weights : (H, C) array
        Of "nothing" and of each of them, after each number of rows that was tried.
    expected : Expected
    n_classes : int
        0: the target is a number.
    """

    terms: Terms
    priors: tuple[Prior, ...]
    weights: Floats
    expected: Expected
    n_classes: int

    @property
    def n_outcomes(self) -> int:
        """Numbers that are moved for each row."""
        return self.n_classes if self.n_classes > 2 else 1

    def no_rows(self) -> Sums:
        """Return what is known of a place before any row is labelled."""
        return no_rows(self.n_outcomes, len(self.terms.names))

    def learn(
        self,
        known: Sums,
        X: Floats,
        predicted: Floats,
        learners: Floats,
        y: Floats,
        weight: Floats | None = None,
    ) -> Sums:
        """Return what is known of a place after more of its rows.

        Parameters
        ----------
        known : Sums
            Before them.
        X : (n, n_columns) array
        predicted : (n, k) array
            Forecast of the rows, not adapted: numbers, or probabilities of classes.
        learners : (n, M, k) array
            The same by each learner.
        y : (n,) array
            Target: numbers, or positions of classes.
        weight : (n,) array, optional
        """
        rows = Rows.of(self.terms, X, predicted, learners, y, weight, self.n_classes)
        if self.n_classes:
            return known + class_sums(rows, self.priors[-1].variances, known)
        return known + rows.sums()

    def differences(self, known: Sums) -> tuple[Floats, Floats]:
        """Return mean (m, q) and covariance (m, q, q) of what differs in a place.

        Parameters
        ----------
        known : Sums
            Of its labelled rows.
        """
        weights = self.weights_at(known.count)
        shape = known.cross.shape
        parts = [(np.zeros(shape), np.zeros((*shape, shape[1])))]
        parts += [posterior(prior, known) for prior in self.priors]
        mean = np.einsum("c,cmq->mq", weights, np.stack([part[0] for part in parts]))
        second = [spread + np.einsum("mj,mk->mjk", b, b) for b, spread in parts]
        spread = np.einsum("c,cmjk->mjk", weights, np.stack(second))
        return mean, np.asarray(spread - np.einsum("mj,mk->mjk", mean, mean))

    def predict(self, known: Sums, X: Floats, predicted: Floats, learners: Floats) -> Floats:
        """Return the forecast of rows of a place, moved by what differs there, (n, k).

        Parameters
        ----------
        known : Sums
            Of its labelled rows.
        X, predicted, learners : arrays
            As for `learn`.
        """
        if known.count == 0:
            return predicted
        offset = outcomes(predicted, self.n_classes)
        apart = outcomes(learners, self.n_classes)
        shift = self.differences(known)[0]
        moved = offset + np.einsum("nmq,mq->nm", self.terms.columns(X, offset, apart), shift)
        return predictions(moved, self.n_classes)

    def weights_at(self, count: float) -> Floats:
        """Return the weights of the kinds of difference after ``count`` rows, (C,)."""
        at = np.log1p(np.array(COUNTS))
        return np.array([np.interp(np.log1p(count), at, column) for column in self.weights.T])

    @property
    def variances(self) -> Floats:
        """Variance of each term over the training environments, (q,): priors, weighed."""
        of_all = np.stack([prior.variances for prior in self.priors])
        return np.asarray(self.weights[-1, 1:] @ of_all)

    def entries(self) -> dict[str, object]:
        """Return what a model file needs, as JSON can write it."""
        return {
            "terms": self.terms.entries(),
            "priors": [
                {"variances": prior.variances.tolist(), "noise": prior.noise}
                for prior in self.priors
            ],
            "weights": self.weights.tolist(),
            "expected": self.expected.entries(),
        }


def read_adaptation(
    entries: Reader, *, n_learners: int, n_columns: int, n_classes: int
) -> Adaptation:
    """Return what `Adaptation.entries` has written.

    Parameters
    ----------
    entries : mapping
        As JSON has read it.
    n_learners, n_columns, n_classes : int
        Of the model that it belongs to.

    Raises
    ------
    ModelFileError
        If an entry is missing or not what it must be.
    """
    terms = read_terms(entries.inner("terms"), n_learners=n_learners, n_columns=n_columns)
    differs = kinds_of_difference(terms.kinds)
    priors = []
    for one, inside in zip(entries.records("priors", length=len(differs)), differs, strict=True):
        variances = one.numbers("variances", length=len(inside))
        fits = bool(((variances > 0) == inside).all() and (variances >= 0).all())
        entries.must(fits, "variances", "positive for the terms of their kind, else 0")
        noise = one.number("noise")
        entries.must(noise > 0, "noise", "a positive number")
        priors.append(Prior(variances=variances, noise=noise))
    weights = entries.array("weights", (len(COUNTS), len(priors) + 1))
    sums_up = np.allclose(weights.sum(axis=1), 1.0) and bool((weights >= 0).all())
    entries.must(sums_up, "weights", "numbers from 0 on with sum 1")
    return Adaptation(
        terms=terms,
        priors=tuple(priors),
        weights=weights,
        expected=read_expected(entries.inner("expected")),
        n_classes=n_classes,
    )
