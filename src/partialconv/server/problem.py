"""What a request can get instead of an answer: a status, a code for programs and a sentence for people."""

import json
from collections.abc import Mapping

from starlette.responses import Response


class Problem(Exception):  # noqa: N818  (the name of RFC 9457)
    """A request that cannot be answered.

    Args:
        status: HTTP status, 400 to 503.
        code: One word for programs; `schema.CODES` lists them.
        message: What came, what was expected, the fix.
        headers: To send along.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The problem as JSON: {"error": {"code": ..., "message": ...}}."""
        body = json.dumps({"error": {"code": self.code, "message": self.message}}, ensure_ascii=False)
        return Response(body, self.status, self.headers, media_type="application/json")


class Gone(Exception):  # noqa: N818  (it is no error: nobody waits for an answer)
    """The client left before its answer was there."""
