"""Draw the pictures of README and site again, from shipped data and whole studies.

    python docs/images/make.py                    all of them, about twenty minutes (make pictures)
    python docs/images/make.py question-6 curves  these

Rows of studies that `elinvar reproduce` has finished in the folder reproduce/ are not run again.
"""

import sys
from pathlib import Path

import numpy as np

from elinvar import InvariantRegressor, TransferRegressor
from elinvar._base import atomic_save
from elinvar.datasets import load_bikes, load_penguins
from elinvar.plots import plot_environments, plot_forest, to_png
from elinvar.studies import STUDIES, run_study


def line(x, y):
    """Return slope and intercept of the least-squares line."""
    slope, intercept = np.polyfit(x, y, 1)
    return float(slope), float(intercept)


def penguins(data):
    """One feature against the target: the line of each species, and that of all penguins."""
    frame, depth, mass = data.frame, "bill_depth_mm", "body_mass_g"
    return plot_environments(
        frame[depth],
        frame[mass],
        frame["species"],
        lines={name: line(rows[depth], rows[mass]) for name, rows in frame.groupby("species")},
        pooled=line(frame[depth], frame[mass]),
        xlabel="bill depth (mm)",
        ylabel="body mass (g)",
        title="Deeper bills, lighter penguins; within each species, heavier",
    )


def forest(data):
    """Every effect in every species, in all of them together, and in a new one."""
    model = InvariantRegressor(intercept="environment").fit_moments(data.environments().moments())
    return plot_forest(
        model.effects_,
        model.evidence_,
        xlabel="change in body mass (g) per mm, or between the sexes",
    )


def curves():
    """What each feature does to the number of bikes, in each month and in common."""
    frame = load_bikes().frame
    X = frame[["hour", "workingday", "weather", "temp", "humidity", "windspeed"]]
    model = TransferRegressor(n_jobs=2).fit(X, frame["log_bikers"], environments=frame["month"])
    return model.plot_curves()


def study(name):
    """The picture of a whole study, of rows that are there or computed now."""
    folder = Path("reproduce")
    folder.mkdir(exist_ok=True)
    return run_study(STUDIES[name], out=folder, workers=2).axes


# docs/questions.md has one picture a question
OF_QUESTIONS = {
    1: "three-factors",
    2: "relaxed-orthogonality",
    3: "optimizers",
    4: "network-width",
    5: "continuum",
    6: "penalties",
    7: "sources",
    8: "few-shot",
    9: "causal-graphs",
    10: "saddles",
}

PICTURES = {
    "penguins": lambda: penguins(load_penguins()),
    "forest": lambda: forest(load_penguins()),
    "curves": curves,
    "phase-diagram": lambda: study("phase-diagram"),
    "small-batches": lambda: study("small-batches"),
    **{f"question-{k}": lambda name=name: study(name) for k, name in OF_QUESTIONS.items()},
}


def main(names):
    for name in names or PICTURES:
        content = to_png(PICTURES[name]())
        atomic_save(
            Path(__file__).parent / f"{name}.png", lambda file, content=content: file.write(content)
        )


if __name__ == "__main__":
    main(sys.argv[1:])
