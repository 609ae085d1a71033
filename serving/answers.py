"""What `/classify` answers, and the same as columns to count by."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from model.bundle import Prediction, Verdict
from model.clauses import Part
from model.complaint import Complaint
from model.entities import KINDS, find_entities
from model.exposure import Exposure
from model.lead import assign
from model.overlay import RuledPrediction, RuledVerdict

__all__ = ["answer_of", "columns_of", "explanation_of"]

HEADS = ("category", "department", "sentiment")  # always in an answer, null when the bundle has no such head
MOST_ENTITIES = 100  # of one kind in an answer: a text of 20,000 characters may hold thousands


def columns_of(answer: dict[str, Any]) -> dict[str, Any]:
    """What the answer says, as columns to count by."""

    def label(head: str) -> str | None:
        return (answer.get(head) or {}).get("label")

    verdicts = [answer[h] for h in ("category", "department") if answer.get(h)]
    return {
        "category": label("category"),
        "department": label("department"),
        "sentiment": label("sentiment"),
        "pain_point": label("pain_point"),
        "confidence": verdicts[0]["confidence"] if verdicts else None,
        "accepted": all(v["accepted"] for v in verdicts) if verdicts else None,
        "stage": answer["exposure"]["stage"],
        "answer": json.dumps(answer, ensure_ascii=False),
        "model": answer["model"],
    }


def answer_of(about: Complaint, prediction: Prediction | None, exposure: Exposure) -> dict[str, Any]:
    """What `/classify` says about one masked complaint; the contract fixes its fields. No prediction: null heads."""
    heads = prediction.heads if prediction else {}
    answer: dict[str, Any] = {"id": about.id} | dict.fromkeys(HEADS)
    answer |= {name: verdict_of(verdict) for name, verdict in heads.items()}
    lead, others = assign(prediction) if prediction else (None, ())
    answer["parts"] = [part_of(part) for part in (prediction.parts if prediction else ())]
    answer |= {"lead": lead and part_of(lead), "co_handling": [part_of(part) for part in others]}
    answer["exposure"] = {
        "stage": exposure.stage,
        "score": round(exposure.score, 4),
        "intents": list(exposure.intents),
        "evidence": [{"span": [e.start, e.end], "text": e.text} for e in exposure.evidence],
    }
    answer["entities"] = entities_of(about.text, about.time)
    return answer | {
        "issue": None,
        "duplicate_of": None,
        "repeat_of": None,
        "model": prediction.model if prediction else None,
        **ruling_of(prediction),
        "versions": prediction.versions if prediction else None,
    }


def part_of(part: Part) -> dict[str, Any]:
    return {"span": [part.start, part.end], "category": part.category, "department": part.department}


def ruling_of(prediction: Prediction | None) -> dict[str, Any]:
    """The version of the rules that lay over a prediction, and the rule that sends it to people; null without."""
    if not isinstance(prediction, RuledPrediction):
        return {"rules": None, "review": None}
    review = prediction.review
    return {"rules": prediction.rules, "review": review and {"rule": review.rule.name, "spans": pairs(review.spans)}}


def explanation_of(prediction: Prediction, text: str) -> dict[str, list[dict[str, Any]]]:
    """What carried each head's label, heaviest first; where a rule set it, what tripped the rule."""
    return {
        head: [{"span": [s, e], "weight": round(weight, 4), "text": text[s:e]} for s, e, weight in spans]
        for head, spans in prediction.evidence.items()
    }


def entities_of(text: str, at: datetime) -> dict[str, list[dict[str, Any]] | None]:
    """What a masked text names, by kind, the first hundred of each; null where it names nothing of a kind."""
    found: dict[str, list[dict[str, Any]] | None] = dict.fromkeys(KINDS)
    for entity in find_entities(text, at):
        listed = found[entity.kind]
        if listed is None:
            listed = found[entity.kind] = []
        if len(listed) < MOST_ENTITIES:
            listed.append({"span": [entity.start, entity.end], "text": entity.text, "value": entity.value})
    return found


def verdict_of(verdict: Verdict) -> dict[str, Any]:
    out = {
        "label": verdict.label,
        "confidence": round(verdict.confidence, 4),
        "accepted": verdict.accepted,
        "reason": None if verdict.reason is None else str(verdict.reason),
        "alternatives": [{"label": label, "confidence": round(p, 4)} for label, p in verdict.alternatives],
    }
    if isinstance(verdict, RuledVerdict):
        out |= {"rule": verdict.rule, "spans": pairs(verdict.spans)}
        before = verdict.before
        out["before"] = before and {"label": before[0], "confidence": round(before[1], 4)}
    return out | {"labels": list(verdict.labels)} if len(verdict.labels) > 1 else out


def pairs(spans: Iterable[tuple[int, int]]) -> list[list[int]]:
    return [[start, end] for start, end in spans]
