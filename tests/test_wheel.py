"""An installed wheel finds its labels, starter corpus, lexicon and page files."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROGRAM = """
from pathlib import Path
import kesu, model.labels, model.text, model.exposure, serving.pages.screen, serving.store
from model.labels import load_labels, shipped
from model.scope import read_background
from model.exposure import judge_exposure
from model.text import normalise
from serving.pages.screen import static_files
here = Path({folder!r})
assert all(Path(m.__file__).is_relative_to(here) for m in (kesu, model.labels, serving.store))
assert len(load_labels()["category"].labels) == 8
assert shipped("starter").is_relative_to(here) and len(list(shipped("starter").glob("*.csv"))) >= 3
assert len(read_background()[0]) > 400 and shipped("background.tsv").is_relative_to(here)
assert judge_exposure("再不退就发抖音").stage == "threat"
assert normalise("總結") == "总结"
assert "htmx.min.js" in static_files()
serving.store.open_store("sqlite:///" + str(here / "x.db")).close()
print("found")
"""


def test_a_wheel_has_all_it_needs(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the dev extra brings it")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    folder = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    assert not any(name.startswith(("tests/", "notebooks/")) for name in archive.namelist())
    environ = os.environ | {"PYTHONPATH": str(folder)}
    program = PROGRAM.format(folder=str(folder))
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert said.stdout.strip() == "found", said.stderr
