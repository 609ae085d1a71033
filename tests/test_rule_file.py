"""Rules files: any editor may save them, what is wrong is told by line, and a version is of what they mean."""

import pytest

from model.errors import DataError
from model.rule_file import RuleError, read_rules_bytes
from model.rules import Rules


def rules_of(text: str) -> Rules:
    return read_rules_bytes(text.encode(), "r.toml")


GOOD = '# 规则\n[[规则]]\n名称 = "丢件"\n必须 = ["快递", "丢"]   # 两个都要\n部门 = "物流部"\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_editor_may_save_the_file(encoding: str, end: str) -> None:
    rules = read_rules_bytes(GOOD.replace("\n", end).encode(encoding), "r.toml")
    assert rules.version == rules_of(GOOD).version


@pytest.mark.parametrize(
    ["written", "same"],
    [
        [GOOD.replace("# 规则\n", ""), True],
        [GOOD.replace('["快递", "丢"]', "[‘丢’，“快递”，]").replace("=", "＝"), True],
        [GOOD.replace('["快递", "丢"]', "【快递、「丢」】"), True],
        [GOOD + "顺序 = ７", True],
        [GOOD.replace('"物流部"', "物流部"), True],
        [GOOD.replace("快递", "快遞"), True],
        [GOOD.replace("[[规则]]", "[[rule]]").replace("必须", "must").replace("部门", "set.department"), True],
        [GOOD + "说明 = '给新同事看'\n", True],
        [GOOD + '[[规则]]\n名称 = "停着"\n必须 = "啊"\n转人工 = 是\n启用 = 否\n', True],
        [GOOD.replace("快递", "包裹"), False],
        [GOOD.replace("物流部", "客服部"), False],
        [GOOD + "从 = 2026-01-01\n", False],
        [GOOD + '[[停用]]\n部门 = "市场部"\n', False],
    ],
)
def test_the_version_is_of_the_meaning_and_not_of_the_writing(written: str, same: bool) -> None:
    assert (rules_of(written).version == rules_of(GOOD).version) is same


def test_every_change_of_meaning_is_another_version() -> None:
    other = '[[规则]]\n名称 = "乙"\n必须 = "丢"\n部门 = "客服部"\n'
    closed = '[[停用]]\n部门 = "市场部"\n'
    keys = [
        "字距 = 5",
        "字距 = 6",
        "排除 = 没丢",
        "排除 = 没丢\n排除距离 = 2",
        "排除 = 没丢\n排除距离 = 3",
        "任一 = 三天",
    ]
    keys += [
        "白名单 = 快递员",
        "白名单 = 快递费",
        "条件.渠道 = 电话",
        "条件.渠道 = 门店",
        "转人工 = 是",
        "到 = 2026-01-01",
    ]
    files = [
        GOOD,
        *(GOOD + key for key in keys),
        GOOD + other,
        other + GOOD,
        GOOD + closed,
        GOOD + closed + "改为 = 客服部",
    ]
    versions = [rules_of(file).version for file in files]
    assert len(set(versions)) == len(versions)
    assert rules_of(GOOD + other + "顺序 = 1").version == rules_of(other + GOOD).version  # the same rule decides


ABOVE = '[[rule]]\nname = "甲"\nmust = [\n  "x",\n]\nreview = true\n# line 7\n'  # the fault begins in line 8
HEAD = '[[rule]]\nname = "乙"\n'


