"""The page in a real browser, where there is one."""

import re
import shutil
import subprocess

import pytest

from elinvar.report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--allow-file-access-from-files", "--enable-logging=stderr", "--v=0",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]  # fmt: skip
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

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not on PATH, so no browser can show the page"
)


def browse(folder, file, *options):
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", *options, file.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("name", ["accepted", "nasty"])
def test_the_page_fits_and_neither_fetches_nor_complains(name, width, models, tmp_path):
    write_report(models[name], tmp_path / "page.html", title="x" * 200)
    harness = tmp_path / "harness.html"
    harness.write_text(HARNESS.format(width=width))
    seen = browse(tmp_path, harness, "--dump-dom", "--window-size=1400,1000")
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


def test_on_a_phone_wide_figures_scroll_with_a_cue_and_names_stay_whole(models, tmp_path):
    write_report(models["accepted"], tmp_path / "page.html")
    (tmp_path / "harness.html").write_text(PHONE)
    seen = browse(tmp_path, tmp_path / "harness.html", "--dump-dom", "--window-size=1400,1000")
    title = re.search(r"<title>([\d. ]+)</title>", seen.stdout)
    figures, wide, cues, height = map(float, title.group(1).split())
    assert figures == wide == cues > 3
    assert height < 50  # a name on one line


def test_what_a_page_must_not_do_would_be_noticed(tmp_path):
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    page = tmp_path / "page.html"
    page.write_text(f"{policy}<style>p {{ width: 900px }}</style><script>alert(1)</script><p>x")
    assert "CONSOLE" in browse(tmp_path, page, "--dump-dom").stderr
