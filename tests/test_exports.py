"""`__all__` is exact: it names what exists, and everything public that other files use."""

import ast
from importlib import import_module

import pytest

from tests.conftest import ROOT
from tests.test_layers import SOURCES

NAMES = [str(p.relative_to(ROOT).with_suffix("")).replace("/", ".") for p in SOURCES if "migrations" not in str(p)]
MODULES = [name for name in NAMES if not name.endswith("__init__")]


@pytest.mark.parametrize("name", MODULES)
def test_all_names_exist_and_are_sorted(name: str) -> None:
    module = import_module(name)
    assert hasattr(module, "__all__"), f"{name} has no __all__"
    assert len(module.__all__) == len(set(module.__all__))
    assert all(hasattr(module, public) for public in module.__all__)
    assert module.__doc__, f"{name} has no docstring"


def test_names_used_elsewhere_are_exported() -> None:
    exported = {name: set(import_module(name).__all__) for name in MODULES}
    hidden = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in exported:
                hidden |= {
                    f"{node.module}.{a.name} ({path.name})" for a in node.names if a.name not in exported[node.module]
                }
    assert hidden == set()
