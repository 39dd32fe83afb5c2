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


def test_what_a_page_must_not_do_would_be_noticed(tmp_path):
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    page = tmp_path / "page.html"
    page.write_text(f"{policy}<style>p {{ width: 900px }}</style><script>alert(1)</script><p>x")
    assert "CONSOLE" in browse(tmp_path, page, "--dump-dom").stderr
