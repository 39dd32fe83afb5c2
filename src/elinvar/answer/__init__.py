"""What was found, as one frozen object: numbers, and the tables, sentences and pictures of them."""

from elinvar.answer._answer import Answer
from elinvar.answer._found import HOLDS, STATUSES, VERDICTS, FittedModel
from elinvar.answer._transfer_answer import TransferAnswer
from elinvar.answer.comparison import Comparison, compare
from elinvar.answer.explanation import Explanation

__all__ = [
    "HOLDS",
    "STATUSES",
    "VERDICTS",
    "Answer",
    "Comparison",
    "Explanation",
    "FittedModel",
    "TransferAnswer",
    "compare",
]
