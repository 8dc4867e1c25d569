"""The command line."""

from partialconv.cli.main import main

__all__ = ["main"]
