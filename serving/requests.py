"""What callers may send: bounded types, checked before anything else sees them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from model.complaint import SHANGHAI
from serving.intake import Refusal
from serving.problems import Problem, words_of
from serving.store import milliseconds

__all__ = ["ComplaintIn", "Patch", "PromoteIn", "SilenceIn", "SocialIn", "VerdictIn", "WebhookIn", "Who", "parse_batch"]

LARGEST = 2**53  # beyond it other languages round


def printable(value: str) -> str:
    """Refuse what a database or a log cannot hold: control characters and halves of a surrogate pair."""
    if any(c < " " or "\ud800" <= c <= "\udfff" or c == "\x7f" for c in value):
        raise ValueError("has control characters or broken Unicode: send plain text")
    return value


def in_century(value: datetime) -> datetime:
    if not 1990 <= value.year <= 2100:
        raise ValueError("the year is not between 1990 and 2100: send ISO 8601, e.g. 2026-10-05T14:00:00+08:00")
    return value


Word = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
Short = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(printable)]
Note = Annotated[str, Field(max_length=2000), AfterValidator(printable)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
When = Annotated[datetime, AfterValidator(in_century)]
Body = ConfigDict(extra="forbid", allow_inf_nan=False)


class SocialIn(BaseModel):
    """How far a public post has come; counts are totals."""

    model_config = Body
    platform: Short
    url: Annotated[str, Field(max_length=2000), AfterValidator(printable)] | None = None
    followers: Count = 0
    reposts: Count = 0
    likes: Count = 0
    views: Count = 0


class ComplaintIn(BaseModel):
    """One complaint. `text` is checked by the intake, which knows its limit."""

    model_config = Body
    text: str
    title: Annotated[str, Field(max_length=500), AfterValidator(printable)] | None = None
    id: Word | Annotated[int, Field(ge=-LARGEST, le=LARGEST)] | None = None
    customer: Word | None = None
    channel: Short | None = None
    time: When | None = None
    product: Word | None = None
    region: Word | None = None
    social: SocialIn | None = None


class Who(BaseModel):
    """Who acts, for the record."""

    model_config = Body
    who: Word = "supervisor"


class PromoteIn(Who):
    """A bundle by the name of its folder on the shelf."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")]


class VerdictIn(Who):
    """What people found an incident to be."""

    verdict: Literal["属实", "误报", "已知"]
    note: Note | None = None


class SilenceIn(BaseModel):
    """Tell nobody about what matches until a time; author and reason are kept."""

    model_config = Body
    author: Word
    reason: Word
    until: When
    incident: Word | None = None
    kind: Word | None = None
    category: Word | None = None
    department: Word | None = None


class WebhookIn(BaseModel):
    """A receiver. `filter` narrows what it is told: kinds, and the least severity."""

    model_config = Body
    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s/]+"), AfterValidator(printable)]
    kind: Literal["standard"] = "standard"
    secret: Annotated[str, Field(max_length=400, pattern=r"^whsec_[A-Za-z0-9+/=]{24,}$")] | None = None
    filter: "Filter | None" = None


class Filter(BaseModel):
    """Which alerts a receiver wants; nothing set means all."""

    model_config = Body
    kinds: list[Literal["group", "repeat", "exposure", "volume", "topic", "rule"]] | None = None
    severity: Literal["notice", "warning", "severe"] | None = None
    department: Word | None = None


class Patch(BaseModel):
    """Fields of a complaint's handling. `department` is 改派; `category` and the others are corrections."""

    model_config = Body
    who: Word = "operator"
    why: Note | None = None
    status: Literal["open", "in_progress", "resolved", "closed"] | None = None
    first_response_at: When | None = None
    resolved_at: When | None = None
    told_at: When | None = None
    satisfaction: Annotated[int, Field(ge=1, le=5)] | None = None
    overdue_reason: Note | None = None
    resolution: Note | None = None
    category: Word | None = None
    department: Word | None = None
    sentiment: Word | None = None
    pain_point: Word | None = None

    def values(self, now: int) -> dict[str, Any]:
        """The columns to set. Resolving without a time means now."""
        out: dict[str, Any] = {}
        for name in self.model_fields_set - {"who", "why"}:
            value = getattr(self, name)
            if isinstance(value, datetime):
                value = milliseconds(value if value.tzinfo else value.replace(tzinfo=SHANGHAI))
            out[name] = value
        if out.get("status") in ("resolved", "closed"):
            out.setdefault("resolved_at", now)
        return out


def parse_batch(raw: bytes, most: int) -> tuple[bool, list[ComplaintIn | Refusal]]:
    """Whether the body is one complaint, and its complaints with a refusal in the place of each bad one.

    Raises Problem 422 for a body that is no JSON object or list, 413 for a list longer than `most`.
    """
    try:
        body = from_json(raw, allow_inf_nan=False)
    except ValueError:
        raise Problem(
            422, "the body is not valid JSON in UTF-8: send an object with `text`, or a list of them"
        ) from None
    if isinstance(body, dict):
        return True, [one_complaint(body)]
    if not isinstance(body, list):
        raise Problem(422, "the body is neither an object nor a list: send an object with `text`, or a list of them")
    if len(body) > most:
        raise Problem(413, f"the list has {len(body)} complaints, {most} are allowed: send several lists")
    return False, [one_complaint(item) for item in body]


def one_complaint(body: Any) -> ComplaintIn | Refusal:
    try:
        return ComplaintIn.model_validate(body)
    except ValidationError as error:
        return Refusal(422, words_of(error.errors(include_input=False, include_url=False)))
