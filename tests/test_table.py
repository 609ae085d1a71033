"""Tables: the files people really have load alike, and what cannot be read is told with its row."""

import json
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from model.complaint import SHANGHAI, Complaint, Social
from model.errors import DataError
from model.export import write_table
from model.table import RowError, Table, read_table, read_table_bytes
from model.times import parse_time

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=SHANGHAI)


def complaints(table: Table) -> list[Complaint]:
    found = [complaint for _, complaint in table.complaints(NOON) if isinstance(complaint, Complaint)]
    assert len(found) == len(table.rows)
    return found


def errors(data: str | bytes, name: str = "三月.csv") -> list[RowError]:
    data = data if isinstance(data, bytes) else data.encode()
    return [error for _, error in read_table_bytes(data, name).complaints(NOON) if isinstance(error, RowError)]


def workbook(*rows: list[object]) -> bytes:
    book, file = Workbook(), BytesIO()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def test_one_table_saved_five_ways_loads_identically() -> None:
    rows = [
        f'{n},2026-03-{n % 28 + 1:02d} 09:05:00,电话,"第{n}单，牛奶坏了""酸""的\n打了{n}次电话没人接"'
        for n in range(200)
    ]
    text = "\r\n".join(["工单号,投诉时间,渠道,投诉内容", *rows]) + "\r\n"
    ways = [text.encode(code) for code in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030")]
    tables = [complaints(read_table_bytes(data, "a.csv")) for data in ways]
    assert len(tables[0]) == 200
    assert tables[0][7].text == '第7单，牛奶坏了"酸"的\n打了7次电话没人接'
    assert all(table == tables[0] for table in tables)


@pytest.mark.parametrize(
    "header", ["投诉内容", "留言详情", "反映内容", " 内容 ", "TEXT", "detail", "投诉内容（必填）*"]
)
def test_header_synonyms_load_alike_and_unmapped_columns_stay(header: str) -> None:
    table = read_table_bytes(f"{header},门店\n牛奶是酸的,城西店\n".encode("utf-8-sig"), "a.csv")
    assert complaints(table)[0].text == "牛奶是酸的"
    assert table.rows[0]["门店"] == "城西店"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators(separator: str) -> None:
    table = read_table_bytes(separator.join(["编号", "内容"]).encode() + f"\n7{separator}少了一箱\n".encode(), "a.csv")
    assert complaints(table)[0].id == "7"
    assert complaints(table)[0].text == "少了一箱"


def test_a_single_column_keeps_its_commas() -> None:
    table = read_table_bytes("内容\n来晚了,还洒了,没人管\n".encode(), "a.csv")
    assert complaints(table)[0].text == "来晚了,还洒了,没人管"


def test_title_stands_before_the_body_and_alone_when_the_body_is_blank() -> None:
    table = read_table_bytes("标题,留言详情\n牛奶坏了,打开是酸的\n只有标题,\n,只有正文\n".encode(), "a.csv")
    assert [complaint.text for complaint in complaints(table)] == ["牛奶坏了\n打开是酸的", "只有标题", "只有正文"]


def test_workbook_ids_and_dates_are_what_a_person_sees() -> None:
    data = workbook(
        ["编号", "手机号", "时间", "内容"],
        [20260305000123, 13900001111.0, datetime(2026, 3, 5, 9, 30), "少了一箱_x000D_\n没人管"],
        ["A-2", None, 43856.8244, "  肉不新鲜"],
    )
    first, second = complaints(read_table_bytes(data, "三月.xlsx"))
    assert (first.id, first.customer) == ("20260305000123", "13900001111")
    assert first.time == datetime(2026, 3, 5, 9, 30, tzinfo=SHANGHAI)
    assert first.text == "少了一箱\n没人管"
    assert second.customer is None
    assert second.time == datetime(2020, 1, 26, 19, 47, 8, tzinfo=SHANGHAI)


def test_a_formula_gives_its_saved_value_and_never_its_source(tmp_path: Path) -> None:
    table = read_table_bytes(workbook(["内容", "金额"], ["多收了钱", "=1+1"]), "a.xlsx")
    assert table.rows[0]["金额"] == ""  # never opened in Excel: there is no saved value


def test_lines_of_json_with_a_post() -> None:
    line = {"text": "奶是酸的", "time": 1_772_000_000, "social": {"platform": "抖音", "views": 1200, "likes": None}}
    data = json.dumps(line, ensure_ascii=False) + '\n\n{"text": "少了一箱", "time": "2026-03-05T01:00:00Z"}\n[1]\n'
    table = read_table_bytes(data.encode(), "a.jsonl")
    first, second, third = [found for _, found in table.complaints(NOON)]
    assert isinstance(first, Complaint)
    assert first.social == Social("抖音", views=1200)
    assert isinstance(second, Complaint)
    assert second.social is None
    assert second.time == datetime(2026, 3, 5, 9, tzinfo=SHANGHAI)
    assert third == RowError(4, "", "is not a JSON object; write one object a line")


def test_reach_as_platforms_write_it() -> None:
    found = complaints(read_table_bytes('内容,平台,粉丝数,播放量\n奶是酸的,抖音,3.2万,"12,000"\n'.encode(), "a.csv"))
    assert found[0].social == Social("抖音", followers=32000, views=12000)
    assert "不是" not in errors("内容,播放量\n奶是酸的,很多\n")[0].reason
    assert errors("内容,播放量\n奶是酸的,很多\n")[0].column == "播放量"


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2019/2/28 11:25:05", (2019, 2, 28, 11, 25, 5)),
        ("2019-02-28", (2019, 2, 28)),
        ("43856.8244", (2020, 1, 26, 19, 47, 8)),
        ("43856", (2020, 1, 26)),
        ("2024年3月5日 下午3点", (2024, 3, 5, 15)),
        ("2024年3月5日15时30分20秒", (2024, 3, 5, 15, 30, 20)),
        ("2024年3月5日 晚上8点半", (2024, 3, 5, 20, 30)),
        ("2024-03-05 星期二 9:05", (2024, 3, 5, 9, 5)),
        ("2024-03-05 12:10 AM", (2024, 3, 5, 0, 10)),
        ("2024/3/5 3:10 PM", (2024, 3, 5, 15, 10)),
        ("２０２４－０３－０５　１５：３０", (2024, 3, 5, 15, 30)),
        ("2024-03-05T07:30:00Z", (2024, 3, 5, 15, 30)),
        ("2024-03-05T15:30:00.250+08:00", (2024, 3, 5, 15, 30, 0, 250_000)),
        ("2024-03-05 02:30:00-0500", (2024, 3, 5, 15, 30)),
        ("1709623800", (2024, 3, 5, 15, 30)),
        ("1709623800000", (2024, 3, 5, 15, 30)),
        ("20240305", (2024, 3, 5)),
        ("20240305153000", (2024, 3, 5, 15, 30)),
        ("2024-03-05 24:00", (2024, 3, 6)),
        ("2024年3月5日 晚上12点", (2024, 3, 6)),
        ("2024年3月5日 中午12点", (2024, 3, 5, 12)),
    ],
)
def test_times_as_people_and_spreadsheets_write_them(cell: str, moment: tuple[int, ...]) -> None:
    assert parse_time(cell) == datetime(*moment, tzinfo=SHANGHAI)  # type: ignore[arg-type,misc]
    assert parse_time(cell).utcoffset() == SHANGHAI.utcoffset(None)


