"""Who may do what: until a key exists only this machine, then route by role."""

import httpx
import pytest

from model.errors import DataError
from serving.auth import Gate, add_key, list_keys, may, revoke_key
from serving.service import Service
from tests.conftest import Clock

ROUTES = [
    ("POST", "/classify", {"intake", "supervisor", "scientist", "admin"}),
    ("GET", "/complaints", {"supervisor", "scientist", "admin"}),
    ("PATCH", "/complaints/x", {"supervisor", "admin"}),
    ("GET", "/incidents", {"supervisor", "scientist", "admin"}),
    ("POST", "/incidents/x/verdict", {"supervisor", "admin"}),
    ("POST", "/silences", {"supervisor", "admin"}),
    ("GET", "/webhooks", {"admin"}),
    ("POST", "/webhooks", {"admin"}),
    ("POST", "/deliveries/x/replay", {"admin"}),
    ("POST", "/page/deliveries/x/replay", {"admin"}),
    ("POST", "/page/incidents/x/acknowledge", {"supervisor", "admin"}),
    ("POST", "/models/promote", {"scientist", "admin"}),
    ("GET", "/reports/2026-10", {"supervisor", "scientist", "admin"}),
]


@pytest.mark.parametrize(["method", "path", "allowed"], ROUTES)
def test_route_by_role(method: str, path: str, allowed: set[str]) -> None:
    assert {role for role in ("intake", "supervisor", "scientist", "admin") if may(role, method, path)} == allowed


def scope(
    client: str = "127.0.0.1", host: str = "127.0.0.1:8000", method: str = "GET", **headers: str
) -> dict[str, object]:
    pairs = [(k.encode(), v.encode()) for k, v in {"host": host, **headers}.items()]
    return {"type": "http", "path": "/complaints", "method": method, "headers": pairs, "client": (client, 9)}


def test_without_keys_only_this_machine_may_ask(service: Service) -> None:
    gate = Gate(None, service.store)
    assert gate.refusal(scope()) is None
    for other in (scope(client="192.0.2.7"), scope(host="kesu.example.com"), scope(host="evil.example:8000")):
        refusal = gate.refusal(other)
        assert refusal is not None
        assert refusal[0] == 403


def test_a_page_of_another_site_may_not_write(service: Service) -> None:
    gate = Gate(None, service.store)
    assert gate.refusal(scope(method="POST", origin="http://127.0.0.1:8000")) is None
    refusal = gate.refusal(scope(method="POST", origin="https://evil.example"))
    assert refusal is not None
    assert refusal[0] == 403


def test_from_the_first_key_on_everybody_needs_one(service: Service, server: httpx.Client, clock: Clock) -> None:
    assert server.get("/complaints").status_code == 200
    key = add_key(service.store, "入口", "intake")
    clock.move(seconds=2)
    assert server.get("/complaints").status_code == 401
    assert server.get("/healthz").status_code == 200
    mine = {"Authorization": f"Bearer {key}"}
    assert server.post("/classify", json={"text": "快递丢了没人管"}, headers=mine).status_code == 200
    assert server.get("/complaints", headers=mine).status_code == 403
    admin = add_key(service.store, "管理员", "admin")
    assert server.get("/complaints", auth=("", admin)).status_code == 200
    revoke_key(service.store, list_keys(service.store)[0]["id"])
    assert server.post("/classify", json={"text": "快递丢了没人管"}, headers=mine).status_code == 401


def test_keys_are_not_kept_and_bad_roles_refused(service: Service) -> None:
    key = add_key(service.store, "a", "admin")
    assert key not in str(list_keys(service.store))
    with pytest.raises(DataError, match="supervisor"):
        add_key(service.store, "a", "root")
    with pytest.raises(DataError, match="key-none"):
        revoke_key(service.store, "key-none")
