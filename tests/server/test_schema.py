"""The OpenAPI document, and the server held against it by schemathesis."""

import json
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from partialconv import __version__
from partialconv.filling.options import options
from partialconv.server.limits import Limits
from partialconv.server.posts import POSTS
from partialconv.server.schema import CODES, PROBLEMS, openapi
from tests.server.serving import encoded, hole_array, picture

PICTURES = [encoded(picture()), encoded(picture(), "JPEG"), encoded(hole_array()), encoded(~hole_array())]
schemathesis.openapi.format("binary", st.one_of(st.sampled_from(PICTURES), st.binary(max_size=99)))


DOCUMENT = openapi(__version__, ["half"], Limits())
api = schemathesis.openapi.from_dict(DOCUMENT)


@api.parametrize()
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_server_does_what_its_document_says(case: schemathesis.Case[Any], address: str) -> None:
    # No schema can say which bytes are a picture, so what fits it may be refused. A form holds text alone: an empty
    # list is sent as no field at all, so what does not fit may be taken; test_api has what must be refused.
    case.call_and_validate(base_url=address, excluded_checks=[positive_data_acceptance, negative_data_rejection])


def test_the_document_names_what_the_server_takes(client: httpx.Client) -> None:
    assert client.get("/api/openapi.json").json() == json.loads(json.dumps(DOCUMENT))
    paths = DOCUMENT["paths"]
    for address, post in POSTS.items():
        form = paths[address]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert set(form["properties"]) == {*post.files, *post.options}
        assert tuple(form["required"]) == post.needed
    properties = paths["/api/fill"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    for option in (option for option in options() if not option.about.local and option.name != "model"):
        assert properties[option.name]["default"] == option.default
        assert properties[option.name]["description"] == option.about.help
    assert properties["grow_px"]["maximum"] == 500
    named = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    fills = ["change", "fill", "result"]
    assert sorted(named) == sorted([*fills, "doctor", "find", "health", "look", "models", "plan", "progress", "show"])
    for operation in (operation for operations in paths.values() for operation in operations.values()):
        # what generators of clients know how to read
        assert {"application/json", "application/octet-stream"} & operation["responses"]["200"]["content"].keys()
    assert DOCUMENT["servers"] == [{"url": "/", "description": "The server that this document comes from."}]
    assert DOCUMENT["info"]["license"]["identifier"] == "BSD-3-Clause"
    assert set(PROBLEMS) <= set(CODES)
    for path, operations in paths.items():
        assert client.request("OPTIONS", path).status_code == 405
        assert set(operations) == ({"post"} if path in POSTS else {"get"})
