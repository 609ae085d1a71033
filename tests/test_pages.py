"""The page over HTTP: what people find and do there, and what hostile texts and other sites cannot do."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event, select

from model.complaint import Complaint, Social
from serving.complaints import find_complaint
from serving.early_warning import Evaluator
from serving.run import running
from serving.schema import audit, incident, outbox, webhook
from serving.service import Service
from serving.store import milliseconds
from tests.conftest import NOON, Clock

MILK = (
    "城西店的鲜牛奶喝了拉肚子，要求赔偿",
    "城西店买的鲜牛奶，孩子喝了拉肚子",
    "喝了城西店的鲜牛奶就拉肚子，医院开了证明",
    "城西店鲜牛奶有酸味，全家喝了拉肚子",
    "鲜牛奶是城西店买的，老人喝完拉肚子",
)
POST = "充电宝自燃的视频我已经发到微博了，转发八千，请给说法"
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)"> {{ 7*7 }} 客服态度很差'
HTMX = {"HX-Request": "true"}
Page = tuple[Service, httpx.Client]


@pytest.fixture
def page(open_at: Callable[..., Service], clock: Clock) -> Iterator[Page]:
    """A service and a client of its page; the tests take the evaluator's steps themselves."""
    service = open_at(clock, evaluator=False, sender=False)
    with running(service) as url, httpx.Client(base_url=url, trust_env=False, timeout=10) as client:
        yield service, client


@pytest.fixture
def troubled(page: Page) -> Page:
    """A store with a group complaint and a spreading post, both found by the early warning."""
    service, _ = page
    reach = Social("微博", followers=52_000, reposts=8_000, views=300_000)
    said = [
        Complaint(f"m{n}", text, NOON - timedelta(hours=5 - n), f"customer {n}", "电话", "鲜牛奶", "杭州")
        for n, text in enumerate(MILK)
    ]
    said.append(Complaint("post/1", POST, NOON, "blogger", "社交媒体", "充电宝", "广州", reach))
    service.intake.accept(said)
    evaluator = Evaluator(service, "test")
    while evaluator.step():
        pass
    return page


def incident_of(service: Service, kind: str) -> str:
    with service.store.read() as connection:
        found = connection.scalar(select(incident.c.id).where(incident.c.kind == kind))
    assert found is not None, f"the early warning found no {kind}"
    return str(found)


def stored(service: Service, identity: str) -> Any:
    with service.store.read() as connection:
        return find_complaint(connection, identity)


def test_an_empty_store_offers_a_sentence_a_file_and_the_demo(page: Page) -> None:
    _, client = page
    shown = client.get("/").text
    assert all(offer in shown for offer in ("试一句", "上传 Excel / CSV", "播放演示"))
    for action in ("/page/try", "/page/upload", "/page/demo"):
        assert f'hx-post="{action}"' in shown


def test_a_sentence_is_judged_with_its_reasons_and_not_recorded(page: Page) -> None:
    service, client = page
    shown = client.post("/page/try", data={"text": "再不退款我就发抖音曝光你们！电话13800138000"}).text
    assert "投诉类型" in shown
    assert "扬言曝光" in shown
    assert re.search(r'<mark class="[^"]*exposed[^"]*">', shown)
    assert "13800138000" not in shown
    assert client.get("/complaints").json()["total"] == 0
    assert "没有可读的文字" in client.post("/page/try", data={"text": "   "}).text
    service.shelf.bundle = None
    assert "还没有启用模型" in client.post("/page/try", data={"text": "快递慢"}).text


