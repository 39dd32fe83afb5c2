"""What the two estimators with networks share: their parameters, and the search for features."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from elinvar._base._display import ShownTable
from elinvar._base._numbers import counted
from elinvar._base._sparks import bars
from elinvar.environments import Environments
from elinvar.errors import DataError
from elinvar.estimators import EnvironmentEstimator, Tidied, random_generator
from elinvar.neural.mlp._agreement import Agreement
from elinvar.neural.mlp._gates import NetworkSettings, TrainingRows, find_gates, refit, supports
from elinvar.neural.networks._two_layer import TwoLayerNetwork

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Targets = Floats | NDArray[np.intp]
RandomState = int | np.random.RandomState | np.random.Generator | None
Judge = Callable[[Floats, Floats], Agreement]

_CONSTANT = 1e-13


class NetworkEstimator(Tidied, EnvironmentEstimator):
    """Parameters, search and summary of `InvariantMLPRegressor` and `InvariantMLPClassifier`."""

    environments_: tuple[str, ...]
    selected_: Bools
    gates_: Floats
    step_size_: float
    p_value_: float
    disagreement_: float
    status_: Literal["accepted", "approximate", "rejected", "pooled_only"]
    notes_: tuple[str, ...]
    network_: TwoLayerNetwork

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden": [Interval(Integral, 2, None, closed="left")],
        "activation": [StrOptions({"relu", "gelu"})],
        "gain": [Interval(Real, 0, None, closed="left")],
        "step_size": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "refit_steps": [Interval(Integral, 1, None, closed="left")],
        "tolerance": [Interval(Real, 0, 1, closed="both")],
        "pooled": ["boolean"],
        "device": [str],
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(
        self,
        *,
        hidden: int = 32,
        activation: Literal["relu", "gelu"] = "relu",
        gain: float = 5.0,
        step_size: float | Literal["auto"] = "auto",
        batch_size: int = 256,
        n_steps: int = 1500,
        refit_steps: int = 400,
        tolerance: float = 0.1,
        pooled: bool = False,
        device: str = "cpu",
        random_state: RandomState = None,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.gain = gain
        self.step_size = step_size
        self.batch_size = batch_size
        self.n_steps = n_steps
        self.refit_steps = refit_steps
        self.tolerance = tolerance
        self.pooled = pooled
        self.device = device
        self.random_state = random_state

    def summary(self) -> str:
        """Say in a few lines of text what was found.

        Returns
        -------
        str
        """
        check_is_fitted(self, "network_")
        return "\n".join([f"{type(self).__name__}: {self._said()}", *self.notes_])

    def _terms(self) -> dict[str, list[Any]]:
        return {
            "term": list(self.schema_.features),
            "estimate": self.gates_.tolist(),
            "selected": self.selected_.tolist(),
        }

    def _facts(self) -> dict[str, Any]:
        return {
            "n_selected": int(self.selected_.sum()),
            "status": self.status_,
            "p.value": self.p_value_,
            "disagreement": self.disagreement_,
            "step_size": self.step_size_,
        }

    def _said(self) -> str:
        names = np.array(self.schema_.features)[self.selected_]
        lines = [
            f"{self.status_}, {counted(len(self.environments_), 'environment')}",
            f"features used: {', '.join(names) or 'none'}",
        ]
        if self.status_ != "pooled_only":
            lines.append(
                f"environments agree with p = {self.p_value_:.2g}; models of their own would spare "
                f"at most {self.disagreement_:.1%} of what is left unexplained"
            )
        return f"{'; '.join(lines)}."

    def _found_tables(self) -> list[ShownTable]:
        if np.isnan(self.gates_).any():
            return []
        rows: list[tuple[str, ...]] = [
            (name, f"{gate:.3g}", "yes" if used else "no")
            for name, gate, used in zip(
                self.schema_.features, self.gates_, self.selected_, strict=True
            )
        ]
        pictures = bars(self.gates_.tolist(), [row[1] for row in rows])
        header = ("feature", "gate", "used")
        return [ShownTable(title="", header=header, rows=rows, pictures=pictures, drawn="gate")]

    def _search(self, rows: Environments, y: Targets, n_outputs: int | None, judge: Judge) -> None:
        """Find the features and the network; ``judge(output, used columns)`` says how good one is.

        Raises
        ------
        DataError
            If torch does not know the device.
        """
        rng = random_generator(self.random_state, 0)
        first, second = (int(seed) for seed in rng.integers(2**31, size=2))
        settings, table = self._settings(n_outputs), self._table(rows, y)
        everything = np.ones(table.n_gates, dtype=bool)
        self.environments_, self.notes_ = rows.names, ()
        self.gates_, self.step_size_ = np.full(table.n_gates, np.nan), np.nan
        self.p_value_, self.disagreement_ = 1.0, 0.0
        candidates = [everything]
        if self.pooled or len(rows.names) == 1:
            if not self.pooled:
                self.notes_ = (
                    "All rows are from one environment, so nothing can be said about invariance; "
                    "this is the pooled network. Give the environment of each row to fit.",
                )
            self.status_, self.selected_ = "pooled_only", everything
            self.network_ = refit(table, everything, settings, second)
            return
        self.gates_, self.step_size_ = find_gates(table, settings, first)
        if np.isnan(self.gates_).any():
            self.notes_ = (
                f"Training diverged with step_size={self.step_size_:.2g} and gain={self.gain:g}, "
                "so no feature was left out; take smaller steps, or less gain.",
            )
        else:
            candidates = supports(self.gates_)
        self._choose(rows, table, candidates, settings, second, judge)

    def _choose(
        self,
        rows: Environments,
        table: TrainingRows,
        candidates: list[Bools],
        settings: NetworkSettings,
        seed: int,
        judge: Judge,
    ) -> None:
        networks = [refit(table, mask, settings, seed) for mask in candidates]
        found = []
        for mask, network in zip(candidates, networks, strict=True):
            columns = mask[table.gate_of]
            x = table.x.cpu().double()[:, torch.as_tensor(np.flatnonzero(columns))]
            found.append(judge(network(x).numpy(), rows.X[:, columns]))
        # no network is exact, so with enough rows each fails its test: how far it fails decides
        close = [k for k, one in enumerate(found) if one.disagreement <= self.tolerance]
        best = min(close, key=lambda k: found[k].score) if close else len(found) - 1
        self.p_value_, self.disagreement_ = found[best].p_value, found[best].disagreement
        self.status_ = "accepted" if self.p_value_ >= 1.0 / len(rows.y) else "approximate"
        if not close:
            self.status_ = "rejected"
            self.notes_ += (
                "Invariance is rejected for every set of features that training led to: the "
                "pooled network answers, and may fail in new environments. Effects that keep "
                "their sign everywhere need more gain.",
            )
        self.selected_, self.network_ = candidates[best], networks[best]

    def _output(self, encoded: Floats) -> Floats:
        """Return what the network makes of encoded rows (n, n_columns)."""
        columns = self.selected_[self.schema_.groups]
        x = ((encoded - self._center) / self._scale)[:, columns]
        output: Floats = self.network_(torch.as_tensor(x)).numpy()
        return output

    def _table(self, rows: Environments, y: Targets) -> TrainingRows:
        self._center, spread = rows.X.mean(axis=0), rows.X.std(axis=0)
        constant = spread <= _CONSTANT * np.abs(self._center)
        self._scale = np.where(constant, 1.0, spread)
        device = self._device()
        x = (rows.X - self._center) / self._scale
        dtype = torch.float32 if y.dtype.kind == "f" else torch.long
        return TrainingRows(
            x=torch.as_tensor(x, dtype=torch.float32, device=device),
            y=torch.as_tensor(y, dtype=dtype, device=device),
            codes=rows.codes,
            gate_of=rows.schema.groups,
        )

    def _device(self) -> torch.device:
        try:
            torch.empty(0, device=self.device)
        except (RuntimeError, AssertionError) as error:
            raise DataError(
                f"torch cannot use device={self.device!r} here; take 'cpu' or another one."
            ) from error
        return torch.device(self.device)

    def _settings(self, n_outputs: int | None) -> NetworkSettings:
        even = self.hidden + self.hidden % 2
        size = None if self.step_size == "auto" else float(self.step_size)
        return self._asked(NetworkSettings, hidden=even, step_size=size, n_outputs=n_outputs)
