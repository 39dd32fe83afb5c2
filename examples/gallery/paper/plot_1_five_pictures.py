r"""
The paper in five pictures
==========================

Train a model on batches from one environment at a time, with a large step. It learns what is the
same everywhere and forgets what is not. Mix the same rows, and it learns both. Nothing else
differs: no penalty, no test. Why?

The problem is a matrix. Every environment shows :math:`A^* + A^{(e)}`, an invariant part that never
changes and a spurious part that does, and the model is a product :math:`U U^\top` that starts near
zero. Each picture is a short run of a study that ``elinvar reproduce`` runs in full.
"""

# %%
# 1. One environment at a time ends at what holds
# -----------------------------------------------
# HeteroSGD comes near the invariant part. Pooled steps, with noise or without, go past it to the
# average of all environments.
from elinvar.studies import STUDIES, run_study

# sphinx_gallery_thumbnail_number = 2


def run(name):
    """Run the short version of a study, and say whether the numbers bear out its claims."""
    result = run_study(STUDIES[name], STUDIES[name].quick)
    for claim in result.claims:
        print("holds:" if claim.holds else "FAILS:", claim.sentence)
    return result.axes


run("trajectories")

# %%
# 2. Environments must differ enough
# ----------------------------------
# Along a spurious direction each step multiplies by a number that changes with the environment:
# large here, small there. If the numbers differ enough, their *product* shrinks though their *mean*
# is above one. From the predicted line on, the spurious part dies.
run("heterogeneity")

# %%
# 3. The step must be large
# -------------------------
# With tiny steps the product behaves like the mean, and everything is learnt. With steps too large
# nothing is. In between is the window.
run("step-size")

# %%
# 4. Batches must be large
# ------------------------
# Noise feeds directions that are neither: the error falls with the batch size, as predicted.
run("batch-size")

# %%
# 5. It is fast, in high dimension too
# ------------------------------------
# The steps to recovery grow with the logarithm of the dimension.
run("scaling")

# %%
# What else is there, and can it run here?
from elinvar.studies import choose_studies, runnable_studies

able, lacking = runnable_studies(choose_studies(), named=False)
print(", ".join(study.name for study in able))
print(lacking or "all of them")

# %%
# **What to take away.** Differences between environments are the teacher here, no nuisance. On
# tables elinvar follows the same path without noise, tests what it finds, and needs no step size:
# :class:`elinvar.InvariantRegressor`.
#
# A run is a :class:`~elinvar.studies.StudyResult`, each verdict in it a
# :class:`~elinvar.studies.Claim`; :func:`~elinvar.studies.write_studies_page` and
# :func:`~elinvar.studies.write_explorable_page` write the pages from records
# (:func:`~elinvar.studies.write_study_record`, :func:`~elinvar.studies.read_study_records`,
# :func:`~elinvar.studies.summary_texts`). The pictures are those of
# :func:`~elinvar.plots.plot_distances`, :func:`~elinvar.plots.plot_lines` and
# :func:`~elinvar.plots.plot_comparison`.
