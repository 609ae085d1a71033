"""What `/classify` answers, and the same as columns to count by."""

import json
from typing import Any

from model.bundle import Prediction, Verdict
from model.exposure import Exposure

__all__ = ["answer_of", "columns_of"]

HEADS = ("category", "department", "sentiment")  # always in an answer, null when the bundle has no such head


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


def answer_of(identity: str, prediction: Prediction | None, exposure: Exposure) -> dict[str, Any]:
    """What `/classify` says about one complaint; the fields are fixed by the contract. No prediction: null heads."""
    heads = prediction.heads if prediction else {}
    answer: dict[str, Any] = {"id": identity} | dict.fromkeys(HEADS)
    answer |= {name: verdict_of(verdict) for name, verdict in heads.items()}
    answer["parts"] = [
        {"span": [p.start, p.end], "category": p.category, "department": p.department}
        for p in (prediction.parts if prediction else ())
    ]
    answer["exposure"] = {
        "stage": exposure.stage,
        "score": round(exposure.score, 4),
        "intents": list(exposure.intents),
        "evidence": [{"span": [e.start, e.end], "text": e.text} for e in exposure.evidence],
    }
    return answer | {
        "issue": None,
        "duplicate_of": None,
        "repeat_of": None,
        "model": prediction.model if prediction else None,
    }


def verdict_of(verdict: Verdict) -> dict[str, Any]:
    out = {
        "label": verdict.label,
        "confidence": round(verdict.confidence, 4),
        "accepted": verdict.accepted,
        "reason": None if verdict.reason is None else str(verdict.reason),
        "alternatives": [{"label": label, "confidence": round(p, 4)} for label, p in verdict.alternatives],
    }
    return out | {"labels": list(verdict.labels)} if len(verdict.labels) > 1 else out
