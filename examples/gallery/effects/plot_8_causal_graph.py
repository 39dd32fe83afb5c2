"""
What drives what, when you do not know what was changed
=======================================================

A greenhouse is measured for seven weeks. Each week the gardeners tried something, and nobody wrote
down what. Which of the five quantities drives which? And what did they do?
"""

# %%
# The truth, for us to know: the sun warms and dries, warmth dries too, plants grow by sun and
# moisture, and mites like warmth and fast growth. In week 1 all is as usual. Later ones had shades
# half closed, a heater that keeps one temperature whatever the sun, a sprinkler, a poor
# fertiliser that makes light count for less, a spray against mites, and one week of nothing.
import numpy as np
import pandas as pd

from elinvar import InvariantGraph

rng = np.random.default_rng(0)


def week(number, hours=200):
    """Draw the hours of one week."""
    sun, warmth, moisture, growth, mites = rng.normal(size=(5, hours))
    sun = 0.4 * sun if number == 2 else sun
    warmth = 2 + 0.3 * warmth if number == 3 else 0.9 * sun + warmth
    moisture = moisture - 0.6 * sun - 0.8 * warmth + (2.0 if number == 4 else 0.0)
    growth = growth + (0.2 if number == 5 else 0.9) * sun + 0.7 * moisture
    mites = (0.3 if number == 6 else 1.0) * mites + 0.6 * warmth + 0.5 * growth
    columns = {"sun": sun, "warmth": warmth, "moisture": moisture, "growth": growth, "mites": mites}
    return pd.DataFrame(columns).assign(week=f"week {number}")


hours = pd.concat([week(number) for number in range(1, 8)], ignore_index=True)
X = hours.drop(columns="week")

# %%
# A cause is known by what stays: the mechanism that makes a variable out of its causes is the same
# in all weeks but those that act on it. Written the wrong way round, one change looks like two.
graph = InvariantGraph().fit(X, environments=hours["week"])
graph.plot()

# %%
# Beside each variable stand the weeks in which its mechanism was another one: what the gardeners
# did, told from the data alone.
graph.acts_on_.astype(int)

# %%
# A row an edge. ``shared`` counts the weeks that share the mechanism of the effect;
# ``log_odds_direction`` is how much worse the best graph with this edge turned round would fit.
graph.evidence_.round(2)

# %%
# Leave out the weeks that touch the sun, the warmth or the moisture, and the picture says less:
# their directions are left open, and not guessed.
fewer = hours["week"].isin(["week 1", "week 5", "week 6", "week 7"])
graph = InvariantGraph().fit(X[fewer], environments=hours["week"][fewer])
graph.plot()

# %%
print(*graph.notes_, sep="\n")

# %%
# **What to take away.** Experiments tell directions even if nobody says what they did, so long as
# each touches few things. What is not measured stays dangerous: a hidden cause of two of these
# variables would show as an arrow between them.
