"""A whole file classified: as the plain way does it, however large, in any encoding, whole or not at all."""

import csv
import json
import os
import resource
import signal
import subprocess
import sys
from functools import partial
from io import BytesIO, StringIO
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from model.bundle import Bundle
from model.classifier import ComplaintClassifier
from model.columns import STAGES, decide_columns, exposure_stages
from model.errors import DataError, KesuError
from model.export import whole_file, write_table
from model.exposure import judge_exposure
from model.features import join_codes
from model.table import read_table, read_table_bytes
from tests.conftest import ROOT
from tests.matters import CELLS, TEXTS
from training.chunks import ChunkReader
from training.classify_chunk import Chunk, CsvChunk
from training.classify_file import classified_columns, classify_file, classify_rows, classify_stream
from training.workers import in_order

SEVERAL = [f"{cell}|服务质量" if at % 3 == 0 else cell for at, cell in enumerate(CELLS["category"])]
BUNDLE = Bundle(ComplaintClassifier(folds=3).fit(TEXTS, {**CELLS, "category": SEVERAL}))
VARIED = '''标题,投诉内容,备注,category
快递,三天了还没到,急,甲
,\u3000 ,空的,乙
只有标题,,,
"逗号,在内","换行
在里""面""",=1+1,-1.5
客服,态度差,-,+86 138
客服,态度差,-１２,＝x
客服,只有两格
押金,"不退
",多,了,一格
押金,不退,"@某人，你好",,

 , ,,
再不退款,我就发抖音曝光你们,_x000D_换行_x000d_,\t
"引号"外面,也算,"回车\r",é😡
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bundle") / "b"
    BUNDLE.save(place)
    return place


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a few hundred bytes count as large, and a chunk holds a row or two."""
    monkeypatch.setattr("training.chunks._WINDOW", 300)
    monkeypatch.setattr("training.chunks._CHUNK", 120)


def plainly(data: bytes, name: str, out: Path) -> bytes:
    """What the whole table in memory gives, row after row, by `Bundle.predict`."""
    table = read_table_bytes(data, name)
    write_table(out, classified_columns(BUNDLE, table), classify_rows(BUNDLE, table))
    return out.read_bytes()


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_varied_file_is_written_as_the_plain_way_writes_it(
    folder: Path, tmp_path: Path, ending: str, encoding: str, separator: str
) -> None:
    text = VARIED.replace("\t", " ").replace(",", separator)
    data, out = text.encode(encoding, "ignore"), tmp_path / f"o.{ending}"
    done = classify_stream(folder, BytesIO(data), "a.csv", out)
    assert out.read_bytes() == plainly(data, "a.csv", tmp_path / f"p.{ending}")
    assert (done.rows, done.left_out, done.first and done.first.row) == (10, 1, 9)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("ending", "workers"), [("csv", 2), ("jsonl", 1)])
def test_many_chunks_are_one_file_by_any_number_of_processes(
    folder: Path, tmp_path: Path, ending: str, workers: int
) -> None:
    data = (VARIED + VARIED.partition("\n")[2] * 20).encode()
    done = classify_stream(folder, BytesIO(data), "a.csv", tmp_path / f"o.{ending}", workers=workers)
    assert (tmp_path / f"o.{ending}").read_bytes() == plainly(data, "a.csv", tmp_path / f"p.{ending}")
    assert done.left_out == 21


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_json_lines_need_not_have_the_same_keys(folder: Path, tmp_path: Path, ending: str) -> None:
    lines = [
        '{"text": "快递三天没到", "id": 7}',
        "",
        "{broken",
        '{"title": "客服", "social": {"views": 10, "id": "x"}}',
    ]
    lines += ['{"text": "态度差", "late": null, "id": 7.5}', '{"text": " ", "说": ["甲", "乙"]}', "[1]"] * 5
    data = "\n".join(lines).encode()
    done = classify_stream(folder, BytesIO(data), "a.jsonl", tmp_path / f"o.{ending}", workers=1)
    assert (tmp_path / f"o.{ending}").read_bytes() == plainly(data, "a.jsonl", tmp_path / f"p.{ending}")
    assert (done.left_out, done.first and done.first.row) == (6, 3)


@pytest.mark.usefixtures("few")
def test_rows_that_are_no_text_are_left_out_by_number(folder: Path, tmp_path: Path) -> None:
    rows = ["text,note", *(f"快递第{at}天没到,好" for at in range(2, 60))]
    data = "\n".join(rows).encode().replace("第40天".encode(), b"\xff40")
    done = classify_stream(folder, BytesIO(data), "a.csv", tmp_path / "o.csv", workers=1)
    assert (done.rows, done.left_out) == (57, 1)
    assert done.first is not None
    assert done.first.row == 40
    assert "UTF-8" in done.first.reason


@pytest.mark.parametrize("at", [3, 2000])
def test_zero_bytes_are_no_other_encoding(folder: Path, tmp_path: Path, at: int) -> None:
    rows = ["text,note", *(f"快递第{row}天没到,好" for row in range(2000)), ""]
    rows[at] = "快递\0没到,好"
    data = "\n".join(rows).encode()
    assert classify_stream(folder, BytesIO(data), "a.csv", tmp_path / "o.csv", workers=1).rows == 2000
    assert (tmp_path / "o.csv").read_bytes() == plainly(data, "a.csv", tmp_path / "p.csv")


@pytest.mark.usefixtures("few")
def test_an_encoding_that_shows_late_is_still_known(folder: Path, tmp_path: Path) -> None:
    data = "\n".join(["text,note", *(f"late parcel {at},x" for at in range(30)), "快递慢,好"]).encode("gb18030")
    classify_stream(folder, BytesIO(data), "a.csv", tmp_path / "o.csv", workers=1)
    assert read_table(tmp_path / "o.csv").rows[-1]["text"] == "快递慢"


@settings(max_examples=150, deadline=None)
@given(
    rows=some.lists(some.lists(some.text("快a,;\"\r\n\u3000=' ", max_size=6), min_size=2, max_size=2), max_size=12),
    written=some.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL), ("\r", csv.QUOTE_ALL)]),
    size=some.integers(1, 60),
)
def test_chunks_cut_rows_as_the_csv_module_does(rows: list[list[str]], written: tuple[str, Any], size: int) -> None:
    text = StringIO(newline="")
    csv.writer(text, lineterminator=written[0], quoting=written[1]).writerows([["text", "note"], *rows])
    reader = ChunkReader(BytesIO(text.getvalue().encode()), "a.csv", size)
    found = [row for data in reader for row in CsvChunk(data, reader.layout).rows()]
    assert found == [row for row in rows if any(cell.strip() for cell in row)]


def test_columns_say_what_predictions_say() -> None:
    texts = [*TEXTS, "", "？", "快递慢而且客服态度差", "😡" * 40, "谢谢，问题已经解决了"]
    columns = decide_columns(BUNDLE, texts)
    for at, prediction in enumerate(BUNDLE.predict(texts)):
        for head, verdict in prediction.heads.items():
            column = columns[head]
            assert column.words[column.which[at]] == "|".join(verdict.labels)
            assert column.confidence[at] == verdict.confidence
            assert column.accepted[at] == verdict.accepted
    assert any("|" in word for word in columns["category"].words)


def test_the_sieve_misses_no_exposure() -> None:
    rows = [row for path in sorted((ROOT / "data" / "starter").glob("*.csv")) for row in read_table(path).rows]
    texts = [row["text"] for row in rows if row.get("exposure_stage") != "none"]
    texts += [row["text"] for row in rows if row.get("exposure_stage") == "none"][::4]
    stages = [STAGES[at] for at in exposure_stages(*join_codes(texts)).tolist()]
    assert stages == [judge_exposure(text).stage for text in texts]
    assert stages.count("threat") > 50


def escalate(chunk: Chunk) -> None:
    """A hook as rules will be one: it reads texts and cells, and changes what is said."""
    place = chunk.columns.index("备注")
    both = zip(chunk.texts, (row[place] for row in chunk.rows()), strict=True)
    rows = [at for at, (text, note) in enumerate(both) if note == "急" or "押金" in text]
    chunk.said["department"].put(rows, "督办")


def test_a_hook_changes_what_is_said(folder: Path, tmp_path: Path) -> None:
    classify_stream(folder, BytesIO(VARIED.encode()), "a.csv", tmp_path / "o.csv", hook=escalate)
    rows = read_table(tmp_path / "o.csv").rows
    assert [row["投诉内容"] for row in rows if row["department"] == "督办"] == ["三天了还没到", "不退"]


@pytest.mark.parametrize(
    ("data", "out", "said"),
    [
        ('text\n"快递', "o.csv", "never closed"),
        ("text,note\n", "o.csv", "no rows"),
        ("编号,备注\n1,2\n", "o.csv", "no text column"),
        ("text\n快递", "o.ods", "cannot be written"),
        ("text,text\n快递,慢", "o.csv", "more than once"),
        ("\n\n", "o.csv", "is empty"),
        ("text\n快递", "no/such/o.csv", "check the folder"),
    ],
)
def test_what_cannot_be_classified_leaves_no_file(folder: Path, tmp_path: Path, data: str, out: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        classify_stream(folder, BytesIO(data.encode()), "a.csv", tmp_path / out)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence_and_the_old_file_stays(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\n" + "快递三天了还没到\n" * 3000, encoding="utf-8")
    (tmp_path / "out.csv").write_text("old")
    ran = subprocess.run(
        [sys.executable, "-m", "kesu", "classify", folder, "in.csv", "--out", "out.csv"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )  # fmt: skip
    assert ran.returncode == 2
    assert "out.csv cannot be written" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert (tmp_path / "out.csv").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_halfway_leaves_neither_file_nor_process(folder: Path, tmp_path: Path, workers: int) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    data = ("text\n" + "快递三天了还没到\n" * 100).encode()
    with pytest.raises(KeyboardInterrupt):
        classify_stream(folder, BytesIO(data), "a.csv", tmp_path / "o.csv", workers=workers, progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    assert active_children() == []


@pytest.mark.usefixtures("few")
def test_a_row_without_an_end_is_refused_before_it_fills_the_memory(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.chunks._LONGEST", 1000)
    for row in ("快递" * 2000, '"快递' + "没到\n" * 2000):
        with pytest.raises(DataError, match="row of over"):
            classify_stream(folder, BytesIO(f"text\n{row}".encode()), "a.csv", tmp_path / "o.csv", workers=1)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_leaves_no_half_file(tmp_path: Path) -> None:
    if not hasattr(os, "O_TMPFILE"):
        pytest.skip("this system has no files without a name")
    program = (
        "import os, signal, sys; from model.export import whole_file\n"
        "with whole_file(sys.argv[1]) as file:\n"
        "    file.write(b'x' * 10_000_000); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program, tmp_path / "o.csv"], cwd=ROOT, check=False)
    assert ran.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_results_come_in_order_and_a_dead_worker_is_one_sentence() -> None:
    prepare = partial(partial, eval)  # the work is to evaluate the piece
    numbers = [b"%d" % at for at in range(8)]
    assert list(in_order(numbers, prepare, 2)) == list(range(8))
    with pytest.raises(ZeroDivisionError):
        list(in_order([*numbers, b"1 / 0", *numbers], prepare, 2))
    with pytest.raises(KesuError, match="--workers 1"):
        list(in_order([*numbers, b"__import__('os').kill(__import__('os').getpid(), 9)", *numbers], prepare, 2))


def test_a_workbook_goes_in_and_out(folder: Path, tmp_path: Path) -> None:
    write_table(tmp_path / "in.xlsx", ["投诉内容"], [{"投诉内容": "快递三天了还没到"}])
    assert classify_file(folder, tmp_path / "in.xlsx", tmp_path / "o.jsonl").rows == 1
    said = json.loads((tmp_path / "o.jsonl").read_text(encoding="utf-8"))
    classify_file(folder, tmp_path / "o.jsonl", tmp_path / "o.xlsx")
    assert read_table(tmp_path / "o.xlsx").rows[0]["category"] == said["category"]
    assert "物流配送" in said["category"]


def test_a_file_that_is_written_whole_has_the_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with whole_file(tmp_path / "b") as file:
        file.write(b"1")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
