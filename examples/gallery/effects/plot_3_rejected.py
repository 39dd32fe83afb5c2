"""
Rejected: nothing is exactly the same. Now what?
================================================

"Rejected" sounds like the end. It says only that no set of effects is *exactly* the same
everywhere, and with many rows or rough measurements that is the usual case. Here it is the case
of a law of nature.
"""

# %%
# The menus of seven restaurant chains: 487 dishes, their grams of fat, carbohydrate and protein,
# and their calories. Chemists know the answer: a gram of fat has 9 kcal, a gram of carbohydrate
# or protein 4, wherever it is eaten. Sugar is a carbohydrate and adds nothing of its own; salt
# has no calories.
from elinvar import InvariantRegressor
from elinvar.datasets import load_table

menu = load_table("fastfood")
X, y = menu.frame[list(menu.features)], menu.frame[menu.target]
model = InvariantRegressor().fit(X, y, environments=menu.frame[menu.environment])
print(model.status_, "-", model.status_reason_)

# %%
# Menus are rounded, and dishes hold more than these three. Exact agreement is refused, rightly. But
# that was only the first question. The second is what may be carried to an eighth chain, and it is
# answered for each effect by itself:
columns = ["feature", "verdict", "effect", "new_low", "new_high"]
model.all_features_[columns].round(2)

# %%
# Fat is worth 9 kcal a gram and carbohydrate 4, in an eighth chain too, give or take a quarter:
# "nearly invariant". Protein surely adds calories. Sugar and salt add next to nothing beside
# them.
model.plot_forest()

# %%
# Where chains disagree, the error of each chain, predicted from the other six, says who is behind
# it:
model.plot_errors()

# %%
# No law fits Sonic. A hint to look at the rows: which dish is furthest from what chemistry says?
chemistry = X["total_fat"] * 9 + X["total_carb"] * 4 + X["protein"] * 4
furthest = (y - chemistry).abs().idxmax()
menu.frame.loc[[furthest], ["restaurant", "calories", "total_fat", "total_carb", "protein"]]

# %%
# A dish with so much fat that has a hundred calories: somebody lost a zero.
#
# **What to take away.** Read the status for "is it exactly the same?", and the verdicts for "what
# can I carry over?". A table may refuse the first and answer the second.
