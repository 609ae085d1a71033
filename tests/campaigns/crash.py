"""kill -9 under load: is every acknowledged complaint there, and was every decided alert told?

    python -m tests.campaigns.crash --kills 20 --bundle data/bundles/current

Writers post complaints with ids of their own and remember what was acknowledged. In every round one matter is planted:
some customers complain about one thing. Texts are of random characters: this is about losing nothing, not about
language. The checker reads the database file by itself and believes nothing else.
"""

import argparse
import json
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from serving.receiver import Receiver
from tests.campaigns.checker import check
from tests.campaigns.server import ServerProcess

WRITERS = 3
PLANTED = 6  # customers of a planted matter
ALPHABET = [chr(code) for code in range(0x4E00, 0x9000)]


class Writers:
    """Posts until told to stop, through crashes; remembers each acknowledged id with its answer."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.seed = seed
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.refused: list[int] = []
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.planted: list[list[dict[str, Any]]] = []
        self.queue: list[dict[str, Any]] = []
        self.threads = [threading.Thread(target=self.write, args=(n,)) for n in range(WRITERS)]

    def plant(self, number: int) -> None:
        """Queue one matter's complaints for the writers."""
        chance = random.Random(f"{self.seed}/matter/{number}")
        words = ["".join(chance.choices(ALPHABET, k=5)) for _ in range(2)]  # what no other complaint says
        bodies = [
            {
                "id": f"matter-{number}-{n}",
                "text": f"{words[0]}，{words[1]}，{''.join(chance.choices(ALPHABET, k=6))}",
                "customer": f"客户{number}-{n}",
            }
            for n in range(PLANTED)
        ]
        with self.lock:
            self.planted.append(bodies)
            self.queue += bodies

    def next(self, chance: random.Random, number: str) -> dict[str, Any]:
        with self.lock:
            if self.queue and chance.random() < 0.2:
                return self.queue.pop(0)
        text = "".join(chance.choices(ALPHABET, k=chance.randrange(10, 40)))  # a matter of its own each
        return {"id": f"load-{number}", "text": text, "customer": f"甲{chance.randrange(10**7)}"}

    def write(self, writer: int) -> None:
        chance = random.Random(f"{self.seed}/{writer}")
        number = 0
        body = self.next(chance, f"{writer}-{number}")
        with httpx.Client(base_url=self.url, trust_env=False, timeout=10) as client:
            while not self.over.is_set() or self.queue:
                try:
                    answer = client.post("/classify", json=body)
                except httpx.TransportError:
                    time.sleep(0.05)  # it was killed: the same complaint goes again when it is back
                    continue
                if answer.status_code == 503:
                    time.sleep(0.05)
                    continue
                with self.lock:
                    if answer.status_code == 200:
                        self.acknowledged[body["id"]] = answer.json()
                    else:
                        self.refused.append(answer.status_code)
                number += 1
                body = self.next(chance, f"{writer}-{number}")


def campaign(kills: int, bundle: Path, seed: int) -> int:
    """Run it; prints what happened and returns the number of broken promises."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="kesu-crash-") as name:
        server = ServerProcess(Path(name), bundle)
        receiver = Receiver()
        receiver.start()
        ready = [server.start()]
        made = httpx.post(f"{server.url}/webhooks", json={"url": receiver.url}, trust_env=False).json()
        receiver.secret = made["secret"]
        writers = Writers(server.url, seed)
        for thread in writers.threads:
            thread.start()
        for kill in range(kills):
            writers.plant(kill)
            time.sleep(chance.uniform(0.05, 1.5))
            server.kill()
            ready.append(server.start())
        writers.over.set()
        for thread in writers.threads:
            thread.join(timeout=60)
        settle(server.url)
        server.stop()
        receiver.stop()
        broken = check(server.database, writers.acknowledged, receiver, [[b["id"] for b in m] for m in writers.planted])
        broken += [f"the server refused with {status}" for status in writers.refused]
        for line in broken[:20]:
            print("BROKEN", line)
        if broken:
            print((server.folder / "server.log").read_text(encoding="utf-8", errors="replace")[-3000:])
    print(
        f"{kills} x kill -9, {len(writers.acknowledged)} acknowledged, {len(receiver.received)} alerts received, "
        f"slowest restart {max(ready):.1f} s: {len(broken)} promises broken"
    )
    return len(broken)


def settle(url: str, patience: float = 120.0) -> None:
    """Wait until everything is evaluated and told."""
    until = time.monotonic() + patience
    names = ("kesu_complaints_unevaluated 0.0", 'kesu_deliveries{state="due"} 0.0')
    calm = 0
    while time.monotonic() < until and calm < 3:
        text = httpx.get(f"{url}/metrics", trust_env=False).text
        calm = calm + 1 if all(name in text for name in names) else 0
        time.sleep(0.3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--bundle", type=Path, default=Path("data/bundles/current"))
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    given = parser.parse_args()
    print(json.dumps({"seed": given.seed}))
    raise SystemExit(1 if campaign(given.kills, given.bundle, given.seed) else 0)
