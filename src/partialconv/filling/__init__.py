"""From files to filled files: one road for the command line, batches, the server and Python.

What is here needs no library; `job`, `api` and `batch` are imported where they are used, so that `--help` is quick.
"""

from partialconv.filling.options import FillOptions

__all__ = ["FillOptions"]
