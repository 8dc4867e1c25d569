"""The OpenAPI document: what `app` takes and gives."""

from collections.abc import Sequence
from typing import Any, get_args

from partialconv.filling.find_options import HELP, KINDS, Answers, FindOptions
from partialconv.filling.options import Option
from partialconv.filling.options import options as fill_options
from partialconv.server.limits import Limits
from partialconv.server.posts import KEEP, KEPT, NAME_PATTERN, POSTS, TICKET, TICKET_PATTERN

Document = dict[str, Any]
PICTURES = ("image/jpeg", "image/png", "image/webp", "image/tiff", "image/bmp")
PROBLEMS = {
    400: "The form is broken or truncated, or the request is not HTTP/1.1.",
    401: "A token is needed.",
    403: "The server does not answer to this name, or to pages of this origin.",
    408: "The request came too slowly.",
    410: "The server keeps no photo of this name, or none any more: send the photo again.",
    413: "Too many bytes or pixels, or more memory needed than there is, told before anything is decoded.",
    415: "The request is not a form, or a file is of a format that is not taken.",
    422: "A field, a photo or a hole cannot be used; the message says why.",
    429: "Too many requests in a minute from one address.",
    500: "A fault of the server or of the model, or a file that ended the process which read it.",
    501: "This server has no network that finds damage.",
    503: "Too many requests wait, and Retry-After says for how many seconds; or the work took too long.",
    507: "The server's temporary folder is full.",
}
CODES = {
    400: ["form", "http"],
    401: ["token"],
    403: ["host", "origin"],
    404: ["address"],
    405: ["method"],
    408: ["slow"],
    410: ["forgotten"],
    413: ["bytes", "pixels", "memory"],
    415: ["content_type", "format"],
    422: ["field", "option", "broken", "input", *(f"hole_{code}" for code in (
        "alpha", "ambiguous", "copy", "photo", "jpeg", "grey", "contrast", "size", "shape", "inverted", "empty",
        "full"))],
    429: ["rate"],
    500: ["model", "ended", "internal"],
    501: ["finder"],
    503: ["busy", "time"],
    507: ["disk"],
}  # fmt: skip


