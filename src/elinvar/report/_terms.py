"""What a status is called on a page, and how to read its figures."""

from elinvar.answer import Answer

STATUS = {
    "accepted": "some effects agree exactly",
    "borderline": "exact agreement is doubtful",
    "approximate": "some effects agree nearly",
    "rejected": "no effects agree exactly",
    "untested": "nothing put to the test",
    "pooled_only": "nothing to compare",
}
CAPTIONS = {
    "forest": "One panel a feature. Dots and lines: each environment's own effect with its 95% "
    "interval; they should agree if the effect is invariant. Below the rule: their average, what "
    "one fit to all rows says (hollow), and where a new environment's effect should lie (bar): on "
    "one side of 0 it keeps its sign. A dotted line goes up from an effect that keeps its "
    "size. All features are in the model, unless a panel says that it shows the invariant set.",
    "effects": "All features on one scale. Dots and bars: the average effect with its 95% "
    "interval. Diamonds: one fit to all rows together. Where "
    "mark and diamond lie on different sides of zero, the sign changes once environments are "
    "compared.",
    "path": "From left to right, disagreement between environments is punished harder. A line that "
    "comes to zero has left the model; what stays to the right edge disagrees too little to be "
    "pushed out. The path suggests; the tests decide.",
    "errors": "Each environment is predicted by models that have not seen it. Left is better.",
    "break_even": "Mean error in new environments against how much they differ (today's "
    "differences are 1, the dotted line): a line that rises belongs to a model that relies on what "
    "changes. Full line and band: where the invariant model becomes better, with its 95% interval.",
    "adaptation": "Error to expect in a new place once rows from there are labelled, tried on "
    "environments left out. Band: eight of ten new places.",
    "left_out": "A line an environment, predicted by a model that has not seen it. On the dashed "
    "diagonal predictions are right; off it, the level is missed; another slope means that "
    "differences are predicted too large or too small.",
    "diagnosis": "What the data offer before any model is chosen: a feature that itself differs "
    "puts its effect to the test, and a slope that changes sign is easily found out.",
    "power": "The smallest change of an effect between environments that would be noticed in 80 of "
    "100 tables like this one, for the feature in the middle. Left: with more rows in each "
    "environment. Right: with more environments.",
    "curves": "One panel a feature, on one vertical scale. Thick: what the forecast makes of it, "
    "others averaged (partial dependence). Thin: each environment, by what its own rows say beside "
    "it where it is left out, as far as chance does not explain it. Band: where the curve of a new "
    "environment should lie (90%). Curves that agree can be carried to a new place.",
    "forecast_errors": "Each environment is forecast by learners that have not seen it. Left is "
    "better.",
}
# Beyond these environments each has a row in the figure of those left out.
_SEVERAL = 8
LEFT_OUT_ROWS = (
    "A row an environment, predicted by models that have not seen it. Left: how far its mean was "
    "missed; at 0 it was right. Right: how much more the truth differs between its rows than the "
    "prediction does; at 1 differences were right, below 1 they were predicted too large.",
    "A row an environment, predicted by models that have not seen it: how far the share of a class "
    "was missed; at 0 it was right.",
)
WHERE = {
    "forest": "The numbers are in the tables of verdicts and of effects in each environment.",
    "effects": "The numbers, per unit of the feature, are in the table of verdicts.",
    "path": "Where each feature leaves is in the table of verdicts.",
    "errors": "The numbers are in the table of errors.",
    "break_even": "Errors at today's differences are in the table of errors.",
    "adaptation": "The numbers are in the table of labelled rows.",
    "left_out": "Levels and slopes are in the table of predictions for left-out environments.",
    "diagnosis": "The numbers are in the table of features.",
    "curves": "Sizes and spreads are in the table of features.",
    "forecast_errors": "The numbers are in the table of errors.",
    "power": "The number for the data at hand is in the table of features.",
}


def caption(name: str, answer: Answer) -> str:
    """Say how to read a figure."""
    if name == "effects" and answer.status == "pooled_only":
        return "All features on one scale. Dots and bars: the effect with its 95% interval."
    many = len(answer.rows) > _SEVERAL
    if name == "left_out" and many:
        return LEFT_OUT_ROWS[bool(answer.classes)]
    if not answer.classes:
        return CAPTIONS[name]
    if name == "left_out":
        and_class = "" if len(answer.classes) == 2 else " and class"
        return (
            f"A dot an environment{and_class}, predicted by a model that has not seen it. Off the "
            "dashed diagonal the share of the class is missed."
        )
    if name == "path" and len(answer.classes) > 2:
        return f"{CAPTIONS[name]} A line is the largest difference between two classes."
    if name in ("diagnosis", "power"):
        return f"{CAPTIONS[name]} Classes are looked at as numbers, as the notes above say."
    return CAPTIONS[name]