def test_a_gbk_file_from_excel_is_shown_confirmed_and_imported_once(page: Page) -> None:
    _, client = page
    lines = [
        "编号,投诉时间,客户,渠道,投诉内容",
        "A1,2026-10-14 10:00,张三,电话,热水壶漏水，客服不理",
        "A2,2026-10-14 11:00,李四,APP,快递丢了没人管",
        "A3,什么时候,王五,APP,发票一直没开",
        "A4,2026-10-14 11:30,赵六,APP,",
    ]
    raw = "\r\n".join(lines).encode("gbk")
    preview = client.post("/page/upload", files={"file": ("三月<b>.csv", raw, "text/csv")}).text
    assert "投诉内容 → 内容" in preview
    assert "热水壶漏水" in preview
    assert "三月&lt;b&gt;.csv" in preview
    assert "内容为空" in preview
    assert client.get("/complaints").json()["total"] == 0

    address = re.search(r'hx-post="(/page/upload/[\w-]+)"', preview)
    assert address is not None
    shown = client.post(address[1]).text
    while "导入完成" not in shown:
        assert "正在导入" in shown
        shown = client.get(address[1]).text
    assert re.search(r"新增</dt><dd>2</dd>", shown)
    assert {c["id"] for c in client.get("/complaints").json()["complaints"]} == {"A1", "A2"}
    client.post(address[1])
    assert client.get("/complaints").json()["total"] == 2

    refused = client.get(f"{address[1]}/errors.csv")
    assert refused.content.startswith(b"\xef\xbb\xbf")
    assert "A3" in refused.text
    assert "什么时候" in refused.text
    assert "attachment" in refused.headers["content-disposition"]


def test_a_file_that_is_no_table_gets_a_sentence(page: Page) -> None:
    _, client = page
    shown = client.post("/page/upload", files={"file": ("x.csv", "姓名,年龄\n张三,3".encode(), "text/csv")}).text
    assert "这个文件没有读进来" in shown
    assert client.get("/page/upload/no-such-upload").text.count("重新选择文件") == 1


def test_the_overview_shows_both_incidents_and_todays_numbers(troubled: Page) -> None:
    service, client = troubled
    shown = client.get("/").text
    assert "群体投诉" in shown
    assert "社交媒体曝光" in shown
    assert re.search(r"<b class=\"number\">5</b> 位客户", shown)
    assert re.search(r"今日投诉</span><b>6</b>", shown)
    assert f"/page/incident/{incident_of(service, 'group')}" in shown
    assert shown.index("严重") < shown.index("群体投诉")  # the spreading post is worse and comes first


def test_a_refresh_without_news_sends_nothing(troubled: Page) -> None:
    service, client = troubled
    poll = re.search(r'hx-get="(/page/live\?seen=\w+)"', client.get("/").text)
    assert poll is not None
    assert client.get(poll[1]).status_code == 204
    service.intake.accept([Complaint("new", "发票开错了抬头，要求重开", NOON)])
    fresh = client.get(poll[1])
    assert fresh.status_code == 200
    assert "发票开错了抬头" in fresh.text


def test_an_incident_shows_its_evidence(troubled: Page) -> None:
    service, client = troubled
    group = incident_of(service, "group")
    shown = client.get(f"/page/incident/{group}").text
    for word in (
        "不同客户",
        "平时",
        "意外程度",
        "相同文字的比例",
        "未留身份",
        "折叠的副本",
        "鲜牛奶",
        "杭州",
        "电话",
        "首次发现",
    ):
        assert word in shown, word
    assert sum(text in shown for text in MILK) >= 3
    assert all(f'href="/page/complaint/m{n}"' in shown for n in range(5))
    curve = re.search(r'id="curve">(.*?)</script>', shown)
    assert curve is not None
    assert sum(map(int, re.findall(r"\d+", curve[1].split('"counts":')[1].split("]")[0]))) == 5
    listed = client.get("/page/complaints", params={"incident": group}).text
    assert "5 条</span>" in listed
    assert client.get("/page/incident/none-such").status_code == 404


def test_a_supervisor_claims_judges_and_closes_an_incident(troubled: Page) -> None:
    service, client = troubled
    group = incident_of(service, "group")
    client.cookies.set("kesu_who", "%E7%8E%8B%E4%B8%BB%E7%AE%A1")  # 王主管
    for action, form in (("acknowledge", {}), ("verdict", {"verdict": "属实", "note": "已停售"}), ("resolve", {})):
        assert client.post(f"/page/incident/{action}/{group}", data=form, headers=HTMX).status_code == 204
    shown = client.get(f"/page/incident/{group}").text
    assert "王主管 于 12:00 认领" in shown
    assert "王主管 判定为属实：已停售" in shown
    assert "结案中" in shown
    assert client.post(f"/page/incident/verdict/{group}", data={"verdict": "也许"}).status_code == 422
    assert client.post("/page/incident/acknowledge/none-such").status_code == 404
    plain = client.post(f"/page/incident/acknowledge/{group}")
    assert (plain.status_code, plain.headers["location"]) == (303, f"/page/incident/{group}")


