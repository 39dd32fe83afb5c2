"""What a notebook and `print` show of an answer: the sentences and tables of this package."""

from dataclasses import replace
from typing import TYPE_CHECKING

from elinvar._base._display import card
from elinvar._base._numbers import counted
from elinvar._base._sparks import Mark, bars, intervals
from elinvar._base._words import some
from elinvar.answer.effect_tables import effect_tables, in_order, per_sd
from elinvar.answer.headline import headline, predictor_words, reason
from elinvar.answer.statements import Row
from elinvar.answer.transfer_found import CONSTANT, MIXTURE
from elinvar.answer.transfer_tables import forecast_tables, left_out_texts
from elinvar.answer.transfer_words import forecast_headline, forecast_notes
from elinvar.plots.palette import MODEL_COLOURS, VERDICT_COLOURS

if TYPE_CHECKING:
    from elinvar._base._display import ShownTable
    from elinvar.answer._found import Found
    from elinvar.answer.transfer_found import TransferFound

# environments times columns squared: evidence of more takes long enough to be asked for
_QUICK = 3e5


def answer_said(answer: "Found") -> str:
    """Say what was found in a sentence or two, or what is known of it without long work."""
    if _at_hand(answer):
        return headline(answer)
    return (
        f"{reason(answer)} Of so many features the effects are worked out when they are asked for: "
        "summary(), explain(), tidy()."
    )


def answer_card(answer: "Found", name: str) -> str:
    """Return what a notebook shows of effects: headline, verdicts with small pictures, notes."""
    if not _at_hand(answer):
        chosen = answer.selected_features
        lines = [
            f"{counted(len(chosen), 'feature')} in the set: {some(chosen)}." * bool(chosen),
            f"Predictions come from {predictor_words(answer.predictor)}.",
            *answer.notes,
        ]
        return card(name, answer_said(answer), lines=[line for line in lines if line])
    frames = [answer.all_features, answer.of_set]
    tables = [
        _drawn(table, in_order(frame.to_dict("records")), answer)
        for table, frame in zip(effect_tables(answer), frames, strict=False)
    ]
    return card(name, headline(answer), tables, answer.notes)


def forecast_card(answer: "TransferFound", name: str) -> str:
    """Return what a notebook shows of a forecast: headline, features, learners, places, notes."""
    learners, *features = forecast_tables(answer)
    shapes = answer.shapes
    tables = [
        replace(
            table,
            pictures=bars(
                shapes["size"].tolist(),
                [f"size {row[1]}" for row in table.rows],
                colour=MODEL_COLOURS[MIXTURE],
            ),
            drawn="size",
        )
        for table in features
    ]
    tables.append(learners)
    if len(answer.left_out):
        table = left_out_texts(answer)
        share = (answer.left_out[MIXTURE] / answer.left_out[CONSTANT]).tolist()
        pictures = bars(
            share, [f"{part:.2g} times the constant's" for part in share],
            colour=MODEL_COLOURS[MIXTURE],
        )  # fmt: skip
        tables.append(replace(table, pictures=pictures, drawn="forecast / same for every row"))
    return card(name, forecast_headline(answer), tables, forecast_notes(answer))


def _at_hand(answer: "Found") -> bool:
    """Whether evidence is known, or quickly found."""
    known = vars(answer)
    if "_evidence" in known or ("evidence" in known and "all_features" in known):
        return True
    return len(answer.rows) * answer.schema.n_columns**2 <= _QUICK


def _drawn(table: "ShownTable", rows: list[Row], answer: "Found") -> "ShownTable":
    """Add the picture of each effect, all of them on one scale."""
    scale = dict(zip(answer.schema.features, per_sd(answer)[0].tolist(), strict=True))
    marks = []
    for row, cells in zip(rows, table.rows, strict=True):
        effect, low, high, new_low, new_high = (
            row[key] * scale[row["feature"]]
            for key in ("effect", "low", "high", "new_low", "new_high")
        )
        colour = VERDICT_COLOURS[row["verdict"]]
        words = ", ".join(f"{head} {text}" for head, text in zip(table.header, cells, strict=True))
        marks.append(Mark(effect, low, high, new_low, new_high, colour, words))
    return replace(table, pictures=intervals(marks), drawn="per sd; thin: in a new place")
