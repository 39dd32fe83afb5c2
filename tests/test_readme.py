"""The examples of the README and of its pages run as they stand, and print what they say."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from elinvar.answer.statements import MEANINGS

ROOT = Path(__file__).parents[1]
PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "README.md",
        "docs/start.md",
        "docs/forecast.md",
        "docs/torch.md",
        "docs/paper.md",
        "docs/benchmarks.md",
    )
}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def code_blocks(page):
    """Yield (language, code, expected output or None) for each fenced block that is code."""
    found = list(FENCE.finditer(page))
    for block, following in pairwise([*found, None]):
        language, code = block.groups()
        if language == "text":
            continue
        expected = None
        if following is not None and following.group(1) == "text":
            expected = following.group(2)
        yield language, code, expected


PYTHON = [
    (code, expected)
    for page in PAGES.values()
    for language, code, expected in code_blocks(page)
    if language == "python"
]
SHELL = {
    name: [
        (code, expected)
        for language, code, expected in code_blocks(page)
        if language == "sh" and re.search(r"^elinvar ", code, re.MULTILINE)
    ]
    for name, page in PAGES.items()
}


def run(command, folder):
    binaries = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}",
        "MPLBACKEND": "Agg",
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def same_token(shown, printed):
    """Words must agree; numbers to 2% or to one unit in the last digit that is shown."""
    try:
        a, b = float(shown.strip("(),%[]")), float(printed.strip("(),%[]"))
    except ValueError:
        return shown == printed
    digits = len(shown.strip("(),%[]").partition(".")[2])
    return abs(a - b) <= max(0.02 * abs(a), 1.01 * 10.0**-digits)


def assert_printed(expected, output):
    """Every shown line occurs in the output, in order; a line of dots skips."""
    printed = [line.split() for line in output.splitlines()]
    position = 0
    for line in expected.splitlines():
        shown = line.split()
        if not shown or shown == ["..."]:
            continue
        for number in range(position, len(printed)):
            if len(shown) == len(printed[number]) and all(map(same_token, shown, printed[number])):
                position = number + 1
                break
        else:
            pytest.fail(f"The page shows {line!r}, which was not printed:\n{output}")


def test_the_readme_is_short_and_has_examples():
    assert len(PAGES["README.md"].splitlines()) <= 110
    languages = {language for language, _, _ in code_blocks(PAGES["README.md"])}
    assert languages == {"sh", "python"}


@pytest.mark.parametrize(("code", "expected"), PYTHON)
def test_python_examples_run(code, expected, tmp_path):
    for module in re.findall(r"^(?:import|from) ([\w.]+)", code, re.MULTILINE):
        pytest.importorskip(module)
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    output = run([sys.executable, "example.py"], tmp_path)
    if expected is not None:
        assert_printed(expected, output)


@pytest.mark.parametrize("name", [name for name, blocks in SHELL.items() if blocks])
def test_shell_examples_run(name, tmp_path):
    for code, expected in SHELL[name]:
        output = run(["bash", "-euo", "pipefail", "-c", code], tmp_path)
        if expected is not None:
            assert_printed(expected, output)
        for file in re.findall(r"--(?:report|model|out)[ =](\S+)", code):
            assert (tmp_path / file).stat().st_size > 0


def test_every_verdict_is_explained():
    from elinvar.inference import Verdict

    explained = re.findall(r"^\| ([a-z ]+) \| [^|]+ \|$", PAGES["docs/start.md"], re.MULTILINE)
    assert set(get_args(Verdict)) <= set(explained)


@pytest.mark.parametrize("name", PAGES)
def test_links_and_pictures_exist(name):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGES[name])
    local = [target for target in targets if not re.match(r"\w+:", target)]
    folder = (ROOT / name).parent
    assert [target for target in local if not (folder / target).exists()] == []


def test_commands_of_make_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)", "".join(PAGES.values())))
    assert named
    assert {name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)} == set()


def test_the_table_of_verdicts_has_the_words_of_every_answer():
    rows = re.findall(r"^\| ([a-z ]+) \| (.*) \|$", PAGES["docs/start.md"], re.MULTILINE)
    assert dict(rows).items() >= MEANINGS.items()