def openapi(version: str, models: Sequence[str], limits: Limits) -> Document:
    """The document.

    Args:
        version: Of the package.
        models: Names that `model` may be; the first is the default.
        limits: Of the server.

    Source: OpenAPI 3.1.
    """
    fields = {option.name: _field(option) for option in fill_options()}
    fields["model"] = {"enum": list(models), "default": models[0], "description": "The name of a model of this server."}

    binary = {"type": "string", "format": "binary"}
    fields["photo"] = binary | {"description": "JPEG, PNG, WebP, TIFF, BMP, AVIF, GIF or HEIC."}
    fields[TICKET] = {
        "type": "string",
        "pattern": TICKET_PATTERN,
        "description": "For /api/progress; of your choosing.",
    }
    for field, what in ((KEPT, "Of a photo that is kept."), (KEEP, "For the photo, or for the result, to be kept.")):
        about = f"A name of your choosing that nobody can guess, from a good random source. {what}"
        fields[field] = {"type": "string", "pattern": NAME_PATTERN, "description": about}
    fields["hole"] = binary | {"description": "A picture drawn over the photo as it is shown; white = fill."}

    fields |= _find_fields()

    def post(address: str, summary: str, content: Document, headers: Document | None = None) -> Document:
        taken = POSTS[address]
        form = {name: fields[name] for name in (*taken.files, *taken.options)}
        name = address.rpartition("/")[2]
        return {"post": _post(name, summary, form, list(taken.needed), content, headers)}

    report = {"application/json": {"schema": {"$ref": "#/components/schemas/Report"}}}
    octets = {"application/octet-stream": {"schema": binary}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "partialconv",
            "version": version,
            "license": {"name": "BSD 3-Clause", "identifier": "BSD-3-Clause"},
            "description": "Fills holes in photos, and finds their damage. Takes at most "
            f"{limits.max_bytes / 1e6:g} MB and {limits.max_pixels / 1e6:g} megapixels.",
        },
        "servers": [{"url": "/", "description": "The server that this document comes from."}],
        "paths": {
            "/healthz": {"get": _get("health", "Whether the server is up.", "Health", guarded=False)},
            "/api/models": {"get": _get("models", "The models, the default one first, and the limits.", "Models")},
            "/api/progress": {"get": _progress()},
            "/api/fill": post(
                "/api/fill",
                "Fill a photo; it comes back in its own format (AVIF, GIF and HEIC as PNG), changed in the hole alone.",
                {kind: {} for kind in PICTURES} | octets | _parts("The filled photo."),
                {"Partialconv-Report": {"schema": {"type": "string"}, "description": "A Report, as JSON."}},
            ),
            "/api/change": post(
                "/api/change",
                "Fill a photo that is kept: only the hole is sent, and only what was filled comes back, in tiles.",
                {"image/png": {}} | octets | _parts("The tiles.", "Change"),
                {"Partialconv-Report": {"schema": {"type": "string"}, "description": "A Change, as JSON."}},
            ),
            "/api/result": post(
                "/api/result",
                "The file of a photo that is kept, byte for byte what /api/fill gives.",
                {kind: {} for kind in PICTURES} | octets | _parts("The photo.", "Nothing"),
            ),
            "/api/find": post(
                "/api/find",
                "Find the damage of a photo: a proposal of its hole. Nothing is found in the hole that is sent along.",
                {"application/json": {"schema": {"$ref": "#/components/schemas/Finds"}}, "image/png": {}}
                | octets
                | _parts("The answer that was asked for: JSON or a PNG.", "FindReport"),
                {"Partialconv-Report": {"schema": {"type": "string"}, "description": "A FindReport, as JSON."}},
            ),
            "/api/doctor": post(
                "/api/doctor",
                "Say what is wrong with the picture of a hole.",
                report | _parts("The hole as it was understood: a PNG, black and white."),
            ),
            "/api/plan": post(
                "/api/plan",
                "Say what a fill would do with a hole, without a photo.",
                report
                | _parts("Confidence: a grey PNG of `plan.box` of the photo, 255 at known pixels, 0 far from them."),
            ),
            "/api/look": post(
                "/api/look",
                "Say whether a photo can be filled: its size as it is shown, or a problem. With `keep`, it is kept for "
                "/api/change, for some minutes; photos whose changes pages could not show are not.",
                {"application/json": {"schema": {"$ref": "#/components/schemas/Look"}}} | _parts("The photo.", "Look"),
            ),
            "/api/show": post(
                "/api/show",
                "A PNG of 8 bits of a photo, turned by its EXIF orientation, for programs that cannot show it.",
                {"image/png": {}} | octets | _parts("The PNG."),
            ),
        },
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _field(option: Option) -> Document:
    """An option of a fill as a field of a form."""
    about = {"default": option.default, "description": option.about.help}
    if option.choices:
        return {"enum": list(option.choices)} | about
    if option.kind is int:
        return {"type": "integer", "minimum": 0, "maximum": option.about.most} | about
    return {"type": "boolean" if option.kind is bool else "string"} | about


def _find_fields() -> Document:
    """What can be chosen about a find, as fields of a form."""
    defaults = FindOptions()
    return {
        "kinds": {"type": "string", "default": ",".join(defaults.kinds), "description": HELP["kinds"]},
        "sensitivity": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": defaults.sensitivity,
            "description": HELP["sensitivity"],
        },
        "largest_px": {
            "type": "integer",
            "minimum": 1,
            "maximum": 999_999_999,
            "description": HELP["largest_px"],
        },
        "answer": {
            "enum": list(get_args(Answers)),
            "default": defaults.answer,
            "description": "What goes back: the parts, as JSON; the hole, a PNG, white = damage; or the map, a PNG of "
            "all sensitivities at once. Its red is n where the pixel is found at a sensitivity of (201 - n) / 200 and "
            "above, 0 where it is found at none; green is 50 for dust, 100 for scratches, 150 for cracks, 200 for a "
            "stamp, 250 for text.",
        },
    }


def _parts(file: str, report: str = "Report") -> Document:
    properties = {
        "report": {"$ref": f"#/components/schemas/{report}"},
        "file": {"type": "string", "format": "binary", "description": file},
    }
    return {"multipart/form-data": {"schema": {"type": "object", "properties": properties}}}


def _problems(statuses: Sequence[int]) -> Document:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        str(status): {"description": PROBLEMS[status], "content": {"application/json": {"schema": schema}}}
        for status in statuses
    }


def _progress() -> Document:
    about = "As given to /api/fill or /api/find."
    asked = {"name": TICKET, "in": "query", "schema": {"type": "string"}, "description": about}
    return _get("progress", "How far a fill or a find is.", "Progress") | {"parameters": [asked]}


def _get(name: str, summary: str, schema: str, guarded: bool = True) -> Document:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    answers = {"200": {"description": "Good.", "content": content}}
    return _operation(name, summary, answers | _problems([401, 403, 429, 500] if guarded else [403, 500]), guarded)


