"""The `with` block of an attempt, or of a session on an incident: inside it that is the current one of its kind."""

from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, ClassVar, Self


class Block:
    """A context manager, plain and async. Which variable tells the current one, and what the end of the block means,
    a subclass says."""

    _current: ClassVar[ContextVar[Any]]
    _token: Token[Any] | None = None

    def __enter__(self) -> Self:
        self._token = self._current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            try:
                self._current.reset(self._token)
            except ValueError:  # left in another context than it was entered in, as some async generators are
                self._current.set(None)
            self._token = None
        self._end_block(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _end_block(self, error: BaseException | None) -> None:
        """error: what ended the block, None for nothing."""
        raise NotImplementedError
