"""The house stands as drawn: who may import whom, and what loading costs."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest

import jupyter_complete

ROOT = pathlib.Path(jupyter_complete.__file__).parent

FLOORS = {
    "__init__": 6,
    "__main__": 6,
    "cli": 5,
    "magics": 5,
    "matcher": 5,
    "panel": 5,
    "results": 4,
    "display": 3,
    "figures": 3,
    "session": 2,
    "client": 1,
    "dialects": 1,
    "export": 1,
    "history": 1,
    "keys": 1,
    "local": 1,
    "ngram": 1,
    "saved": 1,
    "server": 1,
    "settings": 1,
    "sweeps": 1,
    "endpoint": 0,
    "arguments": 0,
    "background": 0,
    "cancel": 0,
    "catalog": 0,
    "cell": 0,
    "completion": 0,
    "counts": 0,
    "distribution": 0,
    "errors": 0,
    "events": 0,
    "language_model": 0,
    "plain": 0,
    "prices": 0,
    "prompts": 0,
    "reading": 0,
    "request": 0,
    "redaction": 0,
    "scope": 0,
    "scores": 0,
    "stops": 0,
    "version": 0,
}
"""Every module or sub-package, and its floor."""

ONLY_IN = {
    "requests": {"client"},
    "sqlite3": {"history"},
    "IPython": {"__init__", "cli", "display", "figures", "magics", "matcher", "panel"},
    "ipywidgets": {"display", "panel"},
    "anywidget": {"display", "panel"},
}

MOST_LINES_OF_A_MODULE = 300
MOST_LINES_OF_A_FUNCTION = 40

# Who opens a room of its own floor, and only when it is asked for.
LAZY = {("magics", "panel"), ("panel", "matcher")}


def modules():
    return sorted(p for p in ROOT.rglob("*.py") if "labextension" not in p.parts)


def room(path):
    """Return the module or sub-package of the first level that a file is part of."""
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def imports(path):
    """Yield (room or foreign package, whether inside a function) of each import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    # What only a type checker reads is no import: an error may name a completion.
    for_types = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    depth = len(path.relative_to(ROOT).parts)
    for node in ast.walk(tree):
        lazy = node in inside
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], lazy
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0], lazy
        elif isinstance(node, ast.ImportFrom) and node.level == depth:
            names = [node.module] if node.module else [a.name for a in node.names]
            for name in (name.split(".")[0] for name in names):
                # What is no room is a name of the package itself, on its top floor.
                yield name if name in FLOORS else "__init__", lazy


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_lead_downward(path):
    here = room(path)
    for name, lazy in imports(path):
        if name in FLOORS and name != here and (here, name) not in LAZY:
            assert FLOORS[name] <= FLOORS[here], f"{here} imports {name}"
            if FLOORS[here] > 0:
                assert FLOORS[name] < FLOORS[here], f"{here} imports {name}"
        if (here, name) in LAZY:
            assert lazy, f"{here} imports {name} before it is asked for"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_foreign_packages_stay_in_their_rooms(path):
    for name, _ in imports(path):
        if name in ONLY_IN:
            assert room(path) in ONLY_IN[name], f"{room(path)} imports {name}"


def test_every_room_has_its_floor():
    assert {room(path) for path in modules()} <= set(FLOORS)


def test_the_map_for_contributors_has_every_room_above_the_ground():
    guide = pathlib.Path(__file__).parent.parent / "CONTRIBUTING.md"
    text = guide.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| \d \|", line)]
    drawn = {
        (int(row[2]), name) for row in rows for name in re.findall(r"`(\w+)`", row)
    }

    assert {(floor, name) for name, floor in FLOORS.items() if floor} <= drawn


def test_no_room_is_named_for_a_role():
    names = {path.stem for path in modules()}

    assert not names & {"utils", "core", "base", "common", "types", "constants"}


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_has_one_idea_and_a_function_one_job(path):
    text = path.read_text(encoding="utf-8")
    long = {
        node.name: lines
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := node.end_lineno - node.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    }

    assert len(text.splitlines()) <= MOST_LINES_OF_A_MODULE
    assert long == {}


def test_no_import_is_circular():
    graph = {}
    for path in modules():
        graph.setdefault(room(path), set()).update(
            name for name, _ in imports(path) if name in FLOORS and name != room(path)
        )
    seen = set()

    def walk(name, above):
        assert name not in above, f"{name} is above itself: {above}"
        if name not in seen:
            for below in graph.get(name, ()):
                walk(below, (*above, name))
            seen.add(name)

    for name in graph:
        walk(name, ())


def test_loading_imports_neither_requests_nor_widgets():
    code = """
import sys
from IPython.testing.globalipapp import start_ipython
shell = start_ipython()
shell.run_line_magic("load_ext", "jupyter_complete")
slow = {"requests", "ipywidgets", "sqlite3", "anywidget", "jupyter_complete.session"}
print(sorted(slow & set(sys.modules) - {"sqlite3"}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stderr


def test_the_table_of_types_has_types_that_are_there():
    guide = pathlib.Path(__file__).parent.parent / "CONTRIBUTING.md"
    rows = re.findall(
        r"^\| (`[A-Z][^|]*) \| `([a-z_.]+)` \|", guide.read_text("utf-8"), re.MULTILINE
    )

    assert len(rows) > 20
    for names, where in rows:
        path = ROOT.joinpath(*where.split("."))
        files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
        code = "".join(file.read_text("utf-8") for file in files)
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^class {name}\b", code, re.MULTILINE), (where, name)
