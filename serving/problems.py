"""Errors over HTTP: RFC 9457 problems, one sentence each, that never repeat what was sent."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from model.errors import BundleError, DataError, KesuError, StoreError, TextError
from serving.intake import Conflict

__all__ = ["Problem", "install_problems", "problem_body", "words_of"]

TITLES = {
    400: "bad request",
    401: "who are you",
    403: "not allowed",
    404: "not found",
    405: "method not allowed",
    409: "conflict",
    413: "too large",
    422: "unusable content",
    429: "too many requests",
    503: "not now",
}


class Problem(KesuError):
    """An answer with a status and one sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def problem_body(status: int, detail: str) -> dict[str, Any]:
    """The body of a problem; inside a list it stands in the place of the bad item."""
    return {"type": "about:blank", "title": TITLES.get(status, "error"), "status": status, "detail": detail}


def words_of(errors: Any) -> str:
    """The first of pydantic's errors as words: where and what, without the value.

    >>> words_of([{"loc": ("body", "social", "likes"), "msg": "Input should be less than 10", "input": "secret"}])
    'social.likes: Input should be less than 10'
    """
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header"))
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def answer(status: int, detail: str) -> JSONResponse:
    headers = (
        {"Retry-After": "1"} if status in (429, 503) else {"WWW-Authenticate": "Bearer"} if status == 401 else None
    )
    return JSONResponse(problem_body(status, detail), status, headers, media_type="application/problem+json")


def install_problems(app: FastAPI) -> None:
    """Let every error of the program leave as a problem."""

    @app.exception_handler(Problem)
    def on_problem(_: Request, error: Exception) -> JSONResponse:
        return answer(error.status, error.detail) if isinstance(error, Problem) else answer(500, "unexpected")

    @app.exception_handler(RequestValidationError)
    def on_invalid(_: Request, error: Exception) -> JSONResponse:
        return answer(422, words_of(error.errors()) if isinstance(error, RequestValidationError) else "unusable")

    @app.exception_handler(HTTPException)
    def on_http(_: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            return answer(500, "unexpected")
        return answer(error.status_code, str(error.detail))

    @app.exception_handler(KesuError)
    def on_ours(_: Request, error: Exception) -> JSONResponse:
        if isinstance(error, Conflict):
            return answer(409, str(error))
        if isinstance(error, TextError | DataError | BundleError):
            return answer(422, str(error))
        if isinstance(error, StoreError):
            return answer(503, "the store does not take writes now: nothing was recorded, send it again")
        return answer(503, str(error))
