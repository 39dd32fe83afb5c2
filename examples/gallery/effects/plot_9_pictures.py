"""
Every picture of a model, and where it goes
===========================================

One fit has ten pictures and tables. They go to a page, to files, into a notebook and beside those
of other models.
"""

# %%
# Bikes hired an hour in twelve months.
import tempfile
from pathlib import Path

from elinvar import InvariantRegressor, compare, load_model, save_model
from elinvar.datasets import load_bikes
from elinvar.report import write_figures, write_report

bikes = load_bikes().frame
names = ["night", "rush_hour", "workingday", "temp", "humidity", "windspeed"]
model = InvariantRegressor().fit(bikes[names], bikes["log_bikers"], environments=bikes["month"])

folder = Path(tempfile.mkdtemp())
write_report(model, folder / "report.html", source="bikes")
print(*sorted(write_figures(model, folder)))
model_file = save_model(model, folder / "model.json")
print(load_model(model_file).selected_)

# %%
# Each is a function of :mod:`elinvar.plots` on a table of the answer, so that you can draw it your
# way. The effect in each month, with the range to expect in one more:
from elinvar.plots import plot_effects, plot_errors, plot_forest, plot_left_out, plot_path

plot_forest(model.effects_, model.evidence_, features=["temp", "workingday"])

# %%
plot_effects(model.all_features_)

# %%
# Months left out and predicted: how far off, and whether level and size are right.
plot_errors(model.errors_)

# %%
plot_left_out(model.left_out_)

# %%
# What leaves the model when disagreement between months is punished more and more:
verdicts = dict(zip(model.evidence_["feature"], model.evidence_["verdict"], strict=True))
plot_path(model.path_.strength, model.path_.coef, names, verdicts=verdicts)

# %%
# What the table can tell before any fit:
from elinvar.plots import plot_diagnosis, plot_power

plot_diagnosis(model.diagnosis_.features)

# %%
plot_power(model.diagnosis_.power)

# %%
# One feature, the rows behind it, and a line for each of some months:
from elinvar.report import environment_figure

some = bikes[bikes["month"].isin(["Jan", "Apr", "Jul", "Oct"])].iloc[::5]
environment_figure(some, "temp", "log_bikers", "month")

# %%
# Pictures together, one below the other, and as bytes for wherever they are to go:
from elinvar.plots import plot_panels, to_png

both = plot_panels(
    [
        lambda ax: plot_effects(model.all_features_, ax=ax),
        lambda ax: plot_errors(model.errors_, ax=ax),
    ],
    [3.4, 3.4],
)
print(f"{len(to_png(both)) / 1e3:.0f} kB")
both

# %%
# Work that takes long says how far it is, to whoever asks:
from elinvar import watching

with watching(lambda what, done, total: print(f"{what}: {done} of {total}") if done else None):
    small = InvariantRegressor().fit(
        bikes[names[:3]], bikes["log_bikers"], environments=bikes["month"]
    )

# %%
# Models side by side:
print(compare(model, small, names=["all", "three"]))

# %%
# **What to take away.** Nothing here needs the page: tables are frames, pictures are axes, and the
# model file holds the answer with its evidence.
#
# What a model has found is an :class:`~elinvar.answer.Answer`, in words an
# :class:`~elinvar.answer.Explanation`, in numbers that predict a
# :class:`~elinvar.answer.FittedModel`; models side by side are a
# :class:`~elinvar.answer.Comparison`, and a picture by itself goes to a file by
# :func:`~elinvar.report.write_picture`, or into a page by :func:`~elinvar.plots.to_svg`.
