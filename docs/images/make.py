"""Draw the picture of the README again from the shipped data: ``make pictures``."""

from pathlib import Path

import numpy as np

from elinvar._base import atomic_save
from elinvar.datasets import load_penguins
from elinvar.plots import plot_environments, to_png


def line(x, y):
    """Return slope and intercept of the least-squares line."""
    slope, intercept = np.polyfit(x, y, 1)
    return float(slope), float(intercept)


def main():
    frame = load_penguins().frame
    depth, mass = "bill_depth_mm", "body_mass_g"
    axes = plot_environments(
        frame[depth],
        frame[mass],
        frame["species"],
        lines={name: line(rows[depth], rows[mass]) for name, rows in frame.groupby("species")},
        pooled=line(frame[depth], frame[mass]),
        xlabel="bill depth (mm)",
        ylabel="body mass (g)",
        title="Deeper bills, lighter penguins; within each species, heavier",
    )
    content = to_png(axes)
    atomic_save(Path(__file__).parent / "penguins.png", lambda file: file.write(content))


if __name__ == "__main__":
    main()
