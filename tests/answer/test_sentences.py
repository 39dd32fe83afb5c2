from types import SimpleNamespace

import pandas as pd
import pytest

from elinvar.answer.sentences import missed_levels, multiplicity_sentence


@pytest.mark.parametrize(
    ("n", "sentence"),
    [
        (0, ""),
        (1, "The statement is made for 90% of new environments like these."),
        (12, "Each of the 12 statements is made for 90% of new environments like these: in a given "
         "one expect about 1.2 of them to fail."),
    ],
)  # fmt: skip
def test_false_statements_are_to_be_expected_among_many(n, sentence):
    answer = SimpleNamespace(n_statements=n, expected_false=0.1 * n)
    assert multiplicity_sentence(answer) == sentence


def test_the_worst_level_of_each_model_is_named():
    left_out = pd.DataFrame(
        {
            "model": ["invariant", "invariant", "pooled", "pooled", "lasso"],
            "predicted_mean": [1.0, 2.0, 3.0, 4.0, 9.0],
            "truth_mean": [1.5, 2.1, 3.0, 1.0, 0.0],
        }
    )
    expected = "left-out environments are missed by up to 0.500 (invariant) and 3.00 (pooled)"
    for classes, what in (((), "Levels of"), (("no", "yes"), "Shares of classes in")):
        answer = SimpleNamespace(left_out=left_out, classes=classes)
        assert missed_levels(answer) == f"{what} {expected}"
