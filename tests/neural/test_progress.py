"""The bar of a training loop: shown in a terminal, by one process, and closed in the end."""

from io import StringIO

import numpy as np
import pytest
import rich.console
import torch
from torch.nn.functional import mse_loss

from elinvar.neural import HeteroTrainer

CURSOR_BACK = "\x1b[?25h"
BATCHES = [(torch.ones(4, 2), torch.ones(4, 1))] * 5


@pytest.fixture
def terminal(monkeypatch):
    """Let the bar believe that it draws in a terminal, and return what it drew."""
    text, console = StringIO(), rich.console.Console

    def of(stderr):
        assert stderr
        return console(file=text, force_terminal=True, width=100)

    monkeypatch.setattr(rich.console, "Console", of)
    return text


def trainer(**options):
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    return HeteroTrainer(model, optimizer, mse_loss, **{"record_every": 10} | options)


def test_the_bar_tells_steps_loss_and_time(terminal):
    run = trainer(progress=True)
    run.fit(BATCHES, steps=30)
    loss = run.fit(BATCHES, steps=50).metrics["loss"].iloc[-1]
    last = terminal.getvalue().split("Training")[-1]
    assert "50/50" in last and f"loss {loss:.4g}" in last
    assert "30/50" in terminal.getvalue()  # the second call goes on where the first ended
    assert terminal.getvalue().endswith(CURSOR_BACK)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_the_bar_is_closed_when_a_run_is_broken_off(terminal, error):
    def broken(trainer):
        raise error

    with pytest.raises(error):
        trainer(progress=True, callbacks=[broken]).fit(BATCHES, steps=20)
    assert CURSOR_BACK in terminal.getvalue()


def test_nothing_is_drawn_unasked_or_by_other_processes(terminal, monkeypatch):
    trainer().fit(BATCHES, steps=20)
    trainer(progress=False).fit(BATCHES, steps=20)
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.get_rank", lambda: 1)
    monkeypatch.setattr("torch.distributed.get_world_size", lambda: 2)
    monkeypatch.setattr("torch.distributed.all_reduce", lambda value, op: None)
    trainer(progress=True).fit(BATCHES, steps=20)
    assert terminal.getvalue() == ""


def test_a_file_gets_no_bar(capfd):
    trainer(progress=True).fit(BATCHES, steps=20)
    assert np.all([not text.strip() for text in capfd.readouterr()])
