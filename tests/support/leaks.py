"""Everything that an error shows, wherever a program, a log or a debugger might look."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["assert_quiet", "chain", "shown"]

_TESTS: Final = str(Path(__file__).resolve().parents[1])


def assert_quiet(error: BaseException, *secrets: str) -> None:
    """Fail if any of the secrets can be seen in an error, or in what it leads to."""
    for text in shown(error):
        for secret in secrets:
            assert secret not in text, f"{secret} is shown by {type(error).__name__}: {text[:2000]}"


def chain(error: BaseException) -> list[BaseException]:
    """Return an error with its causes, contexts, members and the errors that it carries."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or one in found:
            continue
        found.append(one)
        waiting += [one.__cause__, one.__context__]
        waiting += [value for value in vars(one).values() if isinstance(value, BaseException)]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return found


def shown(error: BaseException) -> Iterator[str]:
    """Yield every text that an error, its chain, and the frames that it passed can show."""
    # Without its locals the whole traceback is safe to render, the test's own lines included.
    yield "".join(traceback.format_exception(error))
    for one in chain(error):
        yield from (str(one), repr(one), f"{one}", repr(one.args), repr(vars(one)))
        yield repr(getattr(one, "__notes__", []))
        yield _pickled(one)
        yield from _frames(one)


def _pickled(error: BaseException) -> str:
    try:
        return pickle.dumps(error).decode("latin-1")
    except TypeError as refusal:
        # A `Secret` inside, which is not pickled.
        return str(refusal)


def _frames(error: BaseException) -> Iterator[str]:
    """Yield what a traceback with variables would show, but for the tests' own functions."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if not frame.f_code.co_filename.startswith(_TESTS):
            for name, value in frame.f_locals.items():
                yield f"{frame.f_code.co_qualname}: {name} = {value!r}"
