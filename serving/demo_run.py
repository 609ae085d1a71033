"""`kesu demo`: a server on a store of its own, a receiver that checks signatures, and the demo between them."""

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from serving.demo import start_demo
from serving.receiver import Receiver
from serving.requests import WebhookIn
from serving.run import running
from serving.service import open_service
from serving.settings import read_settings
from serving.supervision import add_webhook

__all__ = ["run_demo"]

WORDS = {"group": "群体投诉", "exposure": "社交媒体曝光", "repeat": "重复投诉", "volume": "量升"}
PATIENCE = 60.0  # seconds beyond the playing time


def run_demo(seconds: float, say: Callable[[str], object]) -> set[str]:
    """Play the demo and say each alert as it arrives; returns the kinds of alerts that arrived with a good signature.

    Ends as soon as a group complaint and a social exposure arrived, or when the time is over.
    """
    receiver = Receiver()
    receiver.start()
    found: set[str] = set()
    shown = 0
    with tempfile.TemporaryDirectory(prefix="kesu-demo-") as folder:
        real = read_settings()
        url = f"sqlite:///{Path(folder) / 'demo.db'}"
        settings = read_settings({}, database_url=url, bundle=real.bundle_folder, webhook_allow="127.0.0.0/8")
        service = open_service(settings)
        receiver.secret = add_webhook(service, WebhookIn(url=receiver.url))["secret"]
        say(f"receiver on {receiver.url}, checking every signature")
        with running(service):
            start_demo(service, seconds)
            until = time.monotonic() + seconds + PATIENCE
            while time.monotonic() < until and not {"group", "exposure"} <= found:
                for identity in receiver.order[shown:]:
                    body = receiver.received[identity]
                    data = body["data"]
                    found.add(data["kind"])
                    kind, terms = WORDS.get(data["kind"], data["kind"]), "、".join(data["terms"][:4])
                    said = f"{kind} {data['severity']}: {data['customers']} customers, {terms}"
                    say(f"{body['type']:18s} {said}  [{identity}]")
                    shown += 1
                threading.Event().wait(0.2)
    receiver.stop()
    say(f"{shown} signed alerts arrived, {receiver.refused} refused")
    return found
