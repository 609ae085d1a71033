"""Files into the store and out: preview, errors by row, the same file twice, nothing lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from model.errors import DataError
from model.table import read_table, read_table_bytes
from serving.files import export_complaints, import_table, preview_table, save_refused
from serving.service import Service
from tests.conftest import Clock

FILE = (
    "工单号,客户,投诉时间,渠道,投诉内容,备注\n"
    "G1,13800138000,2026/9/3 9:05,电话,快递显示签收但我没收到，客服电话打不通,加急\n"
    "G2,王五,2026-09-03,APP,会员到期前没有任何提醒就自动扣了二百九十八元,\n"
    "G3,赵六,不知道哪天,微信,空调修了三次还是不制冷,\n"
    "G4,13800138000,2026年9月4日 下午3点,门店,,空的\n"
    "G5,孙八,43856.8244,网站,面包里吃出一根头发，要求赔偿,=cmd\n"
)


@pytest.fixture
def table_path(tmp_path: Path) -> Path:
    path = tmp_path / "九月.csv"
    path.write_bytes(FILE.encode("gb18030"))
    return path


def test_the_same_file_twice_adds_nothing(service: Service, table_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    table = read_table(table_path)
    seen = preview_table(table, service)
    assert (seen.rows, seen.total_problems) == (5, 2)
    first = import_table(service, table, lambda done, total: steps.append((done, total)))
    again = import_table(service, read_table(table_path))
    assert (first.added, first.known, [e.row for e in first.refused]) == (3, 0, [4, 5])
    assert (again.added, again.known) == (0, 3)
    assert steps[-1] == (5, 5)


def test_refused_rows_are_kept_with_their_reasons(service: Service, table_path: Path, tmp_path: Path) -> None:
    table = read_table(table_path)
    kept = save_refused(tmp_path / "refused", table, import_table(service, table).refused)
    assert kept is not None
    again = read_table(kept)
    assert [r["工单号"] for r in again.rows] == ["G3", "G4"]
    assert all(r["原因"] for r in again.rows)
    assert "13800138000" not in kept.read_text(encoding="utf-8-sig")


def test_an_import_without_a_bundle_stores_unclassified(
    open_at: Callable[..., Service], clock: Clock, table_path: Path, tmp_path: Path
) -> None:
    bare = open_at(clock, "bare", bundle=tmp_path / "nothing")
    assert import_table(bare, read_table(table_path)).added == 3
    out = tmp_path / "out.jsonl"
    assert export_complaints(bare.store, out) == 3
    assert [r["category"] for r in read_table(out).rows] == ["", "", ""]
    bare.store.close()


def test_an_export_holds_every_complaint_and_no_formula(service: Service, table_path: Path, tmp_path: Path) -> None:
    import_table(service, read_table(table_path))
    service.intake.accept(
        [c for _, c in read_table_bytes("text\n=1+1 是什么，快递丢了\n".encode(), "x.csv").complaints(service.clock())]
    )  # type: ignore[misc]
    out = tmp_path / "all.csv"
    assert export_complaints(service.store, out, page=2) == 4
    raw = out.read_bytes()
    assert raw.startswith("\ufeff".encode())
    assert b",=1+1" not in raw
    assert {"G1", "G2", "G5"} <= {r["id"] for r in read_table(out).rows}


def test_a_file_without_a_text_column_is_refused_with_what_was_found(service: Service) -> None:
    with pytest.raises(DataError, match="备注"):
        preview_table(read_table_bytes("编号,备注\n1,好\n".encode(), "坏.csv"), service)
