"""Protocol-buffer wire format, as far as serving needs it: so that neither tensorflow-serving-api nor TensorFlow's
Python modules have to be imported to write a warm-up record or to read a signature.

Only varints (wire type 0) and length-delimited values (wire type 2) are written; the reader also skips fixed-width
ones (types 1 and 5).
"""

VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5


def varint(value):
    """Encodes an int >= 0 as a varint."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def field(number, value):
    """Encodes one field.

    Args:
        number: int. The field's number.
        value: int >= 0 (varint), str, or bytes (string, bytes, or a serialised message).

    Returns:
        bytes: tag and value.
    """
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    payload = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | DELIMITED) + varint(len(payload)) + payload


def map_field(number, entries):
    """Encodes a map field, sorted by key as the deterministic serialiser of protobuf does.

    Args:
        number: int. The field's number.
        entries: Dict str -> str or bytes.

    Returns:
        bytes.
    """
    return b"".join(field(number, field(1, key) + field(2, entries[key])) for key in sorted(entries))


def read_fields(data):
    """Decodes the top level of a message.

    Args:
        data: bytes or memoryview.

    Yields:
        (number, value): value is an int for varints, a memoryview for length-delimited and fixed-width fields.

    Raises:
        ValueError: the message is cut off or uses a wire type that proto3 does not have.
    """
    data, position = memoryview(data), 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value, position = _read_varint(data, position)
            yield number, value
            continue
        if wire_type == DELIMITED:
            length, position = _read_varint(data, position)
        elif wire_type in (FIXED64, FIXED32):
            length = 8 if wire_type == FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire_type} of field {number} is not supported")
        if position + length > len(data):
            raise ValueError(f"field {number} is cut off: {length} bytes announced, {len(data) - position} left")
        yield number, data[position:position + length]
        position += length


def read_map(data, number):
    """Decodes the map field `number` (string keys, message values) into a dict str -> memoryview."""
    entries = (dict(read_fields(value)) for found, value in read_fields(data) if found == number)
    return {bytes(entry[1]).decode(): entry[2] for entry in entries}


def _read_varint(data, position):
    value = shift = 0
    while True:
        if position >= len(data):
            raise ValueError("a varint is cut off")
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
