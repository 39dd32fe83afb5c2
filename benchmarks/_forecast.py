"""Real tables as rows that learners of forecasts take."""

from dataclasses import replace

import numpy as np

from elinvar.datasets import load_table, table_specs
from elinvar.forecast import Columns, Sample


def sample_of(name: str, specs: str | None, most: int, *, classes: bool) -> Sample:
    """Return at most ``most`` rows of a table; of classes, the target is the class's number.

    Raises
    ------
    ValueError
        If numbers are wanted and the target is none.
    """
    data = load_table(name, specs=table_specs(specs))
    frame = data.frame
    if len(frame) > most:
        frame = frame.sample(most, random_state=0)
    n_classes = 0
    if classes:
        labels, y = np.unique(frame[data.target].astype(str), return_inverse=True)
        frame, n_classes = frame.assign(**{data.target: y.astype(float)}), len(labels)
    rows = replace(data, frame=frame).environments()
    schema = rows.schema
    return Sample(
        X=np.asarray(rows.X, dtype=np.float64),
        y=np.asarray(rows.y, dtype=np.float64),
        codes=rows.codes,
        weight=np.ones(rows.n_rows),
        columns=Columns(
            features=schema.features,
            groups=schema.groups,
            categorical=np.array([name in schema.levels for name in schema.features]),
        ),
        n_classes=n_classes,
    )
