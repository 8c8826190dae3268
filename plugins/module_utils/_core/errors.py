# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can go wrong below the modules, as exceptions whose text is the line that a user reads.

No text and no detail of an error ever holds a credential: errors carry what was asked of the server (method and path,
without the query) and what it answered, not how the request was authenticated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

_UNKNOWN = "Whether the server did it is not known; run again to find out"


class CollectionError(Exception):
    """Base of all errors that a user, a server or a network can cause. ``str(error)`` is one readable line.

    ``changed`` says that something was changed before the failure; ``warnings`` are those of the task until then.
    """

    changed = False
    warnings: Sequence[str] = ()

    def details(self) -> dict[str, Any]:
        """Return further keys for the failed task's result, JSON-able."""
        return {}

    def add(self, sentence: str) -> None:
        """Append what a caller knows about the failure and its user should."""
        self.args = (f"{self.args[0]}. {sentence}",)


class OptionError(CollectionError):
    """An option of the task is wrong. Raised before any request."""

    def __init__(self, option: str, problem: str) -> None:
        self.option = option
        self.problem = problem
        super().__init__(f"{option}: {problem}")


class MissingLibraryError(CollectionError):
    """A Python library that the collection needs is not installed for the Python that runs the module."""

    def __init__(self, library: str, traceback: str) -> None:
        self.library = library
        self.traceback = traceback
        super().__init__(f"the Python library {library} is missing")


class AmbiguousError(CollectionError):
    """More than one object has the identity that the task names, so none may be touched."""

    def __init__(self, message: str, references: Sequence[str]) -> None:
        self.references = list(references)
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        return {"candidates": self.references}


class MissingReferenceError(CollectionError):
    """The task refers to an object that does not exist."""


class RequestError(CollectionError):
    """A request had no usable answer. ``method`` and ``path`` say which request it was."""

    def __init__(self, message: str, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self._unknown = False
        super().__init__(message)

    def __str__(self) -> str:
        return f"{super().__str__()}. {_UNKNOWN}" if self._unknown else super().__str__()

    def mark_outcome_unknown(self) -> None:
        """Say that the server may have done, or may still do, what it was asked for."""
        self._unknown = self.changed = True

    def details(self) -> dict[str, Any]:
        return {"method": self.method, "path": self.path}


class UnreachableError(RequestError):
    """The server was not reached: the request was certainly never acted upon.

    ``permanent`` says that trying again is pointless.
    """

    def __init__(self, message: str, method: str, path: str, permanent: bool = False) -> None:
        self.permanent = permanent
        super().__init__(message, method, path)


class UntrustedError(RequestError):
    """TLS failed: the certificate is not trusted, or no common protocol exists. Never tried again."""


class DeadlineError(RequestError):
    """The time that the task may take is used up. ``sent`` says that the server may have acted on the request."""

    def __init__(self, message: str, method: str, path: str, sent: bool = False) -> None:
        self.sent = sent
        super().__init__(message, method, path)


class ContractError(RequestError):
    """The server answered something that its API does not allow for."""


class ApiError(RequestError):
    """The server answered with an error status.

    ``status`` is the HTTP status, ``errors`` a list of ``{"token", "message"}``, ``request_id`` the X-Request-Id
    or None.
    """

    def __init__(
        self,
        message: str,
        method: str,
        path: str,
        status: int,
        errors: Sequence[Mapping[str, str]] = (),
        request_id: str | None = None,
    ) -> None:
        self.status = status
        self.errors = [dict(error) for error in errors]
        self.request_id = request_id
        super().__init__(message, method, path)

    def has(self, text: str) -> bool:
        """Say whether a token or message of the answer contains ``text``, in any case."""
        wanted = text.lower()
        return any(wanted in f"{error['token']} {error['message']}".lower() for error in self.errors)

    def details(self) -> dict[str, Any]:
        return {**super().details(), "status": self.status, "errors": self.errors, "request_id": self.request_id}


@contextmanager
def found_before(title: str) -> Iterator[None]:
    """Let a 404 to a request within say that the object, of a kind called ``title``, was found before it."""
    try:
        yield
    except ApiError as error:
        if error.status == 404:
            error.add(f"The {title} was found just before, so somebody else has probably deleted it")
        raise


@contextmanager
def looked_for_after(ended: str, may_be_done: bool) -> Iterator[None]:
    """Let the error of a look within tell of the request before it: how it ``ended``, and whether it may be done."""
    try:
        yield
    except RequestError as error:
        error.add(f"It was looked for after {ended}")
        if may_be_done:
            error.mark_outcome_unknown()
        raise


class UnknownOutcomeError(RequestError):
    """A request that is not safe to repeat ended without saying whether the server acted.

    ``cause`` is the error itself; ``transient`` says whether trying again makes sense once a look-up has shown that
    the server did not act (a broken connection: yes, a plain 500: no). ``late`` says that the server may still be
    at it, so that not even a look-up tells.
    """

    def __init__(self, cause: RequestError, transient: bool, late: bool = False) -> None:
        self.cause = cause
        self.transient = transient
        self.late = late
        super().__init__(str(cause), cause.method, cause.path)

    def details(self) -> dict[str, Any]:
        return self.cause.details()
