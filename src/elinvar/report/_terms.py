"""What terms mean on a page, and how to read its figures."""

from elinvar.answer import Answer

STATUS = {
    "accepted": "invariance accepted",
    "borderline": "invariance borderline",
    "approximate": "approximate invariance",
    "rejected": "invariance rejected",
    "untested": "nothing put to the test",
    "pooled_only": "nothing to compare",
}
TERMS = {
    "effect": "one for all environments, each counting by its precision, with the selected "
    "features in the model. Where invariance is not accepted or the feature spurious: the mean "
    "over environments like these.",
    "avg": "the environments do not agree on one effect (spurious, or p of agreement below "
    "0.05): an average, which may hold in none of them.",
    "95% interval": "of the effect. Of a common one it takes the environments as fixed, so it is "
    "no promise about others; for a selected feature it reaches over what models about as good "
    "say.",
    "in single environments": "smallest and largest of the environments' own estimates; sampling "
    "noise alone would make them differ, too.",
    "in a new one (90%)": "where the effect should lie in one more environment, if it is drawn "
    "like those seen (exchangeable, effects normal). What counts is the number of environments, "
    "not of rows: with few of them the interval is wide, and the assumption cannot be checked.",
    "pooled effect": "one fit to all rows together, whatever their environment.",
    "p of agreement": "how often chance alone would make the environments' effects differ as much, "
    "were they the same in all. Small: the effect changes.",
}
MORE_TERMS = {
    "stands out": "the environment whose effect differs most from the others, if one does so "
    "beyond chance.",
    "sd between environments": "how much the effect itself varies, sampling noise taken off (Paule "
    "and Mandel).",
    "p of its own law": "test that the feature itself behaves alike everywhere, given the other "
    "selected ones. Large: no difference was seen, so whether its effect holds was hardly put to "
    "the test.",
    "leaves at": "strength of the penalty on disagreement at which the feature leaves the path.",
}
DIAGNOSIS_TERMS = {
    "law differs": "given the other features, it does not behave alike in all environments. Where "
    "nothing differs, every effect looks invariant.",
    "mean shift": "sd of its mean between environments, per sd within.",
    "slope": "of the target on this feature alone, sd per sd; then its sd between environments, "
    "and in how many of them it is clearly above and below 0.",
    "smallest sd found": "how much its effect must vary between environments (sd per sd) to be "
    "found with 80% power at the 5% level.",
    "told apart": "its law differs, and it is no mixture of other features (variance inflation).",
}
MORE_DIAGNOSIS_TERMS = {
    "growth exponent": "of plain HeteroSGD at the default step: below 0 the feature would die out, "
    "above 0 it would stay.",
    "gains that suppress it": "at the default step.",
    "steps that suppress it": "at gain 1, that of plain HeteroSGD.",
}
CAPTIONS = {
    "forest": "One panel a feature. Dots and lines: each environment's own effect with its 95% "
    "interval; they should agree if the effect is invariant. Below the rule: the combined effect "
    "(where invariance is rejected or the feature spurious, an average), what one fit to all rows "
    "says (hollow), and where a new environment's effect should lie (bar). A dotted line goes "
    "up from an effect that holds.",
    "effects": "All features on one scale. Dots and bars: the effect with its 95% interval, an "
    "average where environments do not agree. Diamonds: one fit to all rows together. Where "
    "dot and diamond lie on different sides of zero, the sign changes once environments are "
    "compared.",
    "path": "From left to right, disagreement between environments is punished harder. A line that "
    "comes to zero has left the model; what stays to the right edge disagrees too little to be "
    "pushed out. The path suggests; the tests decide.",
    "errors": "Each environment is predicted by models that have not seen it. Left is better.",
    "left_out": "A line an environment, predicted by a model that has not seen it. On the dashed "
    "diagonal predictions are right; off it, the level is missed; another slope means that "
    "differences are predicted too large or too small.",
    "diagnosis": "What the data offer before any model is chosen: features whose law differs "
    "put effects to the test, and slopes that change sign are easily found out.",
    "power": "How much an effect must vary between environments (sd per sd, median over features) "
    "to be found in 80% of such data sets. More environments and more rows help differently.",
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


def caption(name: str, answer: Answer) -> str:
    """Say how to read a figure."""
    if name == "effects" and answer.status == "pooled_only":
        return "All features on one scale. Dots and bars: the effect with its 95% interval."
    if not answer.classes:
        return CAPTIONS[name]
    if name == "left_out":
        each = "" if len(answer.classes) == 2 else "A line an environment and class. "
        return (
            f"{each}Each environment is predicted by a model that has not seen it. Off the dashed "
            "diagonal the share of the class is missed; another slope means that log odds are "
            "predicted too large or too small."
        )
    if name == "path" and len(answer.classes) > 2:
        return f"{CAPTIONS[name]} A line is the largest difference between two classes."
    if name in ("diagnosis", "power"):
        return f"{CAPTIONS[name]} Classes are looked at as numbers, as the notes above say."
    return CAPTIONS[name]
