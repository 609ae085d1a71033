"""Rules in use: a server that follows its file, answers that say which rule, and the dry run on past complaints."""

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from model.bundle import Bundle, load_bundle
from model.classifier import ComplaintClassifier
from model.complaint import Complaint
from model.errors import DataError
from model.overlay import Overlay
from model.rule_file import read_rules
from model.table import read_table, read_table_bytes
from serving.doctor import examine
from serving.run import running
from serving.service import Service
from serving.settings import read_settings
from tests.conftest import NOON, ROOT, Clock
from tests.matters import CELLS, TEXTS
from tests.test_cli import kesu
from training.classify_file import classify_file
from training.rules_trial import trial_lines, try_rules
from training.ruling import Ruling

LOST = '[[规则]]\n名称 = "丢件"\n必须 = [["快递", "包裹"], "丢"]\n部门 = "财务部"\n'
TEXT = "我的包裹丢了，快递员说没办法"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small bundle over three departments."""
    folder = tmp_path_factory.mktemp("rules") / "bundle"
    Bundle(ComplaintClassifier(folds=3).fit(TEXTS, CELLS)).save(folder)
    return folder


@pytest.fixture
def opened(open_at: Callable[..., Service], bundle: Path, tmp_path: Path, clock: Clock) -> Callable[..., Service]:
    """Opens a service with the small bundle and the rules file of the test's folder; again is a restart."""

    def start(**over: object) -> Service:
        chosen = {"bundle": bundle, "rules": tmp_path / "rules.toml", "evaluator": False, "sender": False}
        return open_at(clock, **(chosen | over))

    return start


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return path


def department(service: Service, identity: str = "", day: str = "2026-10-14") -> str:
    """The department a new complaint gets, recorded when it has an id."""
    complaint = Complaint(identity, TEXT, datetime.fromisoformat(f"{day}T12:00:00+08:00"))
    answer = (service.intake.accept if identity else service.intake.classify)([complaint])[0]
    assert isinstance(answer, dict)
    return str(answer["department"]["label"])


def test_an_answer_says_which_rule_and_where(opened: Callable[..., Service], tmp_path: Path) -> None:
    write(tmp_path, LOST + '[[规则]]\n名称 = "伤人"\n必须 = "划伤"\n转人工 = true\n')
    service = opened()
    with running(service) as url, httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        stored = client.post("/classify", json={"text": TEXT, "id": "A"}).json()
        assert stored["rules"] == service.rules.version
        assert stored["department"]["rule"] == "丢件"
        assert [TEXT[start:end] for start, end in stored["department"]["spans"]] == ["包裹", "丢", "快递"]
        assert stored["department"]["alternatives"][0]["label"] == "物流部"
        assert stored["department"]["before"] == stored["department"]["alternatives"][0]
        assert "rule" not in stored["category"]
        assert stored["parts"][0]["department"] == "财务部"
        only = client.post("/classify?record=false&explain=true", json={"text": TEXT, "id": "A"}).json()
        assert {**only, "explanation": None} == {**stored, "explanation": None}
        assert {span["text"] for span in only["explanation"]["department"]} == {"包裹", "丢", "快递"}
        hurt = client.post("/classify", json={"text": "押金不退，还把我划伤了", "id": "B"}).json()
        assert (hurt["review"]["rule"], hurt["department"]["reason"]) == ("伤人", "rule")
        assert "规则：丢件" in client.get("/page/complaint/A").text
        assert "规则“伤人”" in client.get("/page/complaint/B").text
        assert "规则：丢件" in client.post("/page/try", data={"text": TEXT}).text
        assert client.get("/review").json()["complaints"][0]["id"] == "B"
        assert client.post("/classify", json={"text": "押金一直不退"}).json()["review"] is None
    with sqlite3.connect(tmp_path / "kesu.db") as connection:
        found = connection.execute("SELECT id, department, accepted FROM complaint ORDER BY id").fetchall()
    assert ("A", "财务部") in [row[:2] for row in found]
    assert ("B", 0) in [(row[0], row[2]) for row in found]


