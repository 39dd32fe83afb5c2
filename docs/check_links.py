"""Follow every link inside the built site: ``python docs/check_links.py docs/_build/html``."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors of a page, and where it points."""

    def __init__(self, text):
        super().__init__()
        self.anchors = set()
        self.targets = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in {"id", "name"} and value:
                self.anchors.add(value)
            elif name in {"href", "src"} and value:
                self.targets.add(value)


def broken(folder):
    """Yield a sentence for each link that leads nowhere."""
    folder = folder.resolve()
    pages = {
        path: Page(path.read_text(encoding="utf-8"))
        for path in folder.rglob("*.html")
        if folder / "_static" not in path.parents
    }
    for path, page in sorted(pages.items()):
        for target in sorted(page.targets):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            name = path.relative_to(folder)
            if not file.exists():
                yield f"{name}: {target} is not there"
            elif parts.fragment and file in pages:
                if unquote(parts.fragment) not in pages[file].anchors:
                    yield f"{name}: {target} has no such heading"


def main():
    found = list(broken(Path(sys.argv[1])))
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main())
