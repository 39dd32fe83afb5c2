"""A release is its tag: what the version is, wherever elinvar is built from."""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

import elinvar

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LAST = PROJECT["tool"]["hatch"]["version"]["fallback-version"]
NEEDED = [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]
FILES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")


def git(folder, *words):
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def hatchling(folder, *words):
    pytest.importorskip("hatch_vcs")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", *words], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def sources(tmp_path):
    """Return a folder of what the build reads, in two commits without a tag."""
    folder = tmp_path / "sources"
    (folder / "src" / "elinvar").mkdir(parents=True)
    (folder / "src" / "elinvar" / "__init__.py").touch()
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    git(folder, "init", "--quiet")
    for message in ("first", "second"):
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return folder


def commit(folder):
    """Return what the version says of the last commit."""
    return "g" + git(folder, "rev-parse", "--short=7", "HEAD")


def version(folder):
    return hatchling(folder, "metadata", "version")


def test_a_tag_is_the_version(sources):
    git(sources, "tag", "v9.8.7")
    assert version(sources) == "9.8.7"


def test_later_commits_name_themselves(sources):
    git(sources, "tag", "v9.8.7", "HEAD~1")
    assert version(sources).startswith(f"9.8.7+{commit(sources)}")


def test_a_clone_without_tags_is_the_last_release_and_its_commit(sources):
    assert version(sources).startswith(f"{LAST}+{commit(sources)}")


def test_so_is_a_shallow_clone(sources, tmp_path):
    git(tmp_path, "clone", "--quiet", "--depth", "1", sources.as_uri(), "shallow")
    assert version(tmp_path / "shallow").startswith(f"{LAST}+{commit(sources)}")


def test_a_folder_without_git_is_the_last_release(sources):
    shutil.rmtree(sources / ".git")
    assert version(sources) == LAST


def test_a_source_distribution_keeps_the_version_of_its_tag(sources, tmp_path):
    git(sources, "tag", "v9.8.7")
    hatchling(sources, "build", "--target", "sdist")
    with tarfile.open(sources / "dist" / "elinvar-9.8.7.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    assert version(tmp_path / "elinvar-9.8.7") == "9.8.7"


def test_the_package_says_the_version_that_is_installed():
    assert elinvar.__version__ == importlib.metadata.version("elinvar")


def test_sources_that_were_never_installed_do_not_know_their_version(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    assert elinvar.__version__ == "0+unknown"


def test_the_changelog_and_the_citation_are_of_the_last_release():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    heading = re.search(r"^## \[(\d\S*)\] - (\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE)
    assert heading is not None
    assert heading[1] == LAST
    assert f"\nversion: {LAST}\ndate-released: {heading[2]}\n" in citation


def bound(requirement):
    """Return a package, and the lowest version of it that a requirement allows."""
    found = re.fullmatch(r"([\w.-]+)(?:\[[\w,-]+\])? ?>=([\w.]+)(?:,<[\d.]+)?", requirement)
    assert found, f"{requirement} has no lower bound"
    return found.groups()


# what conda-forge calls otherwise
ELSEWHERE = {"matplotlib": "matplotlib-base", "msgspec": "msgspec-python"}


def test_the_conda_recipe_needs_what_the_package_needs():
    recipe = (ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8")
    assert f'version: "{LAST}"' in recipe
    assert f'python_min: "{PROJECT["project"]["requires-python"].removeprefix(">=")}"' in recipe
    listed = re.findall(r"^    - (\S+ >=[\d.]+)$", recipe, re.MULTILINE)
    expected = {(ELSEWHERE.get(name, name), low) for name, low in map(bound, NEEDED)}
    assert set(map(bound, listed)) == expected


def test_every_package_has_a_lowest_version():
    lists = [NEEDED, *PROJECT["project"]["optional-dependencies"].values()]
    wanted = {one for needed in lists for one in needed if not re.match(r"elinvar\[|\S+==", one)}
    script = ROOT / ".ci" / "lowest"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    hatch = {"hatchling==1.27"}  # builds, and is not installed
    assert {f"{name}=={low}" for name, low in map(bound, wanted)} - hatch == set(
        done.stdout.split()
    )


def notes(*words):
    command = [sys.executable, ROOT / ".ci" / "notes", *words]
    return subprocess.run(command, capture_output=True, text=True)


def test_notes_of_a_release_are_its_part_of_the_changelog():
    done = notes(f"v{LAST}", f"dist/elinvar-{LAST}-py3-none-any.whl", f"dist/elinvar-{LAST}.tar.gz")
    assert done.returncode == 0
    assert done.stdout.strip() and "\n## [" not in done.stdout


def test_files_of_another_version_are_not_released():
    done = notes(f"v{LAST}", f"dist/elinvar-{LAST}+g1a2b3c4.tar.gz")
    assert done.returncode == 1 and "are of another version" in done.stderr
    assert "no heading for 9.8.7" in notes("v9.8.7").stderr
