"""Count what the house is made of: lines, circles, annotations, private imports. Prints a table."""

import argparse
import ast
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "elinvar"


def sources() -> list[Path]:
    """Return the files of the package, stubs too: they are code that somebody reads."""
    return sorted([*SOURCE.rglob("*.py"), *SOURCE.rglob("*.pyi")])


def module_of(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(module: str) -> str:
    """Return the top package of a module, "" for the root."""
    return ([*module.split("."), ""])[1]


def lines_of(path: Path) -> Counter[str]:
    """Lines of code, of docstrings and of comments; blanks count for nothing."""
    text = path.read_text(encoding="utf-8")
    docs: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if isinstance(node.value.value, str):
                docs.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    comments = {
        token.start[0]
        for token in tokenize.generate_tokens(iter(text.splitlines(keepends=True)).__next__)
        if token.type == tokenize.COMMENT and token.line.lstrip().startswith("#")
    }
    lines = text.splitlines()
    code = {
        k for k, line in enumerate(lines, 1) if line.strip() and k not in docs and k not in comments
    }
    filled = sum(1 for k in docs if lines[k - 1].strip())
    return Counter(code=len(code), docstrings=filled, comments=len(comments), files=1)


def imports_of(path: Path, modules: set[str]) -> Iterator[str]:
    """Yield the modules of the package that a file imports anywhere, for type checking too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules else node.module for name in inner]
        else:
            continue
        yield from (name for name in names if name in modules)


def import_graph() -> dict[str, set[str]]:
    """Return the modules of the package, and which others each imports."""
    modules = {module_of(path) for path in sources()}
    graph: dict[str, set[str]] = {module: set() for module in modules}
    for path in sources():
        graph[module_of(path)] |= set(imports_of(path, modules)) - {module_of(path)}
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected sets of more than one module (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            ring = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(ring) > 1:
                found.append(sorted(ring))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def private_imports(graph: dict[str, set[str]]) -> list[str]:
    """Return imports of a private module of another package, ``_base`` aside."""
    found = []
    for module, others in graph.items():
        for other in others:
            inner = other.split(".")[2:]
            apart = package_of(module) != package_of(other) != "_base"
            if apart and any(part.startswith("_") for part in inner):
                found.append(f"{module} -> {other}")
    return sorted(found)


def any_arguments(path: Path) -> int:
    """Count arguments that are annotated with plain ``Any``."""
    count = 0
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            given = node.args
            for arg in [
                *given.posonlyargs,
                *given.args,
                *given.kwonlyargs,
                given.vararg,
                given.kwarg,
            ]:
                if arg is not None and isinstance(arg.annotation, ast.Name):
                    count += arg.annotation.id == "Any"
    return count


def private_tests(path: Path) -> tuple[int, int]:
    """Count test functions, and those that use a name imported from a private module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    private: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("elinvar"):
            hidden = re.search(r"\._", node.module or "")
            for alias in node.names:
                if hidden or (alias.name.startswith("_") and not alias.name.startswith("__")):
                    private.add(alias.asname or alias.name)
    helpers = {
        node.name: {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }
    reached = set(private)
    for _ in helpers:
        reached |= {name for name, used in helpers.items() if used & reached}
    tests = [name for name in helpers if name.startswith("test")]
    return len(tests), sum(name in reached for name in tests)


def main() -> None:
    """Print the table, by package if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", action="store_true", help="a row a package, too")
    parser.add_argument("--list", action="store_true", help="list circles and private imports")
    asked = parser.parse_args()
    graph = import_graph()
    table: dict[str, Counter[str]] = {}
    for path in sources():
        row = table.setdefault(package_of(module_of(path)) or "(root)", Counter())
        row.update(lines_of(path))
        row["any"] += any_arguments(path)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        parts = path.relative_to(ROOT / "tests").parts
        row = table.setdefault(parts[0] if len(parts) > 1 else "(root)", Counter())
        tests, private = private_tests(path)
        row.update(tests=tests, private_tests=private)
    total: Counter[str] = sum(table.values(), Counter())
    heads = ("files", "code", "docstrings", "comments", "any", "tests", "private_tests")
    print(f"{'package':<14}" + "".join(f"{head:>14}" for head in heads))
    shown = table if asked.packages else {}
    for name, row in [*sorted(shown.items()), ("all", total)]:
        print(f"{name:<14}" + "".join(f"{row[head]:>14,}" for head in heads))
    rings, private_list = circles(graph), private_imports(graph)
    print(f"import circles between files: {len(rings)}")
    print(f"imports of another package's private modules: {len(private_list)}")
    if asked.list:
        print(*(" <-> ".join(ring) for ring in rings), *private_list, sep="\n")


if __name__ == "__main__":
    main()