@pytest.mark.parametrize(
    "cell", ["昨天", "2024-02-30", "3/5/2024", "24-3-5", "7", "2024-03-05 25:00", "1e999", "9" * 13]
)
def test_what_is_no_time_is_refused(cell: str) -> None:
    if cell == "9" * 13:
        assert parse_time(cell).astimezone(UTC).year == 2286
        return
    with pytest.raises(DataError, match="year first"):
        parse_time(cell)


def test_a_bad_time_is_an_error_with_its_row_and_nothing_is_dropped() -> None:
    data = '时间,内容\n2019-02-28,"一\n二"\n上周五,二\n\n,三\n2019/2/28 11:25:05,四\n2019-03-01, \n'
    found = dict(read_table_bytes(data.encode(), "a.csv").complaints(NOON))
    assert sorted(found) == [2, 3, 5, 6, 7]
    assert [found[row].column for row in (3, 5, 7)] == ["时间", "时间", "内容"]  # type: ignore[union-attr]
    assert "上周五" in found[3].reason  # type: ignore[union-attr]


def test_a_file_without_times_takes_the_time_given() -> None:
    assert complaints(read_table_bytes("内容\n少了一箱\n".encode(), "a.csv"))[0].time == NOON


def test_the_same_file_twice_gives_the_same_ids_and_equal_rows_stay_two() -> None:
    data = "客户,内容\n张,少了一箱\n李,少了一箱\n李,少了一箱\n".encode()
    once, again = complaints(read_table_bytes(data, "a.csv")), complaints(read_table_bytes(data + b"\n", "b.csv"))
    assert [one.id for one in once] == [one.id for one in again]
    assert len({one.id for one in once}) == 3


