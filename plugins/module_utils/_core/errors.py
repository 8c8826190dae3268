# Copyright (c) 2026 The microseg.enforcement contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All errors below the modules, as exceptions whose text is the line that a user reads.

::

    CollectionError                 anything that a user, a server or a network can cause
    ├── OptionError                 an option of the task is wrong
    ├── MissingLibraryError         requests is not installed
    ├── AmbiguousError              several objects have the identity that the task names
    ├── MissingReferenceError       the task refers to an object that does not exist
    └── RequestError                a request had no usable response
        ├── UnreachableError        it was never sent
        ├── UntrustedError          it was never sent, or not looked at: TLS failed
        ├── DeadlineError           the time of the task is used up
        ├── ContractError           the response is not one that the API allows
        ├── ApiError                the response has an error status
        └── UnknownOutcomeError     a POST may have been applied, and only a lookup can tell

No text and no detail of an error ever contains a credential: errors carry the request (method and path, without the
query) and its response, not how the request was authenticated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

_UNKNOWN = "It is unknown whether the change was applied; run the task again to verify"


class CollectionError(Exception):
    """Base of all errors that a user, a server or a network can cause. ``str(error)`` is one readable line.

    ``changed`` is True if something was changed before the failure, or may have been; ``warnings`` are those of the
    task until then.
    """

    changed = False
    warnings: Sequence[str] = ()

    def details(self) -> dict[str, Any]:
        """Return further keys for the failed task's result, JSON-able."""
        return {}

    def add(self, sentence: str) -> None:
        """Append a sentence that helps the user."""
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
        super().__init__(f"Failed to import the required Python library ({library})")


class AmbiguousError(CollectionError):
    """More than one object has the identity that the task names, so none may be changed."""

    def __init__(self, message: str, references: Sequence[str]) -> None:
        self.references = list(references)
        super().__init__(message)

    def details(self) -> dict[str, Any]:
        return {"candidates": self.references}


class MissingReferenceError(CollectionError):
    """The task refers to an object that does not exist."""


class RequestError(CollectionError):
    """A request, given by ``method`` and ``path``, had no usable response.

    ``is_outcome_unknown``: the server may have applied, or may still apply, the change that the task requested.
    """

    def __init__(self, message: str, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self.is_outcome_unknown = False
        super().__init__(message)

    def __str__(self) -> str:
        return f"{super().__str__()}. {_UNKNOWN}" if self.is_outcome_unknown else super().__str__()

    def mark_outcome_unknown(self) -> None:
        """Note that the server may have applied, or may still apply, the change that the task requested."""
        self.is_outcome_unknown = self.changed = True

    def details(self) -> dict[str, Any]:
        return {"method": self.method, "path": self.path}


class UnreachableError(RequestError):
    """The server was not reached: the request was certainly never sent.

    ``is_permanent`` is True if trying again is pointless.
    """

    def __init__(self, message: str, method: str, path: str, is_permanent: bool = False) -> None:
        self.is_permanent = is_permanent
        super().__init__(message, method, path)


class UntrustedError(RequestError):
    """TLS failed: a certificate was refused, or no common protocol exists. Never tried again, and nothing was done."""


class DeadlineError(RequestError):
    """The time that the task may take is used up. ``sent`` is True if the server may have acted on the request."""

    def __init__(self, message: str, method: str, path: str, sent: bool = False) -> None:
        self.sent = sent
        super().__init__(message, method, path)


class ContractError(RequestError):
    """The server answered something that its API does not allow."""


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
        """Return True if a token or message of the response contains ``text``, in any case."""
        wanted = text.lower()
        return any(wanted in f"{error['token']} {error['message']}".lower() for error in self.errors)

    def details(self) -> dict[str, Any]:
        return {**super().details(), "status": self.status, "errors": self.errors, "request_id": self.request_id}


class UnknownOutcomeError(RequestError):
    """A request that is not safe to repeat, a POST, ended without saying whether the server acted on it.

    ``cause`` is the error itself. ``may_be_under_way`` is True if no clear response came (a broken connection, silence,
    502, 503, 504): the server may still act, so that one lookup proves nothing. It is False if the server ended the
    request (500).
    """

    changed = True

    def __init__(self, cause: RequestError, may_be_under_way: bool) -> None:
        self.cause = cause
        self.may_be_under_way = may_be_under_way
        super().__init__(str(cause), cause.method, cause.path)

    def details(self) -> dict[str, Any]:
        return self.cause.details()


@contextmanager
def within_option(option: str) -> Iterator[None]:
    """Name ``option`` in errors within that are about its suboptions."""
    try:
        yield
    except OptionError as error:
        raise OptionError(f"{option}.{error.option}", error.problem) from error
    except MissingReferenceError as error:
        raise MissingReferenceError(f"{option}.{error}") from error


@contextmanager
def explain_not_found(title: str) -> Iterator[None]:
    """Add to a 404 within that the object, of a kind called ``title``, was found before the request."""
    try:
        yield
    except ApiError as error:
        if error.status == 404:
            error.add(f"The {title} was found just before; another user has probably deleted it")
        raise


@contextmanager
def explain_failed_lookup(after: str, may_be_applied: bool) -> Iterator[None]:
    """Add to the error of a lookup within the failure ``after`` which it was made, and if that may be applied."""
    try:
        yield
    except RequestError as error:
        error.add(f"It was looked up after {after}")
        if may_be_applied:
            error.mark_outcome_unknown()
        raise
