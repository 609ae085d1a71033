"""Replaying a file: the alerts a company would have had, the same every time."""

import json
from pathlib import Path

import pytest

from model.errors import DataError
from model.table import read_table
from training.replay import replay

HEAD = "编号,客户,投诉时间,渠道,投诉内容"
MILK = [
    "城西店的鲜牛奶喝了拉肚子",
    "我昨天在你们城西店买的鲜牛奶，孩子喝完一直拉肚子",
    "鲜牛奶有问题！城西店买的，全家喝了都拉肚子",
    "城西店卖的鲜牛奶喝完肚子疼拉稀，电话13800138000",
    "在城西店买了两盒鲜牛奶，保质期没过，喝了就拉肚子",
]
OTHERS = ["宽带断网三天没人修", "驾校退费拖了半年", "会员自动续费没有提醒", "沙发送来少一条腿", "外卖洒了一半骑手不认"]


def history(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
    return path


def weeks(path: Path) -> Path:
    lines = [f"b{n},客户{n},2026-03-{1 + n:02d} 10:00,电话,{OTHERS[n % 5]}第{n}回" for n in range(20)]
    lines += [f"m{n},顾客{n},2026-03-15 {9 + n:02d}:00,微信,{text}" for n, text in enumerate(MILK)]
    lines += ["m9,顾客0,2026-03-15 20:00,邮件,【邮件转】城西店的鲜牛奶喝了拉肚子。"]
    lines += ["x1,客户1,昨天,电话,时间读不懂"]
    return history(path, lines)


def test_the_matter_is_told_with_its_complaints_in_any_order_of_rows(tmp_path: Path) -> None:
    source = weeks(tmp_path / "a.csv")
    summary = replay(read_table(source), None, tmp_path / "a.jsonl")
    alerts = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    group = [alert for alert in alerts if alert["kind"] == "group"]
    assert {"m0", "m1", "m2", "m3", "m4"} <= set(group[-1]["complaints"])
    assert not any(one.startswith("b") for one in group[-1]["complaints"])
    assert max(alert["customers"] for alert in group) == 5
    assert (summary.skipped, summary.folded, summary.complaints) == (1, 1, 26)
    assert "2026-03" in str(summary)


def test_two_replays_are_identical_and_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    source = weeks(tmp_path / "a.csv")
    head, *lines = source.read_text(encoding="utf-8").splitlines()
    assert head == HEAD
    turned = history(tmp_path / "b.csv", lines[::-1])
    for name, table in (("1", source), ("2", source), ("3", turned)):
        replay(read_table(table), None, tmp_path / name)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes() == (tmp_path / "3").read_bytes()


def test_nothing_personal_leaves_in_the_alerts(tmp_path: Path) -> None:
    replay(read_table(weeks(tmp_path / "a.csv")), None, tmp_path / "a.jsonl")
    assert "13800138000" not in (tmp_path / "a.jsonl").read_text(encoding="utf-8")


def test_a_table_without_times_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("编号,投诉内容\n1,坏了\n", encoding="utf-8")
    with pytest.raises(DataError, match="has no time column"):
        replay(read_table(tmp_path / "a.csv"), None, tmp_path / "a.jsonl")


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    replay(
        read_table(weeks(tmp_path / "a.csv")),
        None,
        tmp_path / "a.jsonl",
        lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (26, 26)
