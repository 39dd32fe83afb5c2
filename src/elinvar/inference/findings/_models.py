"""The models that may predict: learned on all environments, and without some of them."""

import numpy as np

from elinvar._base._watch import parts
from elinvar.errors import DataError
from elinvar.inference.findings._left_out import Fold
from elinvar.inference.findings._task import LearningTask
from elinvar.inference.losses._loss import Loss, M
from elinvar.inference.losses._records import Predictor
from elinvar.inference.problem._folds import FEW_FOLDS, MOST_FOLDS, folds_of, what_is_left_out
from elinvar.inference.problem._linear import WIDE
from elinvar.inference.problem._types import Bools, Places
from elinvar.inference.selection._select import Selection, SelectionRule, promising, select


def models_of(loss: Loss[M], rule: SelectionRule, selection: Selection) -> dict[Predictor, M]:
    """Return what may predict, by its name; what is not to be had is missing."""
    found, own = selection.subspace, loss.support_model(selection.gates, selection.coef)
    subspace = None if found is None else loss.subspace_model(found)
    return _models(loss, rule, selection.shortlist, own, subspace)


def _models(
    loss: Loss[M], rule: SelectionRule, shortlist: Bools, invariant: M, subspace: M | None
) -> dict[Predictor, M]:
    models: dict[Predictor, M] = {"pooled": loss.pooled_model(), "invariant": invariant}
    others: dict[Predictor, M | None] = {
        "random_intercept": loss.random_intercept_model()
        if len(loss.problem.columns) <= WIDE
        else None,
        "nearly_invariant": loss.nearly_invariant_model(shortlist, rule.kappa),
        "subspace": subspace,
    }
    return models | {name: model for name, model in others.items() if model is not None}


def folds_without(
    loss: Loss[M], task: LearningTask, selection: Selection, most: int = MOST_FOLDS
) -> list[Fold[M]]:
    """Learn the models without each of ``most`` folds of environments; fewer with many columns."""
    most = most if len(loss.problem.columns) <= WIDE else FEW_FOLDS
    found, folds = [], folds_of(loss.problem.count, most)
    for places in parts(what_is_left_out(loss.problem.count, len(folds)), folds):
        rest = without(loss, task, places)
        try:
            fold = _fold(loss, rest, task.rule, selection, places)
        except DataError:  # features that always stay cannot be told apart on the others alone
            fold = _fold(loss, without(loss, None, places), task.rule, selection, places)
        found.append(fold)
    return found


def without(loss: Loss[M], task: LearningTask | None, places: Places) -> Loss[M]:
    """Return the loss on the other environments, with the task's features that always stay."""
    names = [loss.problem.moments.names[place] for place in places]
    return loss.without(names, None if task is None else task.always)


def _fold(
    loss: Loss[M],
    rest: Loss[M],
    rule: SelectionRule,
    selection: Selection,
    places: Places,
) -> Fold[M]:
    """Learn the models on the rest."""
    if len(rest.problem.count) < 2:
        models: dict[Predictor, M] = {
            "pooled": rest.pooled_model(),
            "invariant": rest.support_model(_kept(loss, rest, selection.gates)),
        }
        return Fold(places=places, models=models, mean=rest.mean_model())
    if len(loss.problem.count) > 3:
        own = select_anew(loss, selection, rest, rule)
        models = models_of(rest, rule, own)
        return Fold(places=places, models=models, mean=rest.mean_model(), selection=own)
    # two environments accept too much to be asked for a set of their own: the set of all is
    # refitted to them, and so are its combinations of columns
    shortlist = promising(rest, rule, _shortlist(loss, selection, rest))
    gates, found = _kept(loss, rest, selection.gates), selection.subspace
    fitted = rest.assess(gates[None])
    known = bool(np.isfinite(fitted.risk[0]))
    models = _models(
        rest,
        rule,
        shortlist,
        rest.support_model(gates, fitted.coef[0] if known else None),
        None if found is None else loss.subspace_model(found, int(places[0])),
    )
    return Fold(places=places, models=models, mean=rest.mean_model())


def selected_without(
    loss: Loss[M], task: LearningTask, selection: Selection, places: Places
) -> Selection:
    """Select on the other environments alone, without features that stay if none can."""
    try:
        return select_anew(loss, selection, without(loss, task, places), task.rule)
    except DataError:
        return select_anew(loss, selection, without(loss, None, places), task.rule)


def select_anew(
    loss: Loss[M], selection: Selection, rest: Loss[M], rule: SelectionRule
) -> Selection:
    """Select on a part of the data, among what was most promising on all of them."""
    near = selection.subspace if len(rest.problem.count) > 2 else None
    supports = _shortlist(loss, selection, rest)
    return select(rest, rule, supports=supports, near=near, subspaces=False)


def _shortlist(loss: Loss[M], selection: Selection, rest: Loss[M]) -> Bools:
    """Return the shortlist over the gates that are left without some environments."""
    gates = loss.problem.features
    if np.array_equal(gates, rest.problem.features):
        return selection.shortlist
    wide = np.zeros(
        (len(selection.shortlist), len(loss.problem.moments.schema.features)), dtype=bool
    )
    wide[:, gates] = selection.shortlist
    # supports that differ in columns which are lost here are the same
    return np.unique(wide[:, rest.problem.features], axis=0)


def _kept(loss: Loss[M], rest: Loss[M], gates: Bools) -> Bools:
    """Return a support over the gates that are left without some environments."""
    return np.isin(rest.problem.features, loss.problem.features[gates])
