"""The store's tables. Times are milliseconds since 1970 in UTC; JSON stands in text columns.

Changing a table means a new file in `migrations/versions/`; a test upgrades an empty store and compares.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

__all__ = [
    "alert",
    "api_key",
    "attempt",
    "audit",
    "complaint",
    "fingerprint",
    "idempotency",
    "incident",
    "lease",
    "metadata",
    "outbox",
    "secret",
    "silence",
    "watch_state",
    "webhook",
]

metadata = MetaData()
Big = BigInteger().with_variant(Integer, "sqlite")

complaint = Table(
    "complaint",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    Column("id", String(200), nullable=False, unique=True),
    Column("body_hash", String(64), nullable=False),  # keyed, so that it cannot be guessed back into the text
    Column("source", String(100), nullable=False),  # api, demo, or import:<digest of the file>
    Column("text", Text, nullable=False),  # masked
    Column("time", Big, nullable=False),  # when it happened
    Column("received_at", Big, nullable=False),
    Column("customer", String(64)),  # keyed hash
    Column("channel", String(50)),
    Column("product", String(200)),
    Column("region", String(200)),
    Column("social", Text),  # JSON of model.complaint.Social
    Column("category", String(100)),
    Column("department", String(100)),
    Column("sentiment", String(100)),
    Column("confidence", Float),  # of the category
    Column("accepted", Boolean),  # category and department both
    Column("stage", String(20), nullable=False),
    Column("pain_point", String(100)),
    Column("answer", Text),  # JSON as it was answered; NULL when stored unclassified
    Column("model", String(80)),
    Column("duplicate_of", String(200)),
    Column("repeat_of", String(200)),
    Column("issue", String(80)),
    Column("evaluated", Boolean, nullable=False, default=False),
    Column("status", String(20), nullable=False, default="open"),  # open, in_progress, resolved, closed
    Column("due_at", Big),
    Column("overdue_reason", Text),
    Column("first_response_at", Big),
    Column("resolved_at", Big),
    Column("told_at", Big),  # the customer was told the outcome
    Column("resolution", Text),
    Column("satisfaction", Integer),  # 1–5
    Column("handovers", Integer, nullable=False, default=0),  # 改派
    Index("complaint_time", "time", "category"),
    Index("complaint_status", "status", "due_at"),
    Index("complaint_review", "accepted", "time"),
    Index("complaint_pending", "evaluated", "time"),
    Index("complaint_customer", "customer", "time"),
    Index("complaint_issue", "issue"),
)

fingerprint = Table(
    "fingerprint",
    metadata,
    Column("band", Big, primary_key=True),
    Column("complaint", String(200), primary_key=True),
    Column("time", Big, nullable=False),
    sqlite_with_rowid=False,
)

audit = Table(
    "audit",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("complaint", String(200), nullable=False, index=True),
    Column("at", Big, nullable=False),
    Column("who", String(200), nullable=False),
    Column("field", String(50), nullable=False),
    Column("old", Text),
    Column("new", Text),
    Column("why", Text),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("answer", Text, nullable=False),
    Column("at", Big, nullable=False),
)

watch_state = Table(
    "watch_state",
    metadata,
    Column("part", String(40), primary_key=True),
    Column("key", String(300), primary_key=True),
    Column("value", Text, nullable=False),
)

incident = Table(
    "incident",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("status", String(20), nullable=False),  # open, growing, escalated, resolved
    Column("severity", String(20), nullable=False),
    Column("opened_at", Big, nullable=False),
    Column("last_at", Big, nullable=False),
    Column("resolved_at", Big),
    Column("customers", Integer, nullable=False),
    Column("category", String(100)),
    Column("department", String(100)),
    Column("parent", String(80)),  # the incident that explains this one
    Column("value", Text, nullable=False),  # JSON of the incident with its evidence
    Column("acknowledged_at", Big),
    Column("acknowledged_by", String(200)),
    Column("verdict", String(20)),  # 属实, 误报, 已知
    Column("verdict_by", String(200)),
    Column("verdict_note", Text),
    Column("resolve_by", String(200)),  # a person asked for it; the evaluator carries it out
    Index("incident_last", "last_at"),
)

alert = Table(
    "alert",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("incident", String(80), ForeignKey("incident.id"), nullable=False, index=True),
    Column("reason", String(20), nullable=False),
    Column("severity", String(20), nullable=False),
    Column("at", Big, nullable=False),
    Column("decided_at", Big, nullable=False),
    Column("line", Text, nullable=False),  # JSON of the alert line
    Column("silenced_by", Integer),
)

webhook = Table(
    "webhook",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("url", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("secret", Text, nullable=False),
    Column("filter", Text),  # JSON: kinds, severity
    Column("created_at", Big, nullable=False),
    Column("stopped_at", Big),
    Column("stopped_why", Text),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", Big, primary_key=True, autoincrement=True),
    Column("id", String(80), nullable=False, unique=True),  # the webhook-id, constant over retries
    Column("webhook", String(40), ForeignKey("webhook.id"), nullable=False),
    Column("alert", String(80), ForeignKey("alert.id")),
    Column("incident", String(80)),  # order is kept within one
    Column("body", Text, nullable=False),
    Column("state", String(10), nullable=False),  # due, sent, dead
    Column("due_at", Big, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("leased_until", Big, nullable=False, default=0),
    Column("lessee", String(80)),
    Column("created_at", Big, nullable=False),
    Column("sent_at", Big),
    Index("outbox_due", "state", "due_at"),
    Index("outbox_order", "webhook", "incident", "seq"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("outbox", String(80), nullable=False, index=True),
    Column("at", Big, nullable=False),
    Column("outcome", String(10), nullable=False),  # sent, again, dead, stop
    Column("status", Integer),
    Column("why", Text, nullable=False),
    Column("took_ms", Integer, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("until", Big, nullable=False),
)

secret = Table(
    "secret", metadata, Column("name", String(40), primary_key=True), Column("value", String(200), nullable=False)
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("created_at", Big, nullable=False),
    Column("revoked_at", Big),
)

silence = Table(
    "silence",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("author", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", Big, nullable=False),
    Column("match", Text, nullable=False),  # JSON: incident, kind, category, department
    Column("created_at", Big, nullable=False),
)
