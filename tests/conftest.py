"""What all tests share: steady examples, and what reads a page.

The same examples in every run; ``pytest --hypothesis-profile=default`` looks for new ones.
"""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

settings.register_profile("steady", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("steady")

VOID = {"meta", "use", "br", "path", "rect", "line", "circle", "polygon"}


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
