"""Checks and what they found: a table for people, and of every failure the smallest texts that show it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Check", "Report", "run_check", "short", "smallest"]

_MARK = {True: "passed", False: "FAILED", None: "skipped"}


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found: `passed` is None when it was skipped; `example` are the smallest texts that fail it."""

    name: str
    passed: bool | None
    said: str
    example: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All checks of one classifier; a table in a notebook and in a terminal."""

    checks: tuple[Check, ...]

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if check.passed is False)

    def raise_if_failed(self) -> None:
        """Raise AssertionError that lists the failures, when there are any."""
        if self.failures:
            raise AssertionError("The classifier breaks its contract:\n" + "\n".join(map(_line, self.failures)))

    def __repr__(self) -> str:
        return "\n".join(map(_line, self.checks))

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{_MARK[check.passed]}</td><td>{check.name}</td><td>{escape(_said(check))}</td></tr>"
            for check in self.checks
        )
        return f"<table>{rows}</table>"


def run_check(
    name: str, texts: Sequence[str], broken: Callable[[list[str]], str | None], smallest_too: bool = True
) -> Check:
    """Run one check: `broken` says what is wrong with the answers to some texts, None when nothing is.

    A failure, an exception too, is told with the smallest texts that show it, but for faults that come and go.
    """

    def fault(some: list[str]) -> str | None:
        try:
            return broken(some)
        except Exception as error:
            return f"it raises {type(error).__name__}: {error}"

    said = fault(list(texts))
    if said is None:
        return Check(name, True, f"{len(texts):,} texts")
    few = smallest(lambda some: bool(some) and fault(some) is not None, texts) if smallest_too and texts else []
    return Check(name, False, (fault(few) if few else None) or said, tuple(few))


def smallest(faulty: Callable[[list[str]], bool], texts: Sequence[str], tries: int = 400) -> list[str]:
    """Texts with the fault that `texts` have, as few and as short as `tries` calls find (delta debugging, Zeller 2002).

    >>> smallest(lambda some: any("坏" in text for text in some), ["快递慢", "箱子坏了", "客服差"])
    ['坏']
    """
    left = [tries]

    def still(some: list[str]) -> bool:
        left[0] -= 1
        return left[0] >= 0 and faulty(some)

    kept = _fewer(list(texts), still)
    for at in range(len(kept)):

        def shorter(signs: list[str], at: int = at) -> bool:
            return still([*kept[:at], "".join(signs), *kept[at + 1 :]])

        kept[at] = "".join(_fewer(list(kept[at]), shorter))
    return kept


def _fewer(whole: list[str], still: Callable[[list[str]], bool]) -> list[str]:
    """`whole` without every run of elements that the fault does not need: long runs first, then single elements."""
    size = len(whole)
    while size > 0:
        start = 0
        while start < len(whole):
            rest = whole[:start] + whole[start + size :]
            if len(rest) < len(whole) and still(rest):
                whole = rest
            else:
                start += size
        size //= 2
    return whole


def _line(check: Check) -> str:
    return f"{_MARK[check.passed]:8}{check.name:18}{_said(check)}"


def _said(check: Check) -> str:
    return check.said + (f"; smallest example: {short(list(check.example))}" if check.example else "")


def short(value: object) -> str:
    """A value as a line may show it."""
    said = repr(value)
    return said if len(said) <= 100 else f"{said[:97]}…"
