"""Draw the pictures of the README again from the shipped data: ``make pictures``."""

from pathlib import Path

import numpy as np

from elinvar import InvariantRegressor
from elinvar._base import atomic_save
from elinvar.datasets import load_penguins
from elinvar.plots import plot_environments, plot_forest, to_png


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


def main():
    data = load_penguins()
    for name, draw in {"penguins": penguins, "forest": forest}.items():
        content = to_png(draw(data))
        atomic_save(
            Path(__file__).parent / f"{name}.png", lambda file, content=content: file.write(content)
        )


if __name__ == "__main__":
    main()