def test_a_row_with_too_many_cells_is_told_and_the_others_stay() -> None:
    found = list(read_table_bytes("内容,渠道\n好,电话\n来晚了,洒了,电话\n坏,邮件\n".encode(), "a.csv").complaints(NOON))
    assert [number for number, _ in found] == [2, 3, 4]
    assert isinstance(found[1][1], RowError)
    assert "3 cells" in found[1][1].reason


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"", "a.csv", "empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "a.csv", "empty"),
        ("内容,渠道\n".encode(), "a.csv", "no rows"),
        ("内容,内容\n一,二\n".encode(), "a.csv", "more than once"),
        (b"PK\x03\x04rest", "a.csv", "workbook"),
        (b"PK\x03\x04rest", "a.xlsx", "not a readable"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "a.xlsx", "另存为"),
        ("内容\n".encode("gb18030") + b"\xff\xff\x80", "a.csv", "CSV UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "a.csv", "CSV UTF-8"),
        ('内容,渠道\n"少了一箱,电话\n又少了,邮件\n'.encode(), "a.csv", "never closed"),
        (b"[1]\n", "a.jsonl", "one object a line"),
    ],
)
def test_what_cannot_be_read_says_the_file_and_the_remedy(data: bytes, name: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as error:
        read_table_bytes(data, name)
    assert name in str(error.value)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "none.csv")


def test_a_table_without_text_lists_what_it_found_and_what_is_accepted() -> None:
    table = read_table_bytes("门店,金额\n城西,3\n".encode(), "a.csv")
    with pytest.raises(DataError, match=r"门店、金额.*投诉内容"):
        list(table.complaints(NOON))


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".jsonl"])
def test_what_is_written_reads_back_and_formulas_stay_text(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    rows = [
        {"id": "007", "text": "=cmd|' /C calc'!A0", "n": -1.5},
        {"id": "2026030500000123456", "text": '少了"一箱",\n没人管', "n": None},
    ]
    assert write_table(path, ["id", "text", "n"], rows) == 2
    table = read_table(path)
    guard = "'" if ending == ".csv" else ""
    assert [row["id"] for row in table.rows] == ["007", "2026030500000123456"]
    assert table.rows[0]["text"] == guard + "=cmd|' /C calc'!A0"
    assert table.rows[1]["text"] == '少了"一箱",\n没人管'
    assert [row["n"] for row in table.rows] == ["-1.5", ""]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_excel_stores_a_formula_like_text_as_text(tmp_path: Path) -> None:
    write_table(tmp_path / "a.xlsx", ["text"], [{"text": "=1+1"}])
    assert load_workbook(tmp_path / "a.xlsx").worksheets[0]["A2"].data_type == "s"


def test_csv_has_its_bom_and_numbers_stay(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", ["a", "b"], [{"a": "-1.5", "b": "@you"}, {"a": "+86 139", "b": "-"}])
    assert (tmp_path / "a.csv").read_bytes() == "\ufeffa,b\r\n-1.5,'@you\r\n'+86 139,-\r\n".encode()


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"old")
    with pytest.raises(DataError, match="32767"):
        write_table(path, ["text"], [{"text": "长" * 40_000}])
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.xlsx"]
