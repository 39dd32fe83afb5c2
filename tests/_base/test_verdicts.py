import pytest

from elinvar._base._verdicts import kept


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["same direction"] * 2, "All 2 effects keep their sign in a new place"),
        (["invariant"], "The effect keeps its size in a new place"),
        (
            ["same direction"] * 4 + ["nearly invariant", "invariant", "varies"],
            "6 of 7 effects keep their sign in a new place, 2 their size; 1 changes",
        ),
        (
            ["same direction", "spurious", "varies", "no effect", "undecided", "undecided"],
            "1 of 6 effects keeps its sign in a new place; 2 change, 1 is too small to matter, "
            "2 are undecided",
        ),
        (["undecided"] * 2, "No effect is sure to keep its sign in a new place; 2 are "
         "undecided"),
    ],
)  # fmt: skip
def test_how_many_effects_keep_what_is_said_in_a_sentence(verdicts, said):
    assert kept(verdicts, rest=True) == said
    assert kept(verdicts) == said.split("; ")[0]
