import re
from html.parser import HTMLParser

from elinvar.plots import plot_environments, plot_path, to_png, to_svg

NASTY = ["<script>alert(1)</script>", 'a"b id="x" style="fill: #24292f"', "日本語 & co"]


def picture():
    return plot_path([0, 1, 10], [[1, 1, 1], [1, 1, 1], [1, 1, 0]], NASTY)


class Texts(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)


def test_svg_shows_names_as_they_are_and_runs_nothing():
    parser = Texts()
    parser.feed(to_svg(picture(), prefix="p", alt='what "it" <shows>'))
    assert set(NASTY[:1] + NASTY[2:]) <= set(parser.texts)
    assert not {"script", "style", "image"} & {tag for tag, _ in parser.tags}
    assert parser.tags[0][1]["aria-label"] == 'what "it" <shows>'


def test_svg_points_to_nothing_outside_and_its_ids_are_its_own():
    svg = to_svg(picture(), prefix="p", alt="")
    assert "http" not in svg
    targets = re.findall(r'(?:href="|url\()#([^")]+)', svg)
    ids = re.findall(r'<[^>]*\sid="([^"]+)"', svg)
    assert targets
    assert set(targets) <= set(ids)
    assert all(name.startswith("p-") for name in ids)


def test_svg_takes_colours_from_the_page():
    svg = to_svg(picture(), prefix="p", alt="")
    assert "currentColor" in svg
    assert "var(--c00639c, #00639c)" in svg


def test_white_is_the_paper_of_the_page():
    ax = plot_environments([0, 1], [0, 1], ["a", "a"], lines={"a": (1.0, 0.0)})
    svg = to_svg(ax, prefix="p", alt="")
    assert "var(--paper, #ffffff)" in svg
    assert svg.count("#ffffff") == svg.count("var(--paper, #ffffff)")


def test_pictures_do_not_change_from_run_to_run():
    assert to_svg(picture(), prefix="p", alt="") == to_svg(picture(), prefix="p", alt="")
    assert to_png(picture()) == to_png(picture())


def test_ids_are_the_same_whatever_the_last_digit_of_a_position():
    def svg(shift):
        ax = picture()
        ax.figure.set_layout_engine("none")
        box = ax.get_position()
        ax.set_position([box.x0 + shift, box.y0, box.width, box.height])
        return to_svg(ax, prefix="p", alt="")

    assert svg(0.0) == svg(1e-12)
    assert svg(0.0) != svg(1e-2)


def test_letters_that_the_font_lacks_are_no_warning():
    assert to_png(picture()).startswith(b"\x89PNG")
