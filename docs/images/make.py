"""Draw the pictures of the README again, from shipped data and a study: ``make pictures``."""

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


def phase_diagram():
    """The study of this name, about two minutes on two cores."""
    return run_study(STUDIES["phase-diagram"], workers=2).axes


def main():
    data = load_penguins()
    drawn = {
        "penguins": penguins(data),
        "forest": forest(data),
        "curves": curves(),
        "phase-diagram": phase_diagram(),
    }
    for name, ax in drawn.items():
        content = to_png(ax)
        atomic_save(
            Path(__file__).parent / f"{name}.png", lambda file, content=content: file.write(content)
        )


if __name__ == "__main__":
    main()
