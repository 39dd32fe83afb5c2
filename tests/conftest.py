"""What all tests share: steady examples, optional packages, and what reads a page.

The same examples in every run; ``pytest --hypothesis-profile=default`` looks for new ones.
A test whose optional package is not installed is skipped with the command that installs it; with
``--all-extras`` it fails. It says so by ``@pytest.mark.needs("polars")``, by
``pytest.importorskip("polars")``, or by importing the package at the top of its file.
"""

import re
import shutil
import signal
import subprocess
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("steady")

# whoever starts the tests under nohup has hang-ups ignored, and processes started here with them
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# and who starts them in the background of a script, interrupts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# packages whose module has another name
MODULES = {"ibis-framework": "ibis"}


def _extras():
    """Return the first extra of ``pyproject.toml`` that installs each optional module."""
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    found = {}
    for extra, needed in tomllib.loads(text)["project"]["optional-dependencies"].items():
        for requirement in needed:
            package = re.match(r"[\w.-]+", requirement)[0]
            found.setdefault(MODULES.get(package, package.replace("-", "_")), extra)
    return found


EXTRAS = _extras()


def _needs(module):
    """Return the sentence of a skip for want of a module, None if no extra installs it."""
    extra = EXTRAS.get(module.partition(".")[0])
    return extra and f"needs {module}: pip install 'elinvar[{extra}]'"


def pytest_addoption(parser):
    words = "fail, and do not skip, where an optional package is missing"
    parser.addoption("--all-extras", action="store_true", help=words)


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(*modules): optional packages that a test needs")


def pytest_runtest_setup(item):
    for mark in item.iter_markers("needs"):
        for module in mark.args:
            pytest.importorskip(module)


class _Module(pytest.Module):
    """A file of tests, skipped as a whole if it imports an optional package that is missing."""

    def collect(self):
        try:
            return super().collect()
        except self.CollectError as error:
            cause = error.__cause__
            while cause is not None and not isinstance(cause, ModuleNotFoundError):
                cause = cause.__cause__
            words = cause and _needs(cause.name)
            if not words or self.config.getoption("all_extras"):
                raise
            pytest.skip(words, allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    return _Module.from_parent(parent, path=module_path)


def _told(report, all_extras):
    """Name the extra in the report of a skip for want of a module, or make it a failure."""
    missing = report.skipped and re.search(r"could not import '([\w.]+)'", str(report.longrepr))
    if missing and all_extras:
        report.outcome, report.longrepr = "failed", report.longrepr[2]
    elif missing and _needs(missing[1]):
        report.longrepr = (*report.longrepr[:2], f"Skipped: {_needs(missing[1])}")
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _told((yield), collector.config.getoption("all_extras"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    return _told((yield), item.config.getoption("all_extras"))


VOID = {"meta", "use", "br", "path", "rect", "line", "circle", "polygon", "input"}


class Page(HTMLParser):
    """Collect tags and texts, and check that tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.raw, self.tags, self.texts, self.open = text, [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data.strip())

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="session")
def parsed():
    """Return what reads a page and checks its tags."""
    return Page


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--allow-file-access-from-files", "--enable-logging=stderr", "--v=0",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]  # fmt: skip


@pytest.fixture(scope="session")
def browse(tmp_path_factory):
    """Return what opens a file in a browser without a network: its stdout and stderr."""
    if CHROMIUM is None:
        pytest.skip("chromium is not on PATH, so no browser can show the page")
    profile = tmp_path_factory.mktemp("profile")

    def run(file, *options):
        command = [CHROMIUM, *CHROMIUM_FLAGS, f"--user-data-dir={profile}", *options, file.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    return run


@pytest.fixture(scope="session")
def nasty():
    return "<script>alert('x')</script>"


KINDS = ("constant", "nearly constant", "collinear", "duplicate", "one-hot", "level")


def _degenerate_table(seed, *, regular=1):
    """Draw features, target and environments; in some of these, columns lose a direction or more.

    At least ``regular`` environments tell all columns apart.
    """
    rng = np.random.default_rng(seed)
    n_environments, p = int(rng.integers(3, 7)), int(rng.integers(2, 5))
    place = np.repeat(np.arange(n_environments), rng.integers(25, 60, size=n_environments))
    X = rng.normal(size=(len(place), p)) + rng.normal(size=(n_environments, p))[place]
    slopes = rng.normal(size=p) + rng.choice([0, 0.7]) * rng.normal(size=(n_environments, p))
    level = rng.choice([0, 1]) * rng.normal(size=n_environments)
    noise = rng.choice([0.1, 1]) * rng.normal(size=len(place))
    y = np.einsum("ij,ij->i", X, slopes[place]) + level[place] + noise
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(p)])
    for kind in rng.choice(KINDS, size=int(rng.integers(1, 4)), replace=False):
        some = rng.permutation(n_environments)[: rng.integers(1, n_environments - regular + 1)]
        at = np.isin(place, some)
        one, other = (f"x{j}" for j in rng.choice(p, 2, replace=False))
        if kind == "constant":
            frame.loc[at, one] = rng.choice([0.0, 0.1, 1.0, 1e6])
        elif kind == "nearly constant":
            frame.loc[at, one] = 3.0 + 1e-13 * rng.normal(size=at.sum())
        elif kind == "collinear":
            frame.loc[at, one] = rng.normal() * frame.loc[at, other] + 0.3
        elif kind == "duplicate":
            frame.loc[at, one] = frame.loc[at, other]
        elif kind == "one-hot":
            frame["smoker"] = ((rng.random(len(place)) < 0.4) & ~at).astype(float)
        else:
            colour = rng.choice(["blue", "green", "red"], size=len(place))
            frame["colour"] = np.where(at & (colour == "red"), "blue", colour)
    return frame[list(rng.permutation(frame.columns))], y, np.array(list("abcdefg"))[place]


@pytest.fixture(scope="session")
def degenerate_table():
    """Return what draws a table whose columns some environments cannot tell apart."""
    return _degenerate_table


@pytest.fixture
def shows():
    """Say whether two texts are the ends of an interval, to two digits of its half-width."""

    def same(texts, low, high):
        rounded = 0.05 * (high - low) / 2
        ends = [float(text) for text in texts]
        return all(len(text) < 8 for text in texts) and ends == pytest.approx(
            [low, high], abs=rounded
        )

    return same
