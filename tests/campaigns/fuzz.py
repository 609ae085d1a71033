"""Hostile requests against a live server: no answer may be a 5xx, and nothing sent may stand in an error.

python -m tests.campaigns.fuzz --requests 10000 --bundle data/bundles/current
"""

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.campaigns.server import ServerProcess

MARK = "绝密标记七七"  # stands in hostile bodies; an error that repeats it would leak what people write
WORDS = (
    "快递",
    "\x00",
    "\ud800",
    "😀",
    "𠮷",
    "ａ１",
    "﷽" * 20,
    " ",
    "\u200b",
    "總結(jié)",
    "\u202e",
    "\n",
    "=cmd|' /C calc'!A0",
    "<script>",
)


def text(chance: random.Random) -> str:
    return "".join(chance.choice(WORDS) for _ in range(chance.randrange(0, 60)))


def value(chance: random.Random, depth: int = 0) -> object:
    choices: list[Callable[[], object]] = [
        lambda: text(chance),
        lambda: chance.choice(
            [None, True, False, 0, -1, 2**63, 2**63 - 1, -(2**70), 10**400, 1.5, float("nan"), float("inf")]
        ),
        lambda: MARK * chance.randrange(1, 30),
        lambda: "长" * chance.choice([1, 1000, 20_000, 20_001, 100_000]),
        lambda: chance.choice(["2026-10-05T10:00:00+08:00", "9999-99-99", "0001-01-01T00:00:00", "昨天", "1e999"]),
    ]
    if depth < 3:
        choices.append(lambda: [value(chance, depth + 1) for _ in range(chance.randrange(4))])
        choices.append(lambda: {text(chance) or "k": value(chance, depth + 1) for _ in range(chance.randrange(4))})
    return chance.choice(choices)()


FIELDS = ("text", "id", "customer", "channel", "time", "product", "region", "social", "title", "unknown")


def body(chance: random.Random) -> bytes:
    """One hostile body: broken JSON, broken UTF-8, or JSON of the wrong or strange content."""
    kind = chance.randrange(10)
    if kind == 0:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(200)))
    if kind == 1:
        return json.dumps({"text": "快递丢了" * 5}, ensure_ascii=False).encode("gb18030")
    if kind == 2:
        return b"[" * chance.choice([5, 500, 50_000])
    one = {f: value(chance) for f in FIELDS if chance.random() < 0.4}
    if chance.random() < 0.5:
        one["text"] = "快递三天没动静" + text(chance)
    if kind == 3:
        one["social"] = {"platform": "微博", "views": value(chance), "likes": value(chance)}
    whole: object = [one, value(chance), one] if kind == 4 else one
    return json.dumps(whole, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


PATHS = (
    "/complaints?limit=99999999999999999999",
    "/complaints?since=x",
    "/complaints/%00",
    "/complaints/a%2Fb",
    "/complaints?search=%25%27%22",
    "/incidents/none",
    "/incidents?status=x",
    "/reports/2026-13",
    "/reports/十月",
    "/reports/0000-01",
    "/reports/9999-12",
    "/reports/2026-10?format=html",
    "/deliveries?state=due",
    "/models",
    "/nothing",
    "/%ff",
    "/",
    "/page/incident/x",
    "/page/complaints?page=-1",
    "/page/complaints?since=abc",
    "/page/complaints?page=99999999999999999999",
)


def request(chance: random.Random) -> tuple[str, str, bytes | None, dict[str, str]]:
    """Method, path, body and headers."""
    if chance.random() < 0.75:
        headers = {
            "content-type": chance.choice(["application/json", "text/plain", "application/x-www-form-urlencoded"])
        }
        if chance.random() < 0.2:
            headers["idempotency-key"] = chance.choice(["k1", "k2", "a b", "x" * 300])
        query = chance.choice(["", "?record=false", "?explain=true", "?record=maybe", "?record=false&explain=true"])
        return "POST", f"/classify{query}", body(chance), headers
    path = chance.choice(PATHS)
    if chance.random() < 0.3:
        path = chance.choice(["/webhooks", "/silences", "/incidents/x/verdict", "/incidents/x/resolve"])
        return "POST", path, body(chance), {"content-type": "application/json"}
    if chance.random() < 0.2:
        return "PATCH", "/complaints/load-1", body(chance), {"content-type": "application/json"}
    return "GET", path, None, {}


def campaign(requests: int, bundle: Path, seed: int) -> int:
    """Send them; prints the statuses and returns how many answers broke a promise."""
    chance = random.Random(seed)
    statuses: Counter[int] = Counter()
    broken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kesu-fuzz-") as name:
        server = ServerProcess(Path(name), bundle, KESU_SENDER="false")
        server.start()
        with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
            for number in range(requests):
                method, path, content, headers = request(chance)
                answer = client.request(method, path, content=content, headers=headers)
                statuses[answer.status_code] += 1
                if answer.status_code >= 500:
                    broken.append(
                        f"{number}: {method} {path} {answer.status_code} {answer.text[:200]} {(content or b'')[:300]!r}"
                    )
                elif answer.status_code >= 400 and MARK in answer.text:
                    broken.append(f"{number}: {method} {path} {answer.status_code} repeats what was sent")
            alive = client.get("/healthz").status_code == 200
        server.stop()
        if broken or not alive:
            print((server.folder / "server.log").read_text(encoding="utf-8", errors="replace")[-3000:])
    for line in broken[:10]:
        print("BROKEN", line)
    print(
        f"{requests} hostile requests, answers {dict(sorted(statuses.items()))}, alive: {alive}: {len(broken)} broken"
    )
    return len(broken) + (not alive)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--bundle", type=Path, default=Path("data/bundles/current"))
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    given = parser.parse_args()
    print(json.dumps({"seed": given.seed}))
    raise SystemExit(1 if campaign(given.requests, given.bundle, given.seed) else 0)
