"""Documents that can go stale are read: commands, the tree, the pictures."""

import re
import subprocess

import pytest
from typer.main import get_command

from kesu import app
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
TREE = re.search(r"```\n(kesu\.py.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)


def tracked() -> list[str]:
    said = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    return said.stdout.split()


def test_every_command_of_the_readme_exists() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for line in re.findall(r"`kesu ([^`]+)`", README):
        name, _, rest = line.partition(" ")
        assert name in commands, line
        for option in re.findall(r"--[a-z-]+", rest):
            inner = commands[name]
            options = {
                o for sub in [inner, *getattr(inner, "commands", {}).values()] for p in sub.params for o in p.opts
            }
            assert option in options, line


def test_every_make_target_of_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in ("README.md", "CONTRIBUTING.md"):
        for name in re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE):
            assert name in targets, f"{document}: make {name}"


def test_every_picture_and_link_of_the_readme_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_tree_of_contributing_is_the_tree_on_disk() -> None:
    assert TREE is not None
    files = tracked()
    if not files:
        pytest.skip("not a git checkout")
    rooms = ("model", "training", "serving", "serving/pages", "serving/report", "notebooks", "tests/campaigns")
    named: set[str] = set()
    room = ""
    for line in TREE[1].splitlines():
        if line and not line.startswith(" "):
            room = line.split()[0].rstrip("/") if line.split()[0].endswith("/") else ""
        elif room in rooms:
            named |= {f"{room}/{word}" for word in re.findall(r"[a-z_0-9]+\.py", line.split("  #")[0])}
    there = {f for f in files if f.endswith(".py") and "/versions/" not in f and not f.endswith("__init__.py")}
    there = {f for f in there if any(f.rpartition("/")[0] == room for room in rooms)}
    assert named - there == set(), "named in the tree but not on disk"
    assert there - named == set(), "on disk but not in the tree"
