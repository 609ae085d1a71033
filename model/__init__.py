"""What kesu knows about complaints: text in; labels, scores, issues and spikes out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model.bundle import Bundle, Prediction, Verdict, load_bundle

__all__ = ["Bundle", "Prediction", "Verdict", "load_bundle"]


def __getattr__(name: str) -> Any:
    # numba takes half a second to import: `from model.errors import …` must not pay for it
    if name in __all__:
        from importlib import import_module

        return getattr(import_module("model.bundle"), name)
    raise AttributeError(f"module 'model' has no attribute {name!r}")
