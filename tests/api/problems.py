"""Problems that have a test: each one that an endpoint says it may raise must be provoked by a user's request."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

import httpx

from backend.problems import Problem

Test = Callable[..., Awaitable[httpx.Response]]
_proved: set[tuple[object, type[Problem]]] = set()


def refused(problem: type[Problem], *handlers: object) -> Callable[[Test], Callable[..., Awaitable[None]]]:
    """The test returns the answer of one of these handlers, and the answer is this problem with a whole sentence."""
    _proved.update((handler, problem) for handler in handlers)

    def decorate(test: Test) -> Callable[..., Awaitable[None]]:
        @functools.wraps(test)
        async def run(*arguments: Any, **named: Any) -> None:
            answer = await test(*arguments, **named)
            body = answer.json()
            assert (answer.status_code, body["code"]) == (problem.status, problem.code), body
            assert answer.headers["content-type"] == "application/problem+json"
            assert body["detail"] and "{" not in body["detail"] and body["title"] == problem.title
            waits = "retry-after" in answer.headers
            assert waits or answer.status_code != 429
            assert not waits or answer.status_code in (429, 503)

        return run

    return decorate


def without_a_test(module: ModuleType) -> list[str]:
    """Handlers of a module with the problems that no test provokes."""
    return [
        f"{name}: {problem.code}"
        for name, handler in vars(module).items()
        if hasattr(handler, "spec")
        for problem in handler.spec.problems
        if (handler, problem) not in _proved
    ]