def test_without_the_setting_there_are_no_rules(open_at: Callable[..., Service], bundle: Path, clock: Clock) -> None:
    answer = open_at(clock, bundle=bundle).intake.classify([Complaint("1", TEXT, NOON)])[0]
    assert isinstance(answer, dict)
    assert (answer["rules"], answer["review"]) == (None, None)
    assert "rule" not in answer["department"]


def test_a_saved_file_is_taken_up_and_a_wrong_one_is_not(opened: Callable[..., Service], tmp_path: Path) -> None:
    write(tmp_path, LOST)
    service = opened()
    assert department(service, "1") == "财务部"
    write(tmp_path, LOST.replace("财务部", "客服部"))
    service.rules.follow(service.shelf())
    assert department(service, "2") == "客服部"
    assert department(service, "1") == "财务部"  # what was answered once stays
    version = service.rules.version
    for wrong in (LOST.replace("必须", "必需"), LOST.replace("财务部", "物流"), ""):
        write(tmp_path, wrong)
        service.rules.follow(service.shelf())
        assert (service.rules.version, department(service)) == (version, "客服部")
        assert "rules.toml line" in service.rules.problems()[0]
    (tmp_path / "rules.toml").unlink()
    service.rules.follow(service.shelf())
    assert department(service) == "客服部"
    again = opened()  # a restart while the file is gone
    assert (again.rules.version, department(again)) == (version, "客服部")
    write(tmp_path, LOST)
    again.rules.follow(again.shelf())
    assert (again.rules.problems(), department(again)) == ([], "财务部")
    kept = read_rules(tmp_path / "store" / "rules" / f"{version}.toml")
    assert kept.rules[0].sets == {"department": ("客服部",)}


def test_readiness_and_doctor_tell_what_is_wrong(opened: Callable[..., Service], bundle: Path, tmp_path: Path) -> None:
    write(tmp_path, LOST)
    service = opened()
    with running(service) as url, httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        while client.get("/readyz").status_code != 200:
            pass
        assert client.get("/readyz").json()["rules"] == service.rules.version
        write(tmp_path, LOST + "名字 = 1\n")
        service.rules.follow(service.shelf())
        said = client.get("/readyz")
        assert (said.status_code, said.json()["rules"]) == (200, service.rules.version)
        assert "line 5" in said.json()["problems"][0]
    chosen = {"bundle": bundle, "data_dir": tmp_path, "rules": tmp_path / "rules.toml"}
    checks = {check.what: check for check in examine(read_settings({}, **chosen))}
    assert (checks["rules"].ok, "line 5" in checks["rules"].said) == (False, True)
    write(tmp_path, LOST)
    checks = {check.what: check for check in examine(read_settings({}, **chosen))}
    assert (checks["rules"].ok, service.rules.version in checks["rules"].said) == (True, True)


@pytest.mark.parametrize(["text", "says"], [[None, "check the path"], ["名称", "line 1"], [LOST + "x=1", "line 5"]])
def test_a_first_file_that_is_wrong_is_refused_at_the_start(
    opened: Callable[..., Service], tmp_path: Path, text: str | None, says: str
) -> None:
    if text is not None:
        write(tmp_path, text)
    with pytest.raises(DataError, match=says):
        opened()


def test_another_bundle_under_the_rules_never_gives_a_label_it_does_not_have(
    opened: Callable[..., Service], tmp_path: Path
) -> None:
    folder = tmp_path / "served"
    first = Bundle(ComplaintClassifier(folds=3).fit(TEXTS, CELLS))
    first.save(folder)
    write(tmp_path, LOST)
    service = opened(bundle=folder)
    assert department(service) == "财务部"
    cells = [cell.replace("财务部", "结算中心") for cell in CELLS["department"]]
    Bundle(ComplaintClassifier(folds=3).fit(TEXTS, {"department": cells})).save(folder)
    assert service.shelf.refresh()
    assert department(service) in ("物流部", "客服部", "结算中心")
    service.rules.follow(service.shelf())
    assert "no label 财务部" in service.rules.problems()[0]
    write(tmp_path, LOST.replace("财务部", "结算中心"))
    service.rules.follow(service.shelf())
    assert (department(service), service.rules.problems()) == ("结算中心", [])


