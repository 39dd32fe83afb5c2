"""Evidence that can be trusted: sizes, power, coverage, verdicts, and what all that costs.

    python benchmarks/evidence.py [--only size few_rows power coverage verdicts cost] [--quick]

Answers are known: data are drawn, and supports of the sections on size fixed beforehand.
"""

from _evidence_cost import cost
from _evidence_few_rows import few_rows
from _evidence_size import power, size
from _evidence_verdicts import coverage, verdicts
from _table import Suite, parser, run

SUITES: dict[str, Suite] = {
    "size": size,
    "few_rows": few_rows,
    "power": power,
    "coverage": coverage,
    "verdicts": verdicts,
    "cost": cost,
}


def main() -> None:
    run("Evidence", SUITES, parser(__doc__ or "", SUITES).parse_args())


if __name__ == "__main__":
    main()
