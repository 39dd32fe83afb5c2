"""What all tests share: steady examples, and what reads a page.

The same examples in every run; ``pytest --hypothesis-profile=default`` looks for new ones.
"""

from html.parser import HTMLParser

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
