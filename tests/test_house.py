"""What holds for the whole house: cheap imports, documented doors, nothing left half done."""

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import re
import subprocess
import sys
import textwrap
import types
from dataclasses import is_dataclass
from pathlib import Path
from typing import get_origin

import pytest

import elinvar

ROOT = Path(__file__).parents[1]
HEAVY = {"matplotlib", "numba", "pandas", "polars", "pyarrow", "sklearn", "torch"}
ROOMS = [
    f"elinvar.{found.name}"
    for found in pkgutil.iter_modules(elinvar.__path__)
    if not found.name.startswith("_")
] + ["elinvar.sensing.quadratic"]

# Rooms that users do not call by themselves: their doors need no full page.
INNER = {"elinvar.cli", "elinvar.forecast", "elinvar.inference"}


@pytest.mark.parametrize(
    "statement", ["import elinvar", "from elinvar import Moments", "from elinvar import datasets"]
)
def test_imports_are_cheap(statement):
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert HEAVY.intersection(loaded) == set()


@pytest.mark.parametrize("room", ["elinvar", *ROOMS])
def test_every_public_name_exists_once(room):
    if room == "elinvar.neural":
        pytest.importorskip("torch")
    module = importlib.import_module(room)
    assert module.__doc__
    names = list(module.__all__)
    assert len(set(names)) == len(names)
    assert [name for name in names if not hasattr(module, name)] == []
    assert set(names) <= set(dir(module))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Enviroments"):
        elinvar.Enviroments  # noqa: B018


def public_objects():
    seen = {}
    for room in [room for room in ROOMS if room not in INNER]:
        module = importlib.import_module(room)
        for name in module.__all__:
            thing = getattr(module, name)
            alias = get_origin(thing) is not None
            if not isinstance(thing, types.ModuleType) and callable(thing) and not alias:
                seen[f"{room}.{name}"] = thing
    return seen


def doors():
    """Yield (name, function or class) for everything a user can call and that we wrote."""
    for name, thing in public_objects().items():
        if inspect.isclass(thing):
            yield name, thing
            for attribute, raw in vars(thing).items():
                method = raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw
                ours = getattr(method, "__module__", "").startswith("elinvar")
                if not attribute.startswith("_") and inspect.isfunction(method) and ours:
                    yield f"{name}.{attribute}", method
        else:
            yield name, thing


def has_section(thing, *sections):
    text = inspect.getdoc(thing) or ""
    return any(re.search(rf"^{name}\n-{{{len(name)}}}$", text, re.MULTILINE) for name in sections)


def parameters(function):
    return [name for name in inspect.signature(function).parameters if name not in {"self", "cls"}]


def owner(method):
    """Name the class of a method: what its constructors and copies return needs no words."""
    return method.__qualname__.rpartition(".")[0] or "no class"


def raises_itself(function):
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(tree))


def faults(door):
    text = inspect.getdoc(door)
    if not text:
        return ["no docstring"]
    found = []
    if not text.splitlines()[0].endswith((".", "?")):
        found.append("its first line is no sentence")
    if inspect.isclass(door):
        if not issubclass(door, BaseException) and parameters(door):
            record = is_dataclass(door) or issubclass(door, tuple)
            sections = ["Parameters", "Attributes"] if record else ["Parameters"]
            if not has_section(door, *sections):
                found.append("no section " + " or ".join(sections))
        return found
    elsewhere = ":meth:" in text or ":func:" in text
    if parameters(door) and not elsewhere and not has_section(door, "Parameters"):
        found.append("no section Parameters")
    returned = inspect.signature(door).return_annotation
    plain = returned in {None, "None", inspect.Signature.empty, owner(door)}
    if not plain and not text.startswith("Return ") and not has_section(door, "Returns", "Yields"):
        found.append("no section Returns")
    if raises_itself(door) and not has_section(door, "Raises"):
        found.append("no section Raises")
    return found


@pytest.mark.needs("torch")
def test_every_door_is_documented():
    found = {name: faults(door) for name, door in doors()}
    assert found
    assert {name: those for name, those in found.items() if those} == {}


def house():
    """Return the counts of ``benchmarks/house.py``, which prints what is held here."""
    spec = importlib.util.spec_from_file_location("house", ROOT / "benchmarks" / "house.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_package_imports_private_modules_of_another():
    counts = house()
    assert counts.private_imports(counts.import_graph()) == []


def test_no_files_import_each_other_in_a_circle():
    counts = house()
    assert counts.circles(counts.import_graph()) == []


BUILT = [ROOT / "docs" / folder for folder in ("_build", "gallery", "api/generated")]


def files(*folders):
    """Yield the files in folders of the repository, without what the site is built into."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not any(path.is_relative_to(built) for built in BUILT):
                yield path


def scripts():
    return [path for path in files("benchmarks", "docs", "examples") if path.suffix == ".py"]


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.stem)
def test_what_scripts_import_is_there(script):
    """No test runs the long benchmarks; a name that moved must not break them in silence."""
    missing, text = [], script.read_text(encoding="utf-8")
    if "from elinvar.neural" in text:
        pytest.importorskip("torch")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "elinvar":
            module = importlib.import_module(node.module)
            missing += [
                f"{node.module}.{alias.name}"
                for alias in node.names
                if not hasattr(module, alias.name)
            ]
    assert missing == []


def text_files():
    for path in files(".ci", "benchmarks", "docs", "examples", "src", "tests"):
        if path.suffix in {".py", ".md", ".rst", ".toml", ".sh", ".html", ".css", ""}:
            yield path
    yield from sorted(ROOT.glob("*.md"))
    yield ROOT / "pyproject.toml"
    yield ROOT / "Makefile"


def test_nothing_is_left_half_done():
    marks = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
    unfinished = re.compile("raise NotImplemented" + "Error")
    left = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if marks.search(line) or unfinished.search(line)
    ]
    assert left == []
