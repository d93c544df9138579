"""The one error type of the exporter, with the exit codes of the program."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum


class ExitCode(IntEnum):
    """sysexits.h values, the same meanings as in the txt2img program."""

    USAGE = 64
    BAD_DATA = 65
    NO_INPUT = 66
    INTERNAL = 70
    CANNOT_CREATE = 73
    IO = 74


class ExportError(Exception):
    """Says in one line what is wrong, where, and what to do about it."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def bad_data(message: str) -> ExportError:
    """The commonest case: the source holds something that cannot be exported."""
    return ExportError(ExitCode.BAD_DATA, message)


@contextmanager
def describing(where: str) -> Iterator[None]:
    """Whatever a library cannot make of a configuration is the configuration's fault."""
    try:
        yield
    except (ExportError, OSError):
        raise
    except Exception as error:
        first = str(error).strip().partition("\n")[0] or type(error).__name__
        raise bad_data(f"{where} describes no model that can be built ({first}); fetch it again") from error