def test_alerts_and_their_deliveries_are_shown_and_sent_again(troubled: Page) -> None:
    service, client = troubled
    group, at = incident_of(service, "group"), milliseconds(NOON)
    with service.store.write() as connection:
        row = {
            "id": "wh-1",
            "url": "https://hooks.example.com/send/k3y?token=1",
            "kind": "standard",
            "secret": "whsec_x",
        }
        connection.execute(webhook.insert().values(**row, created_at=at))
        told = {"id": "msg_1", "webhook": "wh-1", "incident": group, "body": "{}", "state": "dead", "due_at": at}
        connection.execute(outbox.insert().values(**told, tries=9, created_at=at))
    shown = client.get("/page/deliveries").text
    assert "已放弃" in shown
    assert "https://hooks.example.com/send/…" in shown
    assert "k3y" not in shown
    assert "whsec_x" not in shown
    assert client.post("/page/deliveries/msg_1", headers=HTMX).status_code == 204
    with service.store.read() as connection:
        assert connection.scalar(select(outbox.c.state)) == "due"


def test_filters_narrow_the_list_and_pages_turn(page: Page) -> None:
    service, client = page
    said = [Complaint(f"c{n}", f"第{n}箱水果烂了", NOON - timedelta(hours=n), channel="APP") for n in range(60)]
    service.intake.accept([*said, Complaint("slow", "客服态度差，一直推诿", NOON, channel="电话")])

    def listed(**query: str) -> set[str]:
        return set(re.findall(r'href="/page/complaint/([^"]+)"', client.get("/page/complaints", params=query).text))

    assert len(listed()) == 50
    assert len(listed(page="2")) == 11
    assert listed(channel="电话") == {"slow"}
    assert listed(search="态度") == {"slow"}
    assert listed(ids="c3,c4,nobody") == {"c3", "c4"}
    assert listed(since="2026-10-14", channel="APP") == {f"c{n}" for n in range(13)}  # since midnight in Shanghai
    assert listed(until="2026-10-12") == {f"c{n}" for n in range(37, 60)}
    assert listed(status="overdue") == set()
    client.post("/page/complaint/slow", data={"status": "resolved"})
    assert "slow" not in listed(status="unhandled")
    assert "时间看不懂" in client.get("/page/complaints", params={"since": "昨天"}).text


def test_handling_a_complaint_is_written_down(troubled: Page) -> None:
    service, client = troubled
    before = stored(service, "m0")
    other = next(d for d in ("物流部", "财务部") if d != before.department)
    assert client.post("/page/complaint/m0", data={"department": other}, headers=HTMX).status_code == 422
    assert stored(service, "m0").department == before.department
    change = {"department": other, "why": "仓库的责任"}
    assert client.post("/page/complaint/m0", data=change, headers=HTMX).status_code == 204
    client.post("/page/complaint/m0", data={"now": "first_response_at"})
    client.post("/page/complaint/m0", data={"status": "closed", "satisfaction": "4", "resolution": "已退款"})
    after = stored(service, "m0")
    assert (after.department, after.handovers, after.satisfaction) == (other, 1, 4)
    assert after.first_response_at == after.resolved_at == milliseconds(NOON)
    shown = client.get("/page/complaint/m0").text
    assert "仓库的责任" in shown
    assert f'人工改正为：<span class="badge good">{other}</span>' in shown
    assert client.post("/page/complaint/m0", data={"satisfaction": "6"}).status_code == 422
    assert client.get("/page/complaint/post/1").status_code == 200  # an id may hold a slash


def test_the_review_queue_confirms_and_corrects(page: Page) -> None:
    service, client = page
    service.intake.accept([Complaint("odd", "今天天气不错，路口的红绿灯什么时候修", NOON)])
    assert stored(service, "odd").accepted is False
    assert 'action="/page/review/odd"' in client.get("/page/review").text
    shown = client.post("/page/review/odd", data={"choice": "服务质量", "department": "客服部"}, headers=HTMX)
    assert (shown.status_code, shown.text) == (200, "")
    after = stored(service, "odd")
    assert (after.category, after.department, after.accepted) == ("服务质量", "客服部", True)
    assert 'action="/page/review/odd"' not in client.get("/page/review?order=unsure").text
    with service.store.read() as connection:
        fields = set(connection.scalars(select(audit.c.field).where(audit.c.complaint == "odd")))
    assert "accepted" in fields


