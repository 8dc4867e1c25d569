"""The command `partialconv serve` as a user meets it, in a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

SERVE = [sys.executable, "-m", "partialconv", "serve"]


@contextmanager
def served(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the address that it prints."""
    process = subprocess.Popen(
        [*SERVE, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    with process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            match = re.fullmatch(r"partialconv serves (http://\S+)\n", line)
            assert match, line
            yield process, match[1]
        finally:
            process.kill()


def test_it_serves_until_it_is_told_to_stop() -> None:
    with served() as (process, address):
        assert address.startswith("http://127.0.0.1:")
        assert "<title>partialconv</title>" in httpx.get(address).text
        assert httpx.get(f"{address}api/models").status_code == 200
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert re.search(r"GET '/api/models' 200 0\.\d{3} s", log)
    assert "Traceback" not in log


def test_beyond_this_machine_there_is_a_token() -> None:
    with served("--host", "0.0.0.0") as (_, address):
        at, _, token = address.partition("/#token=")
        assert len(token) > 20
        assert httpx.get(f"{at}/api/models").status_code == 401
        assert httpx.get(f"{at}/api/models", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    with served(PARTIALCONV_TOKEN=" a+b=\n") as (_, address):
        at, _, shown = address.partition("/#token=")
        assert shown == "a%2Bb%3D"
        assert httpx.get(f"{at}/api/models", headers={"Authorization": "Bearer a+b="}).status_code == 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--model", "missing.onnx"), "no model file missing.onnx"),
        (("--model", "a/x.onnx", "--model", "b/x.onnx"), "two models have one name"),
        (("--token", " "), "the token is empty"),
        (("--token", ""), "the token is empty"),
        (("--token", "two words"), "the token is empty, or has other signs"),
        (("--token", "bell\a"), "the token is empty, or has other signs"),
        (("--token", "schlüssel"), "the token is empty, or has other signs"),
        (("--host", "no.such.host.invalid"), "cannot listen on no.such.host.invalid"),
    ],
)
def test_wrong_options_are_one_line(options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = subprocess.run([*SERVE, *options], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    assert result.returncode == 2
    assert message in result.stderr and result.stderr.count("\n") == 1


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = subprocess.run([*SERVE, "--port", port], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in result.stderr