def test_a_dated_change_moves_new_complaints_only(opened: Callable[..., Service], tmp_path: Path) -> None:
    dated = '[[规则]]\n名称 = "改制"\n条件 = {部门 = "物流部"}\n从 = 2026-10-10\n部门 = "客服部"\n'
    write(tmp_path, dated + '[[停用]]\n部门 = "物流部"\n从 = 2027-01-01\n')
    service = opened()
    days = ("2026-10-09", "2026-10-10", "2027-01-01")
    assert [department(service, str(n), day) for n, day in enumerate(days)] == ["物流部", "客服部", "客服部"]


DATA = f"""编号,内容,部门,渠道
1,{TEXT},财务部,电话
2,快递三天了还没到,物流部,APP
3,包裹丢了没人管，电话13812345678,客服部,APP
4,,物流部,APP
5,押金一直不退,财务部,门店
"""


def test_a_dry_run_tells_hits_changes_overlaps_and_silence(bundle: Path, tmp_path: Path) -> None:
    more = '[[规则]]\n名称 = "包裹"\n必须 = "包裹"\n部门 = "客服部"\n'
    more += '[[规则]]\n名称 = "哑"\n必须 = "火星"\n转人工 = true\n'
    more += '[[规则]]\n名称 = "退押"\n条件 = {部门 = "财务部"}\n转人工 = true\n'
    rules, table = read_rules(write(tmp_path, LOST + more)), read_table_bytes(DATA.encode(), "a.csv")
    steps: list[tuple[int, int]] = []
    out = tmp_path / "touched.csv"
    trial = try_rules(rules, table, load_bundle(bundle), NOON, out, lambda *done: steps.append(done))
    assert steps[-1] == (5, 5)
    assert (trial.rows, trial.skipped, trial.changed, trial.reviewed) == (4, 1, 2, 1)
    tally = trial.tallies["丢件"]
    assert (tally.hits, tally.decides, tally.line) == (2, 2, 1)
    assert tally.changes == {("department", "物流部", "财务部"): 2}
    assert tally.right == (2, 0, 1)
    assert (trial.tallies["包裹"].hits, trial.tallies["包裹"].decides) == (2, 0)
    assert trial.overlaps == {("丢件", "包裹"): 2}
    assert [one.name for one in trial.silent] == ["哑"]
    said = "\n".join(trial_lines(trial))
    assert "row 2: 我的【包裹】【丢】了，【快递】员说没办法" in said
    assert "哑 (line 9) never fires" in said
    assert "13812345678" not in said + out.read_text(encoding="utf-8-sig")
    written = read_table(out).rows
    assert [row["hit"][:9] for row in written] == ["我的【包裹】【丢】", "【包裹】【丢】了没", "押金一直不退"]
    assert [(row["id"], row["department"], row["department_ruled"]) for row in written] == [
        ("1", "物流部", "财务部"),
        ("3", "物流部", "财务部"),
        ("5", "财务部", "财务部"),
    ]
    blind = try_rules(rules, table, None, NOON)
    assert (blind.tallies["丢件"].hits, blind.asks, [one.name for one in blind.silent]) == (2, ("退押",), ["哑"])