def _post(
    name: str, summary: str, fields: Document, required: list[str], content: Document, headers: Document | None = None
) -> Document:
    form = {"type": "object", "properties": fields, "required": required, "additionalProperties": False}
    timing = {"Server-Timing": {"schema": {"type": "string"}, "description": "Steps, in milliseconds."}}
    answers = {"200": {"description": "Good.", "headers": timing | (headers or {}), "content": content}}
    only = {410: ("change", "result"), 501: ("find",)}
    problems = [status for status in PROBLEMS if name in only.get(status, (name,))]
    body = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return _operation(name, summary, answers | _problems(problems), True) | {"requestBody": body}


def _operation(name: str, summary: str, responses: Document, guarded: bool) -> Document:
    security: list[Document] = [{}, {"token": []}] if guarded else []
    return {"operationId": name, "summary": summary, "responses": responses, "security": security}


def _object(optional: Document | None = None, **properties: Document) -> Document:
    return {"type": "object", "properties": properties | (optional or {}), "required": list(properties)}


TEXT, FLAG, COUNT = {"type": "string"}, {"type": "boolean"}, {"type": "integer", "minimum": 0}
SHARE = {"type": "number", "minimum": 0, "maximum": 1}
FIND_REPORT: Document = {
    "width": COUNT,
    "height": COUNT,
    "share": SHARE | {"description": "Of the photo that was found."},
    "num_parts": COUNT,
    "threshold": SHARE | {"description": "The probability from which on a pixel was taken."},
    "infrared": FLAG | {"description": "Whether dust, scratches and cracks are what blocks infrared, in a film scan."},
}
REPORT: Document = {
    "width": COUNT,
    "height": COUNT,
    "hole_ratio": SHARE,
    "usable": FLAG,
    "findings": {"type": "array", "items": {"$ref": "#/components/schemas/Finding"}},
    "remarks": {"type": "array", "items": TEXT},
}
SCHEMAS: Document = {
    "Health": _object(status={"const": "ok"}, version=TEXT, waiting=COUNT),
    "Model": _object(name=TEXT, default=FLAG, num_bytes=COUNT, sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"}),
    "Models": _object(
        models={"type": "array", "items": {"$ref": "#/components/schemas/Model"}, "minItems": 1},
        limits=_object(max_bytes=COUNT, max_pixels=COUNT),
    ),
    "Finding": _object(code=TEXT, message=TEXT, fix=TEXT, fatal=FLAG),
    "Report": _object(**REPORT, optional={"plan": {"$ref": "#/components/schemas/Plan"}}),
    "Change": _object(
        **REPORT, plan={"$ref": "#/components/schemas/Plan"}, tiles={"$ref": "#/components/schemas/Tiles"}
    ),
    "Tiles": _object(
        side_px={"type": "integer", "minimum": 1, "description": "Of a tile. They stand row by row in the PNG."},
        places={
            "type": "array",
            "items": {"type": "array", "items": COUNT, "minItems": 2, "maxItems": 2},
            "description": "Left and top of each tile in the photo as it is shown; tiles may reach beyond its border.",
        },
    ),
    "Plan": _object(
        num_crops=COUNT,
        num_pixels=COUNT | {"description": "That the network computes, in all crops and scales."},
        coarsest_scale={"type": "integer", "minimum": 1, "description": "1 = the photo itself, 2 = half its size."},
        optional={
            "confidence": {"type": "number", "minimum": 0, "maximum": 1, "description": "Mean over the hole."},
            "box": _object(top=COUNT, left=COUNT, bottom=COUNT, right=COUNT),
        },
    ),
    "FindReport": _object(**FIND_REPORT),
    "Part": _object(
        kind={"enum": list(KINDS)},
        box={"type": "array", "items": COUNT, "minItems": 4, "maxItems": 4, "description": "top, left, bottom, right."},
        area=COUNT,
        score=SHARE | {"description": "The highest probability in it."},
    ),
    "Finds": _object(**FIND_REPORT, parts={"type": "array", "items": {"$ref": "#/components/schemas/Part"}}),
    "Look": _object(width=COUNT, height=COUNT, kept=FLAG),
    "Nothing": _object(),
    "Progress": _object(
        state={"enum": ["waiting", "filling", "unknown"]}, share={"type": "number", "minimum": 0, "maximum": 1}
    ),
    "Problem": _object(
        error=_object(code={"enum": sorted({code for codes in CODES.values() for code in codes})}, message=TEXT)
    ),
}
