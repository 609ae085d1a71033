"""Who handles a complaint: the part whose department leads, and the parts that other departments handle beside it."""

from dataclasses import replace

from model.bundle import Prediction
from model.clauses import Part
from model.overlay import RuledVerdict

__all__ = ["assign"]


def assign(prediction: Prediction) -> tuple[Part | None, tuple[Part, ...]]:
    """The leading part, and the parts of other departments in order; None and none where no department is known.

    The part leads that has the department, or else the category, which is accepted for the whole complaint; where
    neither is accepted, the matter named first. A department that a rule set leads whatever the parts say.
    """
    said = prediction.heads.get("department")
    if said is None or not prediction.parts:
        return None, ()
    wanted = [("department", said)] if said.accepted or isinstance(said, RuledVerdict) else []
    category = prediction.heads.get("category")
    if category is not None and category.accepted:
        wanted.append(("category", category))
    found = (part for name, verdict in wanted for part in prediction.parts if getattr(part, name) == verdict.label)
    lead = next(found, prediction.parts[0])
    others = [part for part in prediction.parts if part is not lead]
    if isinstance(said, RuledVerdict):
        lead = replace(lead, department=said.label)
    return lead, tuple(part for part in others if part.department != lead.department)
