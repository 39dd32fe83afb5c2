"""Grids of runs: named axes in, one tidy table out; knows no algorithm."""

from elinvar.sweeps._run import run_sweep
from elinvar.sweeps._sweep import Sweep

__all__ = ["Sweep", "run_sweep"]
