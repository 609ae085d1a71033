"""Who may do what: keys with a role, and the gate before every request.

Until the first key exists the server answers its own machine only. A page is opened with the key as the password of
the browser's own log-in window; systems send `Authorization: Bearer KEY`. Keys are stored as hashes.
"""

import hashlib
import json
import secrets
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from sqlalchemy import insert, select, update

from model.errors import DataError
from serving.problems import problem_body
from serving.schema import api_key
from serving.store import Store, milliseconds, utc_now

__all__ = ["ROLES", "Gate", "add_key", "list_keys", "may", "revoke_key"]

ROLES = ("intake", "supervisor", "scientist", "admin")
OPEN = ("/healthz", "/readyz", "/static/")
LOOK_AGAIN = timedelta(seconds=1)
READS = frozenset({"GET", "HEAD", "OPTIONS"})


def may(role: str, method: str, path: str) -> bool:
    """Whether a role may make a call.

    intake sends complaints; scientist reads, classifies and chooses models; supervisor does all but receivers and
    models; admin does everything.

    >>> may("intake", "POST", "/classify"), may("intake", "GET", "/complaints"), may("supervisor", "POST", "/webhooks")
    (True, False, False)
    """
    if role == "admin":
        return True
    if method == "POST" and path == "/classify":
        return True
    if role == "intake":
        return False
    if method in READS:
        return not path.startswith("/webhooks")
    if role == "scientist":
        return path.removeprefix("/page").startswith("/models/")
    return not path.removeprefix("/page").startswith(("/webhooks", "/models", "/deliveries"))


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def add_key(store: Store, name: str, role: str) -> str:
    """Make a key and return it; only its hash is kept. Raises DataError for an unknown role."""
    if role not in ROLES:
        raise DataError(f"there is no role {role}: choose one of {', '.join(ROLES)}")
    key = "kesu_" + secrets.token_urlsafe(24)
    row = {"id": "key-" + secrets.token_hex(4), "hash": hashed(key), "name": name, "role": role}
    with store.write() as connection:
        connection.execute(insert(api_key).values(**row, created_at=milliseconds(utc_now())))
    return key


def list_keys(store: Store) -> list[dict[str, Any]]:
    """Every key without its secret: id, name, role, when made, when revoked (ms)."""
    columns = (api_key.c.id, api_key.c.name, api_key.c.role, api_key.c.created_at, api_key.c.revoked_at)
    with store.read() as connection:
        return [dict(r._mapping) for r in connection.execute(select(*columns).order_by(api_key.c.created_at))]


def revoke_key(store: Store, identity: str) -> None:
    """End a key. Raises DataError when there is none with this id. The gate stays shut though no key is left."""
    with store.write() as connection:
        ended = update(api_key).where(api_key.c.id == identity).values(revoked_at=milliseconds(utc_now()))
        if connection.execute(ended).rowcount != 1:
            raise DataError(f"there is no key {identity}: kesu keys list shows them")


class Gate:
    """ASGI: lets a request pass, or answers 401 or 403 itself."""

    def __init__(self, app: Any, store: Store, clock: Callable[[], datetime] = utc_now) -> None:
        self.app = app
        self.store = store
        self.clock = clock
        self.guarded = False  # a key exists; it never becomes false again
        self.looked: datetime | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"].startswith(OPEN):
            await self.app(scope, receive, send)
            return
        refusal = self.refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send)
            return
        status, detail = refusal
        headers = [(b"content-type", b"application/problem+json")]
        if status == 401:
            headers.append((b"www-authenticate", b'Basic realm="kesu", charset="UTF-8"'))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(problem_body(status, detail)).encode()})

    def refusal(self, scope: dict[str, Any]) -> tuple[int, str] | None:
        """None when the request may pass, else a status and a sentence."""
        headers = dict(scope["headers"])
        host, origin = headers.get(b"host", b"").decode("latin-1"), headers.get(b"origin", b"").decode("latin-1")
        if origin and scope["method"] not in READS and origin.partition("://")[2] != host:
            return 403, "a page of another site may not do this: open kesu's own page"
        given = key_in(headers.get(b"authorization", b"").decode("latin-1"))
        if not self.guarded and not given:
            self.guarded = self.any_key()
            if not self.guarded:
                client = scope.get("client") or ("", 0)
                if is_here(client[0]) and is_here(host_name(host)):
                    return None
                return 403, "only this machine may ask until a key exists: run kesu keys add NAME --role admin"
        if not given:
            return 401, "send a key: Authorization: Bearer KEY"
        role = self.role_of(given)
        if role is None:
            return 401, "this key is unknown or revoked: ask the administrator for another"
        if not may(role, scope["method"], scope["path"]):
            return 403, f"the role {role} may not do this: ask the administrator"
        return None

    def any_key(self) -> bool:
        """Whether a key exists; the store is asked once a second at most."""
        now = self.clock()
        if self.looked is not None and now - self.looked < LOOK_AGAIN:
            return False
        self.looked = now
        with self.store.read() as connection:
            return connection.execute(select(api_key.c.id).limit(1)).first() is not None

    def role_of(self, key: str) -> str | None:
        query = select(api_key.c.role).where(api_key.c.hash == hashed(key), api_key.c.revoked_at.is_(None))
        with self.store.read() as connection:
            role: str | None = connection.scalar(query)
        return role


def key_in(authorization: str) -> str:
    """The key of a Bearer header, or the password of a Basic one; blank when there is neither.

    >>> key_in("Bearer kesu_x"), key_in("Basic OmtleQ==")
    ('kesu_x', 'key')
    """
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return b64decode(value, validate=True).decode().partition(":")[2]
        except (Base64Error, ValueError):
            return ""
    return ""


def host_name(host: str) -> str:
    return host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host


def is_here(host: str) -> bool:
    """Whether a name or address means this machine.

    >>> is_here("127.0.0.1"), is_here("localhost"), is_here("[::1]"), is_here("evil.example")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
