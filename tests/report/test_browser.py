"""The page in a real browser, where there is one."""

import re

import pytest

from elinvar.report import write_report

HARNESS = """<!doctype html><title></title>
<iframe src="page.html" style="width: {width}px; height: 900px; border: 0"></iframe>
<script>
addEventListener("load", () => {{
  const shown = document.querySelector("iframe").contentWindow;
  const page = shown.document.documentElement;
  const fetched = shown.performance.getEntriesByType("resource").length;
  document.title = page.scrollWidth + " of " + page.clientWidth + ", " + fetched + " fetched";
}});
</script>"""


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("name", ["accepted", "nasty"])
def test_the_page_fits_and_neither_fetches_nor_complains(name, width, models, browse, tmp_path):
    write_report(models[name], tmp_path / "page.html", title="x" * 200)
    harness = tmp_path / "harness.html"
    harness.write_text(HARNESS.format(width=width))
    seen = browse(harness, "--dump-dom", "--window-size=1400,1000")
    title = re.search(r"<title>(\d+) of (\d+), (\d+) fetched</title>", seen.stdout)
    wide, room, fetched = map(int, title.groups())
    assert wide <= room
    assert room > 0.9 * width
    assert fetched == 0
    assert "CONSOLE" not in seen.stderr


PHONE = """<!doctype html><title></title>
<iframe src="page.html" style="width: 375px; height: 900px; border: 0"></iframe>
<script>
addEventListener("load", () => {
  const shown = document.querySelector("iframe").contentWindow;
  const all = (what) => [...shown.document.querySelectorAll(what)];
  const wide = all("figure .wide").filter((box) => box.scrollWidth > box.clientWidth).length;
  const cues = all("figure .cue").filter((cue) => cue.offsetHeight > 0).length;
  const lines = all("#verdicts tbody th").map((th) => th.getClientRects()[0].height);
  document.title = [all("figure").length, wide, cues, Math.max(...lines)].join(" ");
});
</script>"""


def test_on_a_phone_wide_figures_scroll_with_a_cue_and_names_stay_whole(models, browse, tmp_path):
    write_report(models["accepted"], tmp_path / "page.html")
    (tmp_path / "harness.html").write_text(PHONE)
    seen = browse(tmp_path / "harness.html", "--dump-dom", "--window-size=1400,1000")
    title = re.search(r"<title>([\d. ]+)</title>", seen.stdout)
    figures, wide, cues, height = map(float, title.group(1).split())
    assert figures == wide == cues > 3
    assert height < 50  # a name on one line


def test_what_a_page_must_not_do_would_be_noticed(browse, tmp_path):
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    page = tmp_path / "page.html"
    page.write_text(f"{policy}<style>p {{ width: 900px }}</style><script>alert(1)</script><p>x")
    assert "CONSOLE" in browse(page, "--dump-dom").stderr
