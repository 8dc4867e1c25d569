"""The command line."""

from partialconv.cli.main import main, run

__all__ = ["main", "run"]