@pytest.mark.parametrize(
    ["fault", "line", "says"],
    [
        ['[[rule]]\nmust = "y"\nreview = true', 8, "no name"],
        ['[[rule]]\nname = "甲"\nmust = "y"\nreview = true', 8, "line 1"],
        [HEAD + "review = true", 8, "nothing that trips it"],
        [HEAD + 'must = "y"', 8, "decides nothing"],
        [HEAD + 'must = ["y", "z",\n "\u200b ",\n]\nreview = true', 11, "empty word"],
        [HEAD + 'must = []\nany = "y"\nreview = true', 10, "must is an empty list"],
        [HEAD + '必须 = "y"\n排除 = []\n转人工 = 是', 11, "排除 is an empty list"],
        [HEAD + 'must = [["y"], []]\nreview = true', 10, "must is an empty list"],
        [HEAD + 'any = "y"\nnot_within = 3\nreview = true', 11, "not_within says"],
        [HEAD + '必须 = "y"\n字距 = 3\n转人工 = 是', 11, "字距 says"],
        [HEAD + 'must = "y"\nwithin = 3\nreview = true', 11, "within"],
        [HEAD + 'must = "y"\nnot = "z"\nnot_within = "三"\nreview = true', 12, "whole number"],
        [HEAD + 'must = "y"\nnot = "y"\nreview = true', 11, "never trips"],
        [HEAD + 'must = "交通"\nwhitelist = ["路口"]\nreview = true', 11, "路口"],
        [HEAD + 'must = "交通"\nwhitelist = ["交通"]\nreview = true', 11, "phrase around it"],
        [HEAD + 'must = "快递|包裹"\nreview = true', 10, "as a list"],
        [HEAD + 'must = [\n"快递、包裹"]\nreview = true', 11, "as a list"],
        [HEAD + 'must = "快递*丢"\nreview = true', 10, "as it stands"],
        [HEAD + 'must = "第[0-9]+天"\nreview = true', 10, "as it stands"],
        [HEAD + "must = '\\d天'\nreview = true", 10, "as it stands"],
        [HEAD + f'must = "{"长" * 61}"\nreview = true', 10, "longer than 60"],
        [HEAD + 'must = "y"\nproduct = "酒店"', 11, "set.product"],
        [HEAD + 'must = "y"\n停用 = "物流部"\nreview = true', 11, "write [[停用]]"],
        [HEAD + 'must = "y"\ndepartment = ""', 11, "names nothing"],
        [HEAD + 'must = "y"\ndepartment = "甲"\nset.department = "乙"', 12, "set twice"],
        [HEAD + 'must = "y"\nwhen = "电话"\nreview = true', 11, "when is no table"],
        [HEAD + 'must = "y"\norder = -1\nreview = true', 11, "whole number"],
        ["[[closed]]\nfrom = 2026-01-01", 8, "name one label column"],
        ['[[closed]]\ndepartment = "甲"\n必须 = "y"', 8, "department and 必须"],
        ['[[closed]]\ndepartment = "甲"\ninstead = ["乙", "丙"]', 10, "give one"],
        [HEAD + 'must = "y"\nfrom = 2026-12-01\nuntil = 2026-11-30\nreview = true', 12, "before from"],
        [HEAD + 'must = "y"\nfrom = "下周"\nreview = true', 11, "no date"],
        [HEAD + 'must = "y"\nreveiw = true', 11, "did you mean review"],
        [HEAD + '必需 = "y"\n转人工 = 是', 10, "did you mean 必须"],
        [HEAD + 'must = "y"\n必须 = "z"\nreview = true', 11, "the same key"],
        [HEAD + 'must = "y"\nreview = "yes"', 11, "true or false"],
        [HEAD + "must = 5\nreview = true", 10, "in quotes"],
        [HEAD + 'must = "y"\nwhen.曝光 = "发布"\nreview = true', 11, "posted (已发布)"],
        [HEAD + 'must = "y"\ndepartment = "市场部"\n[[closed]]\ndepartment = "市场部"', 11, "closed (line 12)"],
        ['[[closed]]\ndepartment = "市场部"\ninstead = "市场部"', 10, "closed itself"],
        [HEAD + 'must = ["y"\nreview = true', 11, "valid TOML"],
        [HEAD + 'must = "y"\nmust = "z"\nreview = true', 11, "each key once"],
        ['[[reul]]\nname = "乙"', 8, "reul"],
        [HEAD + 'note = """\n[[rule]]\n"""\nmust = "y"', 8, "decides nothing"],
        [HEAD + 'note = """\n[[rule]]\n"""\nmust = 5\nreview = true', 13, "in quotes"],
        ['[rule]\nname = "乙"', 8, ""],
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_remedy(fault: str, line: int, says: str) -> None:
    with pytest.raises(DataError) as refused:
        rules_of(ABOVE + fault)
    assert str(refused.value).startswith(f"r.toml line {line}: ")
    assert says in str(refused.value)


@pytest.mark.parametrize("dates", ["until = 2026-12-31", "from = 2026-01-01"])
def test_a_rule_may_set_what_is_closed_for_a_time_only(dates: str) -> None:
    assert len(rules_of(HEAD + f'must = "y"\ndepartment = "市场部"\n[[closed]]\ndepartment = "市场部"\n{dates}\n')) == 1


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = '[[规则]]\n任一 = ["退款|退货", "啊"]\n排除距离 = 三\n转人功 = 是\n[[规则]]\n名称 = "乙"\n必须 = "z"\n'
    with pytest.raises(RuleError, match=r"line 2: .*\(and 3 more") as refused:
        rules_of(wrong)
    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        "r.toml line 2",
        "r.toml line 3",
        "r.toml line 4",
        "r.toml line 5",
    ]


@pytest.mark.parametrize("day", ["2026-10-1", "2026/10/01", "2026.10.1", "2026年10月1日", "２０２６-１０-０１"])
def test_a_day_may_be_written_as_people_write_it(day: str) -> None:
    written = rules_of(GOOD + f"从 = {day}  # 国庆\n")
    assert written.version == rules_of(GOOD + "从 = 2026-10-01\n").version
    assert written.rules[0].period.since is not None


@pytest.mark.parametrize("data", [b"", b"\xff\x00\x81", b"# nothing\n"])
def test_a_file_without_rules_or_text_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match=r"r\.toml"):
        read_rules_bytes(data, "r.toml")
