"""Notebooks run from top to bottom and say what a data scientist came for."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=[n.stem for n in NOTEBOOKS])
def test_a_notebook_runs(notebook: object) -> None:
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    said = subprocess.run([sys.executable, str(notebook)], capture_output=True, text=True, env=environ, check=False)
    assert said.returncode == 0, said.stderr
    assert "macro-F1" in said.stdout
