"""The check of the built site finds links that lead nowhere."""

import pytest


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("gone.html", "index.html: gone.html is not there"),
        ("other.html#gone", "index.html: other.html#gone has no such heading"),
        ("#gone", "index.html: #gone has no such heading"),
        ("other.html#there", None),
        ("other.html", None),
        ("https://elsewhere.example/gone", None),
    ],
)
def test_links_that_lead_nowhere_are_named(links, tmp_path, target, complaint):
    (tmp_path / "index.html").write_text(f'<a href="{target}">a link</a>')
    (tmp_path / "other.html").write_text('<h2 id="there">a heading</h2>')
    assert list(links.broken(tmp_path)) == ([] if complaint is None else [complaint])
