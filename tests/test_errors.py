"""The tree of errors: catching, reading, pickling."""

from __future__ import annotations

import inspect
import pickle
import re
from typing import Any

import attrs
import pytest

from tagodev import errors
from tagodev._bulk.report import BulkReport, BulkStoppedError
from tagodev.errors import (
    ConnectError,
    InputError,
    MalformedAnswerError,
    NoAnswerError,
    RequestError,
    ResourceLimitError,
    ServerError,
    ServiceError,
    TagoError,
)

CLASSES: list[type[TagoError]] = [
    BulkStoppedError,
    *(getattr(errors, name) for name in errors.__all__),
]
REPORT = BulkReport(done=1, failed=0, in_doubt=0, pending=2, elapsed=0.5, failures=())


def example(cls: type[TagoError]) -> TagoError:
    """Return an error of a class, with something in every field."""
    values: dict[str, Any] = {
        "reason": errors.AuthenticationError("no", status=401),
        "report": REPORT,
        "problems": ("missing @ result.id",),
        "line": 7,
        "attempts": 3,
        "status": 404,
        "may_have_acted": True,
    }
    fields = [field.name for field in attrs.fields(cls)]
    return cls(**{name: values.get(name, f"some {name}") for name in fields})


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_is_caught_at_the_root(cls: type[TagoError]) -> None:
    """``except TagoError`` catches everything that is raised on purpose."""
    with pytest.raises(TagoError):
        raise example(cls)


def test_the_drawn_tree_is_the_real_one() -> None:
    """The module's docstring draws every class where it stands."""
    assert errors.__doc__ is not None
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        match = re.match(r"^    ([│ ├└─]*)(\w+Error)\b", line)
        if match:
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            drawn[match[2]] = path[depth - 1] if depth else "Exception"

    assert drawn == {cls.__name__: cls.__base__.__name__ for cls in CLASSES if cls.__base__}


@pytest.mark.parametrize("cls", CLASSES)
def test_pickling_keeps_everything(cls: type[TagoError]) -> None:
    """An error that crosses to another process says there what it said here."""
    error = example(cls)
    copy = pickle.loads(pickle.dumps(error))

    assert type(error) is type(copy)
    assert str(error) == str(copy)
    for field in attrs.fields(cls):
        if field.name != "reason":
            assert getattr(error, field.name) == getattr(copy, field.name)


@pytest.mark.parametrize("cls", CLASSES)
def test_errors_are_compared_by_identity(cls: type[TagoError]) -> None:
    """Two failures that read alike are still two; an error goes into a set."""
    assert example(cls) != example(cls)
    assert 2 == len({example(cls), example(cls)})


@pytest.mark.parametrize("cls", CLASSES)
def test_errors_take_notes_and_tracebacks(cls: type[TagoError]) -> None:
    """Python writes to an error while it is raised: nothing about ours forbids it."""
    error = example(cls)
    error.add_note("row 7")

    assert error is error.with_traceback(None)
    assert ["row 7"] == error.__notes__


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if issubclass(cls, RequestError)])
def test_request_errors_name_route_attempts_and_doubt(cls: type[RequestError]) -> None:
    """What a person needs to go on with stands in the text."""
    error = cls(
        "It failed", route="PUT /device/:device_id", attempts=3, may_have_acted=True, hint="Look"
    )

    assert str(error).startswith("It failed (PUT /device/:device_id). Tried 3 times")
    assert "The service may have acted on it" in str(error)
    assert str(error).endswith(". Look")


def test_plain_error_says_its_message_and_no_more() -> None:
    """Nothing is said of what is not known."""
    assert "Gone" == str(TagoError("Gone"))
    assert "Gone" == str(ServerError("Gone"))
    assert "Gone. Look again" == str(TagoError("Gone.", hint="Look again"))


def test_malformed_answer_lists_its_problems() -> None:
    """Each problem of an answer stands in the text."""
    error = MalformedAnswerError("Odd", problems=("missing @ result.id", "not text @ result.name"))

    assert "Odd. missing @ result.id. not text @ result.name" == str(error)


@pytest.mark.parametrize(
    ("expected", "where"),
    [
        ("empty", {}),
        ("tags[3].key: empty", {"path": "tags[3].key"}),
        ("site.csv: empty", {"source": "site.csv"}),
        ("line 9: empty", {"line": 9}),
        ("site.csv:9: name: empty", {"source": "site.csv", "line": 9, "path": "name"}),
        ("name: empty. Fill it", {"path": "name", "hint": "Fill it"}),
    ],
)
def test_input_error_says_where(expected: str, where: dict[str, Any]) -> None:
    """File, line and field stand before the message, as compilers do it."""
    assert expected == str(InputError("empty", **where))


def test_bulk_stopped_carries_reason_and_report() -> None:
    """Why a run ended, and what was done until then, are available."""
    reason = ResourceLimitError("full", status=400, service_message="full", resource="Device")
    error = BulkStoppedError("The run stopped", reason=reason, report=REPORT)

    assert reason is error.reason
    assert REPORT is error.report


def test_never_connected_is_told_apart() -> None:
    """No connection is a kind of no answer, a refusal is not."""
    assert issubclass(ConnectError, NoAnswerError)
    assert not issubclass(ServiceError, NoAnswerError)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_class_says_what_happened(cls: type[TagoError]) -> None:
    """Each class has a docstring of its own, not its parent's."""
    assert cls.__doc__
    assert inspect.cleandoc(cls.__doc__) != inspect.getdoc(cls.__base__)
