"""The command line, in a process of its own or, without the seconds of a start, inside this one."""

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from unittest import mock

from partialconv.cli import main

Done = subprocess.CompletedProcess[str]


def run(*arguments: object, cwd: Path | None = None) -> Done:
    """Run `partialconv` as a user does."""
    command = [sys.executable, "-m", "partialconv", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=300)


def call(*arguments: object, cwd: Path) -> Done:
    """Call the same command inside this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    line = ["partialconv", *map(str, arguments)]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(cwd):
        try:
            with mock.patch.object(sys, "argv", line):
                main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return subprocess.CompletedProcess(line, code, out.getvalue(), err.getvalue())
