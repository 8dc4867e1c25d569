"""Standard input and output in place of files: the name "-"."""

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from partialconv.errors import InputError

STREAM = Path("-")


class Streams:
    """Files that stand for standard input and output while a command runs; messages name these instead.

    What stands for standard output is written to it if the block ends well.
    """

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._input, self._output = self._folder / "input", self._folder / "output"
        return self

    def read(self, *paths: Path | None) -> tuple[Path | None, ...]:
        """The files to read in place of those that were named.

        Raises:
            InputError: more than one is standard input.
        """
        if list(paths).count(STREAM) > 1:
            raise InputError("only one of the photo and its holes can come from standard input: name a file.")
        if STREAM in paths:
            with self._input.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        return tuple(self._input if path == STREAM else path for path in paths)

    def write(self, suffix: str) -> Path:
        """The file to write in place of standard output.

        Raises:
            InputError: standard output is a terminal.
        """
        if sys.stdout.isatty():
            raise InputError("the result would be written to the terminal: redirect it, or add -o FILE.")
        self._output = self._output.with_suffix(suffix)
        return self._output

    def named(self, text: str) -> str:
        """A message that speaks of the streams."""
        return text.replace(str(self._input), "standard input").replace(str(self._output), "standard output")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if error is None and self._output.is_file():
                with self._output.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
        if isinstance(error, InputError) and self.named(str(error)) != str(error):
            raise InputError(self.named(str(error))) from error
