"""One try to tell a receiver: sign, post, and one pure function that says what the answer means.

Signatures follow Standard Webhooks: `webhook-id` is constant over retries, `webhook-timestamp` is the attempt's,
`webhook-signature` covers id, timestamp and body. Several secrets, separated by a blank, sign several times: that is
how a secret is rotated.
"""

import secrets
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import httpx
from standardwebhooks import Webhook

from serving.address_guard import ForbiddenAddress

__all__ = ["GIVE_UP", "Meaning", "Outcome", "judge", "new_secret", "post", "retry_delay", "sign"]

DELAYS = (0, 5, 15, 30, 60, 120, 300)  # seconds before the nth try; then every 5 minutes
GIVE_UP = 72 * 3600  # seconds after the first try
PASSING = frozenset({408, 425, 429})  # the receiver asks to come again


class Outcome(StrEnum):
    """What became of one try."""

    SENT = "sent"
    AGAIN = "again"
    DEAD = "dead"
    STOP = "stop"  # the receiver is gone for good: the endpoint rests until a person starts it again


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an answer means and why, in words for the page."""

    outcome: Outcome
    why: str
    status: int | None = None
    after: float | None = None  # seconds the receiver asked to wait


def new_secret() -> str:
    """A fresh signing secret in the form the public libraries take."""
    return "whsec_" + b64encode(secrets.token_bytes(24)).decode()


def sign(secret: str, message_id: str, at: datetime, body: str) -> dict[str, str]:
    """The three headers for a body, one signature a secret.

    >>> from datetime import UTC
    >>> headers = sign("whsec_" + "QUJD" * 8, "msg_1", datetime(2026, 10, 1, tzinfo=UTC), "{}")
    >>> headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"][:3]
    ('msg_1', '1790812800', 'v1,')
    """
    signatures = " ".join(Webhook(part).sign(message_id, at, body) for part in secret.split())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signatures,
        "content-type": "application/json",
    }


def judge(status: int, retry_after: str | None = None) -> Meaning:
    """What an HTTP status means: 2xx sent; 408, 425, 429 and 5xx again; 410 stop; all else is dead.

    >>> judge(204).outcome, judge(503).outcome, judge(410).outcome, judge(404).outcome
    (<Outcome.SENT: 'sent'>, <Outcome.AGAIN: 'again'>, <Outcome.STOP: 'stop'>, <Outcome.DEAD: 'dead'>)
    """
    if 200 <= status < 300:
        return Meaning(Outcome.SENT, "已送达", status)
    if status == 410:
        return Meaning(Outcome.STOP, "接收方已停用(410)", status)
    if status in PASSING or status >= 500:
        wait = float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
        return Meaning(Outcome.AGAIN, f"接收方暂时不可用({status})", status, wait)
    return Meaning(Outcome.DEAD, f"接收方拒绝({status})", status)


def post(client: httpx.Client, url: str, headers: dict[str, str], body: str) -> Meaning:
    """Send once and say what it means. Never raises for what a receiver or the network does."""
    try:
        with client.stream("POST", url, content=body.encode(), headers=headers) as response:
            return judge(response.status_code, response.headers.get("retry-after"))
    except ForbiddenAddress as error:
        return Meaning(Outcome.DEAD, f"地址不允许: {error}")
    except httpx.TimeoutException:
        return Meaning(Outcome.AGAIN, "超时")
    except httpx.TransportError as error:
        return Meaning(Outcome.AGAIN, f"连接失败: {type(error).__name__}")
    except (httpx.InvalidURL, UnicodeError, ValueError):
        return Meaning(Outcome.DEAD, "地址无法使用")


def retry_delay(tries: int, chance: float) -> float:
    """Seconds to wait after the nth failed try, with ±20 % jitter; `chance` is uniform in 0–1.

    >>> retry_delay(1, 0.5), retry_delay(99, 0.5)
    (5.0, 300.0)
    """
    return DELAYS[min(tries, len(DELAYS) - 1)] * (0.8 + 0.4 * chance)
