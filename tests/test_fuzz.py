"""Readers of all that is no picture, on mutated files. Pictures: `tests.imageio.test_hostile`."""

import re
import resource
import subprocess
import sys
from pathlib import Path

NUM_MUTATED = 100  # of each kind; `python -m tests.fuzz 5000` tries more
KINDS = [
    "manifest",
    "onnx",
    "recipe",
    "checkpoint",
    "pth",
    "old_pth",
    "npz",
    "safetensors",
    "converted",
    "report",
    "pickle",
]
LIMIT = 6 << 30  # bytes of address space


def test_mutated_files_make_one_clear_line_each() -> None:
    """In a process of its own, so that a crash of a C library is seen, and with memory for small files only."""

    def less_memory() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))

    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", str(NUM_MUTATED), "0", *KINDS, "network"],
        capture_output=True, text=True, check=False, timeout=300, preexec_fn=less_memory, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert done.returncode == 0 and "fault" not in done.stdout, done.stdout[-3000:] + done.stderr[-2000:]
    told = re.findall(rf"(\w+): {NUM_MUTATED} files: (.*)", done.stdout)
    assert [kind for kind, _ in told] == [*KINDS, "network"]
    assert all("refused" in outcomes for _, outcomes in told)
