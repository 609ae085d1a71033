"""The arrows of the house: who may import whom, and what serving must never pull in."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = {"model": set(), "training": {"model"}, "serving": {"model"}}
HEAVY = ("sklearn", "scipy", "torch", "transformers", "pandas", "jieba")
SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))] + [ROOT / "kesu.py"]


def imported(path: Path) -> set[str]:
    """The top names a file imports, and how: `x` for from-imports, `import x` for the others."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            names |= {f"import {alias.name.split('.')[0]}" for alias in node.names}
    return names


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_rooms_import_only_what_they_may(room: str) -> None:
    allowed = ROOMS[room] | {room}
    for path in (ROOT / room).rglob("*.py"):
        reached = imported(path) & {*ROOMS, "kesu"}
        assert reached <= allowed, f"{path.relative_to(ROOT)} imports {reached - allowed}"
        assert not imported(path) & {f"import {name}" for name in (*ROOMS, "kesu")}, f"{path}: from-imports only"


def test_model_knows_no_http_no_sql_no_command_line() -> None:
    for path in (ROOT / "model").rglob("*.py"):
        names = {name.removeprefix("import ") for name in imported(path)}
        assert not names & {"fastapi", "starlette", "httpx", "sqlalchemy", "typer", "uvicorn", "sqlite3"}, path.name


def test_no_file_is_longer_than_300_lines() -> None:
    long = {
        str(p.relative_to(ROOT)): n for p in SOURCES if (n := len(p.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == {}


def test_serving_a_request_imports_neither_scikit_learn_nor_scipy(starter_bundle: Path) -> None:
    program = (
        "import sys\n"
        "from datetime import UTC, datetime\n"
        "from serving.memory import lean\n"
        "lean()\n"
        "from serving.app import make_app\n"
        "from model.bundle import load_bundle\n"
        "from model.exposure import judge_exposure\n"
        f"load_bundle({str(starter_bundle)!r}).predict(['快递丢了没人管'], explain=True)\n"
        f"print([m for m in {HEAVY!r} if sys.modules.get(m)])\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert said.stdout.strip() == "[]"
