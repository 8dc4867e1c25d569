"""An exported network in two parts: what has to see a whole crop, and the detail layers, which see little around.

Only the lists of nodes, inputs and outputs of an ONNX file are rewritten; nodes and weights are copied as they are.
The light install has no ONNX library, so the few fields that matter are read here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FIRST = "detail.0."  # begins the name of the weights of the first detail layer, see `models.graph`
# numbers of fields in onnx.proto
GRAPH = 7
NODE, INITIALIZER, INPUT, OUTPUT = 1, 5, 11, 12
NODE_INPUT, NODE_OUTPUT, NODE_KIND, NODE_ATTRIBUTE = 1, 2, 4, 5
ATTRIBUTE_NAME, ATTRIBUTE_INTEGERS = 1, 8
TENSOR_NAME, VALUE_NAME, VALUE_TYPE = 8, 1, 2
# a tensor type with the element type float and a shape of four sizes that are not known
FLOAT_OF_ANY_SIZE = bytes([0x0A, 0x0C, 0x08, 0x01, 0x12, 0x08, *4 * (0x0A, 0x00)])
BYTES = 2  # of wire types
Content = bytes | memoryview  # a view saves copies of all weights
Field = tuple[int, int, memoryview]  # number, wire type, value


@dataclass(frozen=True)
class Parts:
    """The two parts of a network.

    Args:
        whole: ONNX file from image and mask to `seen` and `others`.
        detail: ONNX file from these to the output.
        seen: The features that the detail layers see.
        others: What else goes from the one to the other.
        halo_px: How far around a pixel the detail layers look.
    """

    whole: bytes
    detail: bytes
    seen: str
    others: tuple[str, ...]
    halo_px: int


@dataclass(frozen=True)
class _Node:
    content: memoryview
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dilation: int


def split(model: bytes) -> Parts | None:
    """Cut a file of `build_graph` where its detail layers begin.

    Args:
        model: The file's content.

    Returns:
        The parts; None if the network has no detail layers, or is another one.

    Raises:
        ValueError: it is no ONNX file.
    """
    fields = list(_fields(memoryview(model)))
    graph = list(_fields(next((value for number, _, value in fields if number == GRAPH), memoryview(b""))))
    nodes = [_node(value) for number, _, value in graph if number == NODE]
    first = [node for node in nodes if node.kind == "Conv" and node.inputs[1].startswith(FIRST)]
    if len(first) != 1:
        return None
    seen = first[0].inputs[0]
    after = _after(nodes, seen)
    layers = [node for node in after if node.kind == "Conv"]
    variable = {name for node in _after(nodes, *_names(graph, INPUT)) for name in node.outputs}
    made = {name for node in after for name in node.outputs}
    cut = {name for node in after for name in node.inputs if name in variable and name not in made}
    outputs = _names(graph, OUTPUT)
    if seen not in cut or not made.issuperset(outputs):
        return None
    others = tuple(sorted(cut - {seen}))
    whole = _part(fields, graph, nodes, _names(graph, INPUT), (seen, *others))
    detail = _part(fields, graph, nodes, (seen, *others), outputs)
    return Parts(whole, detail, seen, others, sum(node.dilation for node in layers))


def _after(nodes: Sequence[_Node], *names: str) -> list[_Node]:
    """The nodes that depend on some values, in their order."""
    reached, found = set(names), []
    for node in nodes:
        if reached.intersection(node.inputs):
            reached.update(node.outputs)
            found.append(node)
    return found


def _part(
    fields: Sequence[Field],
    graph: Sequence[Field],
    nodes: Sequence[_Node],
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> bytes:
    """The file of what leads from some values to others."""
    needed, kept = set(outputs), []
    for node in reversed(nodes):
        if needed.difference(inputs).intersection(node.outputs):
            needed.update(node.inputs)
            kept.append((NODE, BYTES, node.content))
    content: list[tuple[int, int, Content]] = [*kept[::-1]]
    for number, kind, value in graph:
        if number == INITIALIZER:
            if _text(value, TENSOR_NAME) in needed:
                content.append((number, kind, value))
        elif number not in (NODE, INPUT, OUTPUT):
            content.append((number, kind, value))
    given = {_text(value, VALUE_NAME): value for number, _, value in graph if number in (INPUT, OUTPUT)}
    for number, names in ((INPUT, inputs), (OUTPUT, outputs)):
        content += [(number, BYTES, given.get(name) or _value(name)) for name in names]
    written = _written(*content)
    size = sum(map(len, written))
    pieces: list[Content] = []
    for number, kind, value in fields:
        pieces += [_key(number, kind, size), *written] if number == GRAPH else _written((number, kind, value))
    return b"".join(pieces)  # weights are copied here alone


def _value(name: str) -> bytes:
    return b"".join(_written((VALUE_NAME, BYTES, name.encode()), (VALUE_TYPE, BYTES, FLOAT_OF_ANY_SIZE)))


def _node(content: memoryview) -> _Node:
    texts: dict[int, list[str]] = {NODE_INPUT: [], NODE_OUTPUT: [], NODE_KIND: []}
    attributes = []
    for number, _, value in _fields(content):
        if number in texts:
            texts[number].append(str(value, "utf-8"))
        elif number == NODE_ATTRIBUTE:
            attributes.append(value)
    (kind,), dilation = texts[NODE_KIND], 1
    for attribute in attributes if kind == "Conv" else ():
        if _text(attribute, ATTRIBUTE_NAME) == "dilations":
            dilation = next(value[0] for number, _, value in _fields(attribute) if number == ATTRIBUTE_INTEGERS)
    return _Node(content, kind, tuple(texts[NODE_INPUT]), tuple(texts[NODE_OUTPUT]), dilation)


def _names(graph: Sequence[Field], which: int) -> tuple[str, ...]:
    return tuple(_text(value, VALUE_NAME) for number, _, value in graph if number == which)


def _text(content: memoryview, which: int) -> str:
    return next((str(value, "utf-8") for number, _, value in _fields(content) if number == which), "")


def _fields(content: memoryview) -> Iterator[Field]:
    """The fields of a message of protocol buffers."""
    place = 0
    while place < len(content):
        key, start = _number(content, place)
        kind = key & 7
        if kind == BYTES:
            size, start = _number(content, start)
            end = start + size
        elif kind == 0:
            end = _number(content, start)[1]
        elif kind in (1, 5):
            end = start + (8 if kind == 1 else 4)
        else:
            raise ValueError("it is no ONNX file")
        if end > len(content):
            raise ValueError("it ends within a field")
        yield key >> 3, kind, content[start:end]
        place = end


def _number(content: memoryview, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = shift = 0
    while place < len(content) and shift < 64:
        value |= (content[place] & 127) << shift
        place, shift = place + 1, shift + 7
        if content[place - 1] < 128:
            return value, place
    raise ValueError("it ends within a number")


def _written(*fields: tuple[int, int, Content]) -> list[Content]:
    """Fields as pieces to be joined."""
    return [piece for number, kind, value in fields for piece in (_key(number, kind, len(value)), value)]


def _key(number: int, kind: int, size: int) -> bytes:
    """What stands before the value of a field."""
    return _varint(number << 3 | kind) + (_varint(size) if kind == BYTES else b"")


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