def test_hostile_words_stay_words(page: Page) -> None:
    service, client = page
    service.intake.accept([Complaint('x"><script>', HOSTILE, NOON, channel="<b>", product='"><i>', region="<u>")])
    for path in (
        "/",
        "/page/complaints",
        "/page/review",
        '/page/complaint/x"><script>',
        "/page/complaints?search=<script>",
    ):
        shown = client.get(path)
        assert shown.status_code == 200
        assert not re.search(r"<script>|<img|<i>|<u>|<b>\"", shown.text), path
        assert "{{ 7*7 }}" in shown.text or "search=" in path
        assert "'unsafe-inline'" not in shown.headers["content-security-policy"]
    assert "<script>alert" not in client.post("/page/try", data={"text": HOSTILE}).text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
    ],
)
def test_another_site_cannot_act(troubled: Page, headers: dict[str, str]) -> None:
    service, client = troubled
    group = incident_of(service, "group")
    for path in (
        f"/page/incident/acknowledge/{group}",
        "/page/demo",
        "/page/complaint/m0",
        "/page/upload/x",
        "/page/try",
    ):
        assert client.post(path, headers=headers, data={"text": "x"}).status_code == 403
    with service.store.read() as connection:
        assert connection.scalar(select(incident.c.acknowledged_at).where(incident.c.id == group)) is None
    own = {"Origin": str(client.base_url), "Sec-Fetch-Site": "same-origin", **HTMX}
    assert client.post(f"/page/incident/acknowledge/{group}", headers=own).status_code == 204


def test_everything_the_browser_loads_is_our_own(troubled: Page) -> None:
    service, client = troubled
    for path in ("/", f"/page/incident/{incident_of(service, 'exposure')}", "/page/start"):
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', client.get(path).text)
        assert len(loaded) >= 4
        for address in loaded:
            answer = client.get(address)
            assert address.startswith("/static/")
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
    assert client.get("/static/..%2Fbase.html").status_code == 404


def test_every_page_answers_when_empty_and_when_full(troubled: Page, open_at: Callable[..., Service]) -> None:
    paths = (
        "incidents",
        "incidents?resolved=1",
        "complaints",
        "review",
        "deliveries",
        "models",
        "reports",
        "start",
        "chart",
        "demo",
    )
    _, client = troubled
    shown = {path: client.get(f"/page/{path}") for path in paths}
    assert {answer.status_code for answer in shown.values()} == {200}
    assert "/reports/2026-10?format=html" in shown["reports"].text
    assert "macro-F1" in shown["models"].text
    with running(open_at(Clock(), "empty", evaluator=False, sender=False, bundle=None)) as url:
        for path in paths:
            assert httpx.get(f"{url}/page/{path}", trust_env=False).status_code == 200


def test_the_head_line_reads_no_complaint_itself(page: Page) -> None:
    """Counting must stay on indexes: at 100,000 complaints a scan of the texts costs a tenth of a second."""
    service, client = page
    service.intake.accept([Complaint("one", "快递慢", NOON)])
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and "count(" in statement and "FROM complaint" in statement:
            cursor = connection.connection.cursor()
            plans.extend(f"{row[3]}" for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))

    event.listen(service.store.engine, "before_cursor_execute", explain)
    assert client.get("/page/live").status_code == 200
    counts = [plan for plan in plans if "complaint" in plan]
    assert counts
    assert all("COVERING INDEX" in plan for plan in counts), counts


@pytest.mark.parametrize(
    ["data", "says"],
    [
        [b"text,n\n\x80\xff\x80,\xff\n", "UTF-8、UTF-16 或 GBK"],
        [b"", "是空文件"],
        ["内容,备注\n".encode(), "只有表头"],
        ["编号,备注\n1,2\n".encode(), "里找不到投诉内容列（现有：编号、备注）"],
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_chinese(server: httpx.Client, data: bytes, says: str) -> None:
    page = server.post("/page/upload", files={"file": ("坏文件.csv", data)}, headers={"HX-Request": "true"})
    assert page.status_code == 200
    assert says in page.text
