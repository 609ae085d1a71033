"""The command line on real files: what a person types, what comes back, and one sentence when it cannot be done."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.table import read_table
from tests.conftest import ROOT


def kesu(
    tmp_path: Path, *words: str | Path, stdin: bytes | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    given = {k: v for k, v in os.environ.items() if not k.startswith("KESU_")}
    given |= {"KESU_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environ}
    command = [sys.executable, "-m", "kesu", *map(str, words)]
    done = subprocess.run(command, capture_output=True, input=stdin, cwd=tmp_path, env=given, timeout=120, check=False)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_from_labelled_file_to_classified_file_and_report(tmp_path: Path) -> None:
    starter = ROOT / "data" / "starter"
    trained = kesu(tmp_path, "train", *sorted(starter.glob("*.csv")), "--out", "b")
    assert trained.returncode == 0, trained.stderr
    assert (tmp_path / "b" / "card.html").exists()
    promoted = kesu(tmp_path, "models", "promote", "b")
    assert promoted.stdout.startswith("serving ")
    (tmp_path / "in.csv").write_bytes("投诉内容,备注\n快递丢了没人管,甲\n会员自动扣费,乙\n".encode("gb18030"))
    done = kesu(tmp_path, "classify", "b", "in.csv", "--out", "out.csv")
    assert done.returncode == 0, done.stderr
    rows = read_table(tmp_path / "out.csv").rows
    assert [r["备注"] for r in rows] == ["甲", "乙"]
    assert all(0 < float(r["category_confidence"]) <= 1 and r["exposure_stage"] == "none" for r in rows)
    piped = kesu(tmp_path, "classify", "b", "-", "--out", "o.jsonl", stdin='{"text": "快递丢了没人管"}\n'.encode())
    assert piped.returncode == 0, piped.stderr
    assert json.loads((tmp_path / "o.jsonl").read_text(encoding="utf-8"))["category"] == rows[0]["category"]
    measured = kesu(tmp_path, "evaluate", "b", starter / "price_delivery_promises.csv", "--json", "e.json")
    assert "category: n" in measured.stdout, measured.stderr
    assert {"category", "sentiment"} <= json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))["heads"].keys()
    imported = kesu(tmp_path, "import", "in.csv", "--yes")
    assert "2 added" in imported.stdout, imported.stderr
    assert "2 were there already" in kesu(tmp_path, "import", "in.csv", "--yes").stdout
    assert kesu(tmp_path, "report", "--month", "2026-01", "--out", "r.html").returncode == 0
    assert "<html" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert kesu(tmp_path, "export", "--out", "all.xlsx").stdout.startswith("2 complaints")
    assert kesu(tmp_path, "doctor").returncode == 0


@pytest.mark.parametrize(
    ["content", "words", "says"],
    [
        ["投诉内容,category\n快递丢了,物流\n又丢了,物流\n", ["train", "in.csv", "--out", "b"], "category"],
        ["编号,category\n1,物流\n2,质量\n", ["train", "in.csv", "--out", "b"], "text column"],
        ["投诉内容\n快递丢了\n", ["train", "in.csv", "--out", "b"], "label"],
        ["投诉内容\n快递丢了\n", ["train", "in.csv", "--out", "b", "--head", "心情"], "心情"],
        ["投诉内容\n快递丢了\n", ["classify", "nothing", "in.csv", "--out", "o.csv"], "nothing"],
        ["", ["replay", "in.csv", "--out", "a.jsonl"], "in.csv"],
        ["投诉内容\n快递丢了\n", ["report", "--month", "2026-13", "--out", "r.html"], "2026-13"],
        ["投诉内容\n快递丢了\n", ["train", "no.csv", "--out", "b"], "no.csv"],
        ["a,b\n1,2\n", ["spikes", "in.csv", "--false-alarms-per-day", "1", "--out", "o.csv"], "series"],
        ["投诉内容\n快递丢了\n", ["bench", "accuracy"], "--data"],
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path: Path, content: str, words: list[str], says: str) -> None:
    (tmp_path / "in.csv").write_text(content, encoding="utf-8")
    done = kesu(tmp_path, *words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert says in done.stderr


def test_an_unknown_setting_is_refused_by_name(tmp_path: Path) -> None:
    done = kesu(tmp_path, "doctor", KESU_DATABSE_URL="x")
    assert done.returncode == 2
    assert "KESU_DATABSE_URL" in done.stderr


def test_a_wrong_encoding_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"text,note\n\x80\xff\x80,\xff\n")
    done = kesu(tmp_path, "import", "in.csv", "--yes")
    assert done.returncode == 2
    assert "UTF-8" in done.stderr
