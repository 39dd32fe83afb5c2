from dataclasses import dataclass

import pandas as pd
import pytest

from elinvar.plots import plot_lines
from elinvar.studies import Claim, Study, StudyConfig


@dataclass(frozen=True, kw_only=True)
class CoinConfig(StudyConfig):
    sizes: tuple[int, ...] = (10, 100, 1000)
    repetitions: int = 20
    core_seconds: float = 2.0


class Coins:
    """A study that counts its cells: are means of fair coins near one half?"""

    def __init__(self):
        self.calls = []
        self.stop_after = None

    def study(self):
        calls, stop = self.calls, self

        def cell(*, rng, size, repetition):
            if stop.stop_after is not None and len(calls) >= stop.stop_after:
                raise KeyboardInterrupt
            calls.append((size, repetition))
            return {"heads": float(rng.integers(2, size=size).mean())}

        def summarise(rows, config):
            away = (rows["heads"] - 0.5).abs()
            return away.groupby(rows["size"]).median().rename("distance").reset_index()

        def picture(rows, summary, config):
            return plot_lines(summary, "size", {"distance": "distance"}, title="A distance")

        def judge(summary, config):
            last = float(summary["distance"].iloc[-1])
            return (Claim(holds=last < 0.05, sentence=f"Half of <all> coins: {last:.3f}."),)

        return Study(
            name="coins",
            title="Coins & heads",
            claim="A coin is fair.",
            full=CoinConfig(),
            quick=CoinConfig(sizes=(10, 1000), repetitions=4, core_seconds=0.1),
            cell=cell,
            axes={"size": "sizes"},
            problem=("size",),
            summarise=summarise,
            picture=picture,
            judge=judge,
        )


@pytest.fixture
def coins():
    return Coins()


@pytest.fixture
def read():
    return pd.read_parquet
