"""Words that are the same on every page: what terms mean, and how to read figures."""

STANDING = {
    "accepted": "invariance accepted",
    "borderline": "invariance borderline",
    "approximate": "approximate invariance",
    "rejected": "invariance rejected",
    "untested": "nothing put to the test",
    "pooled_only": "nothing to compare",
}
MEANING = {
    "invariant": "the effect is the same in every environment, as far as the data can tell",
    "approximately invariant": "the effect differs so little between environments that it can be "
    "taken as the same",
    "spurious": "the effect comes and goes, or changes, from one environment to the next; its "
    "average holds nowhere in particular",
    "no effect": "nothing is left to explain once the other effects are in the model",
    "undecided": "the data do not tell whether the effect holds everywhere",
}
TERMS = {
    "95% interval": "of the effect that the environments have in common; they are taken as fixed, "
    "so it is no promise about others. Where there is none in common (spurious, or invariance "
    "rejected), effect and interval are of the mean over all environments like these.",
    "in single environments": "smallest and largest of the environments' own estimates; sampling "
    "noise alone makes them differ.",
    "in a new one (90%)": "where the effect should lie in one more environment, if it is drawn "
    "like those seen (exchangeable, effects normal). What counts is the number of environments, "
    "not of rows: with few of them the interval is wide, and the assumption cannot be checked.",
    "pooled effect": "least squares on all rows together, whatever their environment.",
    "p of agreement": "how often chance alone would make the environments' effects differ as much, "
    "were they the same in all. Small: the effect changes.",
}
MORE_TERMS = {
    "stands out": "the environment whose effect differs most from the others, if one does so "
    "beyond chance.",
    "sd between environments": "how much the effect itself varies, sampling noise taken off (Paule "
    "and Mandel).",
    "p of its own law": "test that the feature itself behaves alike everywhere. Large: nothing "
    "about it differed, so whether its effect holds was hardly put to the test.",
    "leaves at": "strength of the penalty on disagreement at which the feature leaves the path.",
}
DIAGNOSIS_TERMS = {
    "law differs": "given the other features, it does not behave alike in all environments. Where "
    "nothing differs, every effect looks invariant.",
    "mean shift": "sd of its mean between environments, per sd within.",
    "slope": "of the target on this feature alone, sd per sd; how often it is clearly above and "
    "below 0 follows.",
    "smallest sd found": "how much its effect must vary between environments (sd per sd) to be "
    "found with 80% power at the 5% level.",
    "told apart": "its law differs, and it is no mixture of other features (variance inflation).",
}
MORE_DIAGNOSIS_TERMS = {
    "growth exponent": "of plain HeteroSGD at the default step: below 0 the feature would die out, "
    "above 0 it would stay.",
    "gains, steps that suppress it": "at that step, and at gain 1.",
}
CAPTIONS = {
    "forest": "One panel a feature. Dots and lines: each environment's own effect with its 95% "
    "interval; they should agree if the effect is invariant. Below the rule: all of them "
    "combined, what least squares on all rows says (hollow), and where a new environment's effect "
    "should lie (bar).",
    "effects": "All features on one scale. Dots and bars: the effect with its 95% interval. "
    "Diamonds: least squares on all rows together. Where dot and diamond lie on different sides "
    "of zero, the sign changes once environments are compared.",
    "path": "From left to right, disagreement between environments is punished harder. A line that "
    "falls to zero has left the model; what stays to the right edge agrees between environments. "
    "The path suggests; the tests decide.",
    "errors": "Each environment is predicted by models that have not seen it. Left is better.",
    "left_out": "A line an environment, predicted by a model that has not seen it. On the dashed "
    "diagonal predictions are right; off it, the level is missed; another slope means that "
    "differences are predicted too large or too small.",
    "diagnosis": "What the data offer before any model is chosen: features whose law differs "
    "put effects to the test, and slopes that change sign are easily found out.",
    "power": "How much an effect must vary between environments to be found in 80% of such data "
    "sets. More environments and more rows help differently.",
}
WHERE = {
    "forest": "The numbers are in the tables of verdicts and of effects in each environment.",
    "effects": "The numbers, per unit of the feature, are in the table of verdicts.",
    "path": "Where each feature leaves is in the table of verdicts.",
    "errors": "The numbers are in the table of errors.",
    "left_out": "Levels and slopes are in the table of predictions for left-out environments.",
    "diagnosis": "The numbers are in the table of features.",
    "power": "The number for the data at hand is in the table of features.",
}