@pytest.mark.parametrize("ending", ["csv", "jsonl", "xlsx"])
def test_a_file_is_classified_under_rules_as_the_service_would(bundle: Path, tmp_path: Path, ending: str) -> None:
    more = '[[规则]]\n名称 = "退押"\n条件 = {部门 = "财务部", 渠道 = "门店"}\n转人工 = true\n'
    more += '[[规则]]\n名称 = "伤人"\n任一 = ["划伤", "烫伤"]\n转人工 = true\n'
    rules = write(tmp_path, LOST + more + '[[停用]]\n部门 = "物流部"\n从 = 2026-10-01\n')
    data = DATA.replace("渠道", "渠道,rule,时间").replace(",财务部,电话", ",财务部,电话,x")
    data += "6,客服态度很差，还烫伤了我,客服部,APP\n7,快递三天了还没到,物流部,APP,,2026-09-30\n"
    (tmp_path / "in.csv").write_text(data, encoding="utf-8")
    hook, out = Ruling.open(bundle, rules, NOON), tmp_path / f"out.{ending}"
    classify_file(bundle, tmp_path / "in.csv", out, 1, hook)
    overlay = Overlay(read_rules(rules), load_bundle(bundle))
    written = read_table(out).rows
    assert [row["rule"] for row in written] == ["丢件", "停用 物流部", "丢件", "", "退押", "伤人", ""]
    assert [row["rule_given"] for row in written] == ["x", *[""] * 6]
    for (_, row), said in zip(read_table(tmp_path / "in.csv").complaints(NOON), written, strict=True):
        if isinstance(row, Complaint):
            expected = overlay.apply(row, overlay.bundle.predict([row.text])[0]).heads["department"]
            assert said["department"] == expected.label
            assert said["department_confidence"] == f"{expected.confidence:.4f}"
            assert said["department_accepted"] == str(expected.accepted).lower()


def test_a_rule_that_asks_for_the_channel_alone_says_nothing_of_a_blank_row(bundle: Path, tmp_path: Path) -> None:
    rules = write(tmp_path, '[[规则]]\n名称 = "网站"\n条件.渠道 = "网站"\n转人工 = 是\n')
    (tmp_path / "in.csv").write_text("内容,渠道\n押金不退,网站\n,网站\n押金不退,电话\n", encoding="utf-8")
    classify_file(bundle, tmp_path / "in.csv", tmp_path / "out.csv", 1, Ruling.open(bundle, rules, NOON))
    assert [row["rule"] for row in read_table(tmp_path / "out.csv").rows] == ["网站", "", ""]


def test_rules_are_checked_and_tried_from_the_command_line(bundle: Path, tmp_path: Path) -> None:
    rules = write(tmp_path, LOST)
    (tmp_path / "in.csv").write_text(DATA, encoding="gb18030")
    checked = kesu(tmp_path, "rules", "check", rules, "--bundle", bundle)
    assert (checked.returncode, "rules 1, closings 0" in checked.stdout) == (0, True), checked.stderr
    tried = kesu(tmp_path, "rules", "try", rules, "in.csv", "--bundle", bundle, "--out", "out.jsonl")
    assert tried.returncode == 0, tried.stderr
    assert "department: 物流部 → 财务部" in tried.stdout
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()[0])["rules"] == "丢件"
    write(tmp_path, LOST + "x = 1\n[[规则]]\n名称 = 乙\n")
    wrong = kesu(tmp_path, "rules", "check", rules)
    assert wrong.returncode == 2
    assert {line.split(":")[0] for line in wrong.stderr.splitlines()} == {"rules.toml line 5", "rules.toml line 6"}
    write(tmp_path, LOST.replace("财务部", "物流") + '[[停用]]\n部门 = "仓库"\n')
    unfit = kesu(tmp_path, "rules", "check", rules, "--bundle", bundle)
    assert unfit.returncode == 2
    assert [line.split(" in ")[0] for line in unfit.stderr.splitlines()] == [
        "rules.toml line 4: the model has no label 物流",
        "rules.toml line 6: the model has no label 仓库",
    ]


def test_the_example_is_valid_for_the_starter_labels(starter_bundle: Path, tmp_path: Path) -> None:
    checked = kesu(tmp_path, "rules", "check", ROOT / "data" / "rules.example.toml", "--bundle", starter_bundle)
    assert checked.returncode == 0, checked.stderr
