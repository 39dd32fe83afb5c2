"""The error to expect in a new place, for each number of rows labelled there."""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from elinvar._base._reader import Reader
from elinvar.forecast._sample import Floats

_RANGE = 0.8


@dataclass(frozen=True, kw_only=True, eq=False)
class Expected:
    """Errors on training environments that were left out, by rows labelled there.

    Attributes
    ----------
    rows : (H,) array of int
        Numbers of labelled rows that were tried, the first 0.
    log_error : (H,) array
        Mean over environments of the log of the error: root mean squared error in units of the
        target, or mean log loss of classes.
    spread : (H,) array
        Standard deviation of that log over environments.
    n_environments : int
    """

    rows: Floats
    log_error: Floats
    spread: Floats
    n_environments: int

    @classmethod
    def of(cls, logs: Floats, rows: Floats, *, classes: bool) -> "Expected":
        """Summarise log losses.

        Parameters
        ----------
        logs : (E, H) array
            Logs of mean squared errors, or of log losses.
        rows : (H,) array
        classes : bool
        """
        logs = logs if classes else logs / 2
        ddof = 1 if len(logs) > 1 else 0
        return cls(
            rows=rows,
            log_error=logs.mean(axis=0),
            spread=logs.std(axis=0, ddof=ddof),
            n_environments=len(logs),
        )

    def error(self, rows: Floats | float) -> Floats:
        """Return the expected error after numbers of labelled rows; constant beyond 100."""
        return np.asarray(np.exp(self._at(rows, self.log_error)))

    def range(self, rows: Floats | float) -> tuple[Floats, Floats]:
        """Return between what the error is in eight of ten new places.

        A new place is taken as drawn like those seen, log errors as normal; the interval allows
        for their number (Student's t, E - 1 degrees of freedom).
        """
        E = self.n_environments
        wide = float(stdtrit(E - 1, (1 + _RANGE) / 2)) * np.sqrt(1 + 1 / E)
        middle, spread = self._at(rows, self.log_error), self._at(rows, self.spread)
        return np.exp(middle - wide * spread), np.exp(middle + wide * spread)

    def removed(self, rows: Floats | float) -> Floats:
        """Return the share of the error that labelled rows remove; negative if they add to it."""
        return np.asarray(1 - self.error(rows) / self.error(0.0))

    def _at(self, rows: Floats | float, values: Floats) -> Floats:
        # in between errors fall about with the log of rows
        return np.asarray(np.interp(np.log1p(rows), np.log1p(self.rows), values))

    def entries(self) -> dict[str, object]:
        """Return what a model file needs, as JSON can write it."""
        return {
            "rows": self.rows.tolist(),
            "log_error": self.log_error.tolist(),
            "spread": self.spread.tolist(),
            "n_environments": self.n_environments,
        }


def read_expected(entries: Reader) -> Expected:
    """Return what `Expected.entries` has written.

    Raises
    ------
    ModelFileError
        If an entry is missing or not what it must be.
    """
    rows = entries.numbers("rows")
    ordered = len(rows) > 1 and rows[0] == 0 and bool((np.diff(rows) > 0).all())
    entries.must(ordered, "rows", "growing numbers from 0 on")
    spread = entries.numbers("spread", length=len(rows))
    entries.must((spread >= 0).all(), "spread", "numbers from 0 on")
    log_error = entries.numbers("log_error", length=len(rows))
    entries.must((np.abs(log_error) < 700).all(), "log_error", "logarithms")
    return Expected(
        rows=rows,
        log_error=log_error,
        spread=spread,
        n_environments=entries.whole("n_environments", least=2),
    )
