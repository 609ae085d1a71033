"""Prometheus metrics. Queue lengths and totals are read from the store, so they are right with several workers."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import func, select

from serving.schema import alert, complaint, incident, outbox
from serving.service import Service
from serving.store import milliseconds

__all__ = ["metrics_text"]


def metrics_text(service: Service) -> bytes:
    """The text exposition of every metric, measured now."""
    registry = CollectorRegistry()
    now = milliseconds(service.clock())

    def gauge(name: str, words: str, value: float) -> None:
        Gauge(name, words, registry=registry).set(value)

    with service.store.read() as connection:
        waiting = complaint.c.evaluated.is_(False)
        since = select(func.count(), func.min(complaint.c.received_at)).where(waiting)
        unevaluated, oldest = connection.execute(since).one()
        gauge("kesu_complaints", "complaints stored", connection.scalar(select(func.count(complaint.c.seq))) or 0)
        gauge("kesu_complaints_unevaluated", "complaints the early warning has not seen yet", unevaluated)
        age = (now - oldest) / 1000 if oldest is not None else 0
        gauge("kesu_evaluation_lag_seconds", "age of the oldest of them", max(0, age))
        opened = select(func.count()).select_from(incident).where(incident.c.status != "resolved")
        gauge("kesu_incidents_open", "incidents that are not resolved", connection.scalar(opened) or 0)
        gauge("kesu_alerts", "alerts decided", connection.scalar(select(func.count()).select_from(alert)) or 0)
        counted = connection.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state)).all()
        states = {row[0]: row[1] for row in counted}
        deliveries = Gauge("kesu_deliveries", "messages by state", ["state"], registry=registry)
        for state in ("due", "sent", "dead"):
            deliveries.labels(state).set(states.get(state, 0))
    bundle = service.shelf()
    gauge("kesu_model_loaded", "1 when a model is in use", 1 if bundle else 0)
    text: bytes = generate_latest(registry)
    return text
