"""The training loop: any network, any optimiser, one environment a step."""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from elinvar._base._check import check_count, check_number
from elinvar.errors import DataError, ElinvarError, ElinvarWarning, FileError
from elinvar.neural._processes import any_process
from elinvar.neural.rules._hetero_step import HeteroStep
from elinvar.neural.rules._learner import Batch, Learner, Loss, takes_batch
from elinvar.neural.rules._rule import StepRule
from elinvar.neural.training._checkpoint import Checkpoint, random_states, set_random_states
from elinvar.neural.training._fingerprint import check_fingerprint, fingerprint
from elinvar.neural.training._logging import log_of
from elinvar.neural.training._outcome import Status, Training
from elinvar.neural.training._progress import Progress, progress_bar
from elinvar.neural.training._step_batches import StepBatches

_PRECISIONS = {None: None, "bfloat16": torch.bfloat16, "float16": torch.float16}


Step = Callable[["HeteroTrainer", Any], Tensor | float]


class Callback(Protocol):
    """Anything that wants to see a run at every record."""

    def __call__(self, trainer: "HeteroTrainer", /) -> Mapping[str, float] | None:
        """Look at the trainer, and return more columns of the table, or None."""


class HeteroTrainer:
    r"""Train a network one environment a step.

    The loader decides what a step sees: with `EnvironmentBatchSampler` this is HeteroSGD, with
    `PooledBatchSampler` or plain shuffling its pooled mirror. The rule decides what the step makes
    of it, and the optimiser takes it.

    Parameters
    ----------
    model : Module
        The network, on the device where it is to be trained.
    optimizer : Optimizer
        Over its parameters. Plain ``torch.optim.SGD`` with a large step is the paper's.
    loss : callable
        ``loss(output, target)``, the mean over the rows of a batch (x, y). Or, for batches of any
        kind (dicts, dataclasses, tuples of any length), ``loss(model, batch)``: it is known by its
        first argument, which is called ``model``.
    step : callable, optional
        ``step(trainer, batch)`` in place of loss and rule: it takes the whole step, with
        ``trainer.model`` and ``trainer.optimizer``, and returns the loss of the batch. Gradients
        are zero when it is called.
    rule : StepRule
        ``HeteroStep()``: the gradient of one batch. ``HeteroStep(gain=..., environments=...)``: of
        an extrapolated environment. `IRMv1`, `VREx`, `Fishr`, `GroupDRO`, `Fish`: peers.
    scheduler : LRScheduler, optional
        Stepped after every step.
    autocast : {"bfloat16", "float16"}, optional
        Lower precision where torch finds it safe. None: that of the parameters.
    average : float in [0, 1]
        Share of the steps, at the end, over which parameters are averaged, into
        :attr:`averaged`: near the critical heterogeneity spurious parts come in bursts. 0: none.
    record_every : int
        Steps between two rows of the table, and two looks at whether the loss is still bounded.
    bound : float
        A run has diverged when the loss is so many times its first value, or not a number.
    callbacks : sequence of callable
        Called with the trainer at every record. What they return joins the table, and
        :meth:`stop` ends the run.
    loggers : sequence of loggers
        Told every record: a ``SummaryWriter`` of TensorBoard, a run of Weights & Biases, a logger
        of Lightning, or whatever has ``log(values, step=...)``.
    progress : bool or callable, optional
        True: a bar on standard error, with the loss and the time left, in a terminal. A callable is
        called as ``progress(done, steps)`` at every record.
    checkpoint : Checkpoint, optional
        Where the run is kept. It holds model, optimiser, scheduler, rule, averages, random numbers
        of torch, the place in the loader and the table, and it is written at whole steps of a run
        that has not diverged.
    warn : bool
        Whether a run that diverged warns, beside saying so in its status.

    Attributes
    ----------
    step : int
        Steps taken.
    averaged : Module
        The model with averaged parameters; the model itself before averaging begins.

    Raises
    ------
    DataError
        If a setting is out of its range, or the rule cannot work on replicas of a model.

    Notes
    -----
    *Exact resume.* A run that is killed and started again with ``resume=True`` gives the same
    parameters, bit for bit on a CPU, and the same table as one that was not, if the loader gives
    the same batches again: samplers of this library do, and so do torch's. Random numbers that are
    not torch's, and those of a loader's worker processes, are not replayed.

    *Several processes.* Wrap the model in ``DistributedDataParallel``; `EnvironmentBatchSampler`
    shares its batches out. The peers' rules need one process.

    References
    ----------
    Y. Xu, Y. Gu, C. Fang, "The Implicit Bias of Heterogeneity towards Invariance: A Study of
    Multi-Environment Matrix Sensing", NeurIPS 2024, arXiv:2403.01420, Algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> from elinvar.neural import EnvironmentBatchSampler, HeteroTrainer
    >>> _ = torch.manual_seed(0)
    >>> place = ["north", "south"] * 500
    >>> x = torch.randn(1000, 2)
    >>> data = TensorDataset(x, x[:, :1])
    >>> sampler = EnvironmentBatchSampler(place, batch_size=100)
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    >>> trainer = HeteroTrainer(model, optimizer, torch.nn.functional.mse_loss)
    >>> training = trainer.fit(DataLoader(data, batch_sampler=sampler), steps=100)
    >>> training.status, bool(training.metrics["loss"].iloc[-1] < 1e-6)
    ('completed', True)
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss: Loss | None = None,
        *,
        step: Step | None = None,
        rule: StepRule | None = None,
        scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
        autocast: Literal["bfloat16", "float16"] | None = None,
        average: float = 0.0,
        record_every: int = 50,
        bound: float = 1e6,
        callbacks: Sequence[Callback] = (),
        loggers: Sequence[object] = (),
        progress: Progress | bool | None = None,
        checkpoint: Checkpoint | None = None,
        warn: bool = True,
    ) -> None:
        self.model, self.optimizer, self.scheduler = model, optimizer, scheduler
        self.rule = HeteroStep() if rule is None else rule
        self.callbacks, self.progress, self.checkpoint = tuple(callbacks), progress, checkpoint
        self.average, self.record_every, self.bound = average, record_every, bound
        self.warn = warn
        self._logs = [log_of(logger) for logger in loggers]
        self._own_step, whole = step, loss is not None and takes_batch(loss)
        self._check(autocast, loss, whole)
        self.device = next(model.parameters()).device
        scaler = torch.amp.GradScaler(self.device.type) if autocast == "float16" else None
        self._learner = Learner(
            model=model,
            loss=loss or _no_loss,
            whole=whole or step is not None,
            precision=_PRECISIONS[autocast],
            scaler=scaler,
        )
        self._averages: AveragedModel | None = None
        self._rows: list[dict[str, float]] = []
        self._losses: list[float] = []
        # losses that have not been brought here yet: bringing one waits for its device
        self._recent: list[Tensor] = []
        self._first = math.nan
        self._loader: Iterable[object] | None = None
        self._batches: StepBatches | None = None
        self._identity: str | None = None
        self._ended: Status | None = None
        self._report: Progress | None = None
        self.step = 0

    def _check(self, autocast: str | None, loss: Loss | None, whole: bool) -> None:
        own = self._own_step is not None
        if own == (loss is not None):
            raise DataError("Give either a loss or a step of your own, and not both.")
        if own and (autocast or type(self.rule) is not HeteroStep or self.rule.environments > 1):
            raise DataError(
                "A step of your own takes one batch and decides everything about it: leave out "
                "rule and autocast."
            )
        if whole and self.rule.needs_pairs:
            raise DataError(
                f"{type(self.rule).__name__} compares outputs with labels, so it needs batches "
                "(x, y) and a loss(output, target); HeteroStep, GroupDRO and Fish take any."
            )
        if autocast not in _PRECISIONS:
            raise DataError(f'autocast must be "bfloat16", "float16" or None; got {autocast!r}.')
        check_number("average", self.average, least=0.0)
        if self.average > 1.0:
            raise DataError(f"average is a share of the steps, at most 1; got {self.average!r}.")
        check_count("record_every", self.record_every)
        check_number("bound", self.bound, least=1.0)
        if isinstance(self.model, DistributedDataParallel) and not self.rule.replicated:
            raise DataError(
                f"{type(self.rule).__name__} needs the gradients of whole batches, which replicas "
                "of a model do not have: train in one process, or use HeteroStep."
            )

    @property
    def averaged(self) -> nn.Module:
        """The model with averaged parameters; the model itself before averaging begins."""
        if self._averages is None:
            return self.model
        module: nn.Module = self._averages.module
        return module

    def stop(self) -> None:
        """End the run after this record: for callbacks."""
        self._ended = "stopped"

    def fit(
        self,
        loader: Iterable[object],
        *,
        steps: int,
        resume: bool = False,
        identity: str | None = None,
    ) -> Training:
        """Train until ``steps`` steps have been taken in all.

        Parameters
        ----------
        loader : iterable of (x, y), or of what the loss or the step takes
            A `DataLoader`, or anything else that yields batches and can be gone through again.
        steps : int
            Steps in all, those taken before included: calling again with more goes on.
        resume : bool
            Go on from the checkpoint, if there is one.
        identity : str, optional
            What the data set is known by in the checkpoint; by default :func:`fingerprint`
            computes it. A stream cannot be read twice and needs one to be told from others.

        Returns
        -------
        Training
            With the status "diverged", and a warning, if the loss left all bounds.

        Raises
        ------
        DataError
            If the first loss is not a number, a batch is no pair where the loss needs one, or
            the checkpoint belongs to
            another data set.
        FileError
            If the checkpoint cannot be read or written, or does not fit the model.
        """
        check_count("steps", steps)
        started = perf_counter()
        batches = self._open(loader, identity)
        if resume:
            self._resume()
        begin = steps - round(self.average * steps)
        every = steps if self.checkpoint is None else self.checkpoint.every
        with progress_bar(
            self.progress, self.step, steps, lambda: self._rows[-1]["loss"]
        ) as self._report:
            while self.step < steps and self._ended is None:
                # up to the next step after which there is something to see to
                pause = min(steps, self._next(self.record_every), self._next(every))
                while self.step < pause and self._ended is None:
                    self._take(batches.next())
                    if self.step > begin:
                        self._add_to_average()
                self._after_step(steps)
        if self._ended == "diverged" and self.warn:
            self._warn()
        return Training(
            status=self._ended or "completed",
            steps=self.step,
            epoch=batches.epoch,
            rows=tuple(self._rows),
            seconds=perf_counter() - started,
        )

    def _open(self, loader: Iterable[object], identity: str | None) -> StepBatches:
        self._ended = None
        self.model.train()
        if self._batches is None or loader is not self._loader:
            self._loader, self._batches = (
                loader,
                StepBatches(loader, self.rule, self.device, self._learner.whole),
            )
        self._identity = identity
        if self.checkpoint is not None and identity is None:
            self._identity = fingerprint(getattr(loader, "dataset", loader))
        return self._batches

    def _take(self, batches: list[Batch]) -> None:
        """Take a step."""
        self.optimizer.zero_grad()
        if self._own_step is not None:
            risk = torch.as_tensor(self._own_step(self, batches[0])).detach()
        else:
            risk = self.rule.backward(self._learner, batches, self.step)
        if not self.step:
            self._check_first(risk)
        if self._own_step is None:
            self._follow_gradient()
        if self.scheduler is not None:
            self.scheduler.step()
        # on a processor nothing waits, and tensors that are kept would hold memory apart
        if risk.is_cpu:
            self._losses.append(risk.item())
        else:
            self._recent.append(risk)
        self.step += 1

    def _follow_gradient(self) -> None:
        scaler = self._learner.scaler
        if scaler is None:
            self.optimizer.step()
        else:
            scaler.step(self.optimizer)
            scaler.update()

    def _next(self, every: int) -> int:
        """Return the next step that is a multiple of ``every``."""
        return self.step - self.step % every + every

    def _after_step(self, steps: int) -> None:
        """Record or look, and write."""
        last = self.step == steps
        if last or self.step % self.record_every == 0:
            self._record(steps)
        else:
            self._check_bounded()
        if self.checkpoint is not None and self._ended != "diverged":
            if last or self._ended == "stopped" or self.step % self.checkpoint.every == 0:
                self.checkpoint.write(self._state())

    def _check_first(self, risk: Tensor) -> None:
        if risk.numel() != 1:
            raise DataError(
                "The loss of a batch must be one number, the mean over its rows; got shape "
                f"{tuple(risk.shape)}."
            )
        self._first = float(risk)
        if any_process(not math.isfinite(self._first), self.device):
            raise DataError(
                f"The loss of the first batch is {self._first}, before any step: look for missing "
                "or infinite values in inputs and labels, and for labels that the loss does not "
                "take."
            )

    def _check_bounded(self) -> None:
        """Bring the losses here, and see whether they and the parameters are bounded."""
        if self._recent:
            self._losses += torch.stack(self._recent).tolist()
            self._recent = []
        most = self.bound * max(abs(self._first), 1e-30)
        # not "> most", which a NaN is not either
        wild = any(not abs(value) <= most for value in self._losses)
        if not wild:
            # the last step may leave parameters without bounds and no loss that tells
            parts = [p.detach().abs().sum() for p in self.model.parameters()]
            wild = not math.isfinite(float(torch.stack(parts).sum()))
        if any_process(wild, self.device):
            self._ended = "diverged"

    def _record(self, steps: int) -> None:
        self._check_bounded()
        assert self._batches is not None
        row: dict[str, float] = {
            "step": self.step,
            "epoch": self._batches.epoch,
            "loss": math.fsum(self._losses) / max(len(self._losses), 1),
            "step_size": float(self.optimizer.param_groups[0]["lr"]),
        }
        self._losses = []
        if self._ended != "diverged":
            for callback in self.callbacks:
                row |= dict(callback(self) or {})
        self._rows.append(row)
        for log in self._logs:
            log({name: value for name, value in row.items() if name != "step"}, self.step)
        if self._report is not None:
            self._report(self.step, steps)

    def _add_to_average(self) -> None:
        if self._averages is None:
            self._averages = AveragedModel(self.model)
        self._averages.update_parameters(self.model)

    def _warn(self) -> None:
        kept = "" if self.checkpoint is None else " The last checkpoint is from before."
        lr = self.optimizer.param_groups[0]["lr"]
        warnings.warn(
            f"Training diverged by step {self.step:,}, with step size {lr:.3g}: the loss is more "
            f"than {self.bound:g} times its first value, or not a number. The parameters are not "
            f"to be used; take smaller steps, or less gain.{kept}",
            ElinvarWarning,
            stacklevel=3,
        )

    def _state(self) -> dict[str, Any]:
        """Return everything that a run needs to go on, in tensors and plain values."""
        assert self._batches is not None
        parts = {"scheduler": self.scheduler, "scaler": self._learner.scaler}
        return {
            "step": self.step,
            "first": self._first,
            "rows": self._rows,
            "losses": self._losses,
            "identity": self._identity,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "averages": None if self._averages is None else self._averages.state_dict(),
            "rule": [type(self.rule).__name__, self.rule.state_dict()],
            **{name: None if part is None else part.state_dict() for name, part in parts.items()},
            "batches": self._batches.state_dict(),
            "random": random_states(self.device),
        }

    def _resume(self) -> None:
        if self.checkpoint is None:
            raise DataError("There is nothing to resume: give the trainer a checkpoint.")
        if self.checkpoint.exists():
            state = self.checkpoint.read()
            check_fingerprint(self._identity, state["identity"], self.checkpoint.path)
            self._restore(state)

    def _restore(self, state: dict[str, Any]) -> None:
        """Become what another trainer was.

        Raises
        ------
        FileError
            If the state does not fit the model, optimiser, scheduler or rule.
        """
        assert self._batches is not None
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if state["averages"] is not None:
                self._averages = AveragedModel(self.model)
                self._averages.load_state_dict(state["averages"])
            for name, part in (("scheduler", self.scheduler), ("scaler", self._learner.scaler)):
                if (part is None) != (state[name] is None):
                    raise ValueError(f"one of the two has a {name}, the other none")
                if part is not None:
                    part.load_state_dict(state[name])
            rule, remembered = state["rule"]
            if rule != type(self.rule).__name__:
                raise ValueError(f"it was trained by {rule}, not {type(self.rule).__name__}")
            self.rule.load_state_dict(remembered)
            self.step, self._first = state["step"], state["first"]
            self._rows, self._losses, self._recent = list(state["rows"]), list(state["losses"]), []
            self._batches.load_state_dict(state["batches"])
            set_random_states(state["random"], self.device)
        except ElinvarError:
            raise
        # whatever optimisers, schedulers and rules say of a state that is not theirs
        except Exception as error:
            raise FileError(
                "The checkpoint does not fit this model, optimiser, scheduler or rule: "
                f"{' '.join(str(error).split())}. Build them as they were, or start anew with "
                "resume=False."
            ) from error


def _no_loss(output: object, target: object) -> Tensor:
    raise DataError("This trainer has a step of its own, and no loss.")
