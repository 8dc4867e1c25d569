"""Generate a client from the server's OpenAPI document with openapi-python-client, and fill a photo with it.

make client        # needs the package index: the generator has an environment of its own
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from partialconv import __version__
from partialconv.server.limits import Limits
from partialconv.server.schema import openapi

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
GENERATOR = "openapi-python-client==0.29.1"
PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from partialconv_client import Client
from partialconv_client.api.default import fill
from partialconv_client.models import FillBody
from partialconv_client.types import File
with open(sys.argv[3], "rb") as photo, open(sys.argv[4], "rb") as hole:
    files = {"photo": File(photo, "photo.jpg", "image/jpeg"), "hole": File(hole, "hole.png", "image/png")}
    answer = fill.sync_detailed(client=Client(base_url=sys.argv[2]), body=FillBody(**files, grain=False, grow_px=1))
assert answer.status_code == 200 and answer.parsed.payload.read(2) == b"\\xff\\xd8", answer
print("a generated client filled", sys.argv[3])
"""


def main() -> int:
    """Serve, generate and fill; the exit code of the client."""
    uv = [sys.executable, "-m", "uv"]
    serve = [sys.executable, "-m", "partialconv", "serve", "--port", "0"]
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://[^\s/]+", server.stdout.readline())
            assert found is not None, "the server did not start"
            document = Path(folder, "openapi.json")
            document.write_text(json.dumps(openapi(__version__, ["half"], Limits())), encoding="utf-8")
            client = Path(folder, "client")
            options = ["--path", document, "--output-path", client, "--fail-on-warning"]
            subprocess.run([*uv, "tool", "run", GENERATOR, "generate", *map(str, options)], check=True)
            arguments = [client, found[0], EXAMPLES / "rocket.jpg", EXAMPLES / "rocket.holes.png"]
            run = [*uv, "run", "--no-project", "--with", "httpx,attrs,python-dateutil", "python", "-c", PROGRAM]
            return subprocess.run([*run, *map(str, arguments)], check=False).returncode
        finally:
            server.terminate()


if __name__ == "__main__":
    sys.exit(main())
