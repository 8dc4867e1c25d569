"""Watching what a process and all that it starts do: which names and addresses they ask for, which files they make.

strace sees native code, too, which Python's own hooks do not. The network is one without any other machine in it.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CALLS = "connect,sendto,sendmsg,sendmmsg,openat,open,creat,mkdir,mkdirat,mknod,mknodat,link,linkat,symlink,symlinkat"
LOOPBACK_UP = (
    "import fcntl, os, socket, struct, sys\n"
    "with socket.socket() as s: fcntl.ioctl(s, 0x8914, struct.pack('16sH14x', b'lo', 0x41))\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)
OWN_ADDRESS = re.compile(r'inet_addr\("127\.|inet_pton\(AF_INET6, "::1"')
LOOK_UP = re.compile(r'"/etc/(resolv\.conf|hosts)"|resolve/io\.systemd')  # users' names are looked up elsewhere
NOWHERE = ("/dev/null", "/dev/tty", "/dev/pts/", "/proc/", "/sys/", "/dev/shm/", "pipe:")


def missing() -> str:
    """Why nothing can be watched here; "" if it can."""
    for program in ("strace", "unshare"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    allowed = subprocess.run(["unshare", "-rn", "strace", "-qq", "true"], capture_output=True, check=False)
    return "" if allowed.returncode == 0 else "this machine allows no namespace of a user's own, or no tracing"


class Watched:
    """A command with a home of its own and nobody to talk to.

    Args:
        command: Run by this Python with `-c` or `-m`.
        folder: Where it runs; "home" and "tmp" are made in it.
    """

    def __init__(self, *command: object, folder: Path) -> None:
        self.folder, self.home, self.tmp = folder, folder / "home", folder / "tmp"
        self.home.mkdir()
        self.tmp.mkdir()
        self.log = folder / "trace"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "ORT_", "MPL", "RAY_", "CI"))}
        environment |= {"HOME": str(self.home), "TMPDIR": str(self.tmp), "PYTHONDONTWRITEBYTECODE": "1"}
        strace = ["strace", "-f", "-qq", "--seccomp-bpf", "-s", "256", "-e", f"trace={CALLS}", "-o", str(self.log)]
        inside = [sys.executable, "-c", LOOPBACK_UP, sys.executable, *map(str, command)]
        self.process = subprocess.Popen(
            ["unshare", "-rn", *strace, *inside],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self) -> str:
        """Wait; what was printed."""
        printed, _ = self.process.communicate(timeout=300)
        return printed

    def asked(self) -> list[str]:
        """Calls that reach for another machine, or for the address of a name."""
        return [
            line
            for line in self.log.read_text(errors="replace").splitlines()
            if LOOK_UP.search(line) or ("AF_INET" in line and not OWN_ADDRESS.search(line))
        ]

    def made(self) -> set[str]:
        """Files and folders that were written or made, relative to `folder` where they lie in it."""
        found = set()
        for line in self.log.read_text(errors="replace").splitlines():
            call = re.match(r"\d+ +(\w+)\((.*)", line)
            if call is None or call[1] in ("connect", "sendto", "sendmsg", "sendmmsg") or " = -1 " in line:
                continue
            if call[1] in ("open", "openat") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT", call[2]):
                continue
            path = re.findall(r'"([^"]*)"', call[2])[-1]
            if not path.startswith(NOWHERE):
                whole = (self.folder / path).resolve()
                found.add(str(whole.relative_to(self.folder)) if whole.is_relative_to(self.folder) else str(whole))
        return found

    def left(self) -> list[str]:
        """What lies in home and among the temporary files afterwards.

        PyTorch's optimizers make an empty temporary folder for its compiler; it counts once something is in it.
        """
        found = (p for top in (self.home, self.tmp) for p in top.rglob("*"))
        empty = re.compile(r"torchinductor_\w+")
        return sorted(
            str(p.relative_to(self.folder)) for p in found if not (empty.fullmatch(p.name) and not any(p.iterdir()))
        )
