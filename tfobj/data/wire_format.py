"""Reads serialized `tf.train.Example` messages with NumPy alone.

Two reasons not to use TensorFlow's parser for the released files: it spends its time on the strings that hold one pixel
each (36 million per second and core), and worker processes would have to load TensorFlow. On the wire such a list is a
row of three-byte groups, tag 0x0a, length 1, value, so a slice with stride three is the picture.

The encoding is that of protocol buffers (https://protobuf.dev/programming-guides/encoding/): Example.features = 1;
Features.feature = 1, a map whose entries hold key = 1 and value = 2; Feature.bytes_list = 1, float_list = 2,
int64_list = 3; each list's value = 1. Unknown fields are skipped.
"""

import numpy as np

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types; 3 and 4, groups, are in no such message
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}
_VARINT_BYTES = 10  # no 64-bit number is longer
_LOW_64_BITS = (1 << 64) - 1
_KINDS = {1: "byte", 2: "float", 3: "int"}
_GROUP = np.dtype([("head", "<u2"), ("value", "u1")])
_HEAD = 0x010A  # tag of field 1 with wire type 2, then length 1; little endian


class MalformedExample(ValueError):
    """A message is no whole `tf.train.Example` or a feature is not what was asked for; says which and why."""


class WireExample:
    """One serialized `tf.train.Example`. Nothing is copied or decoded before it is asked for.

    Args:
        serialized: bytes.

    Raises:
        MalformedExample: the message is cut off, has impossible lengths or numbers, or a feature holds several lists.
    """

    def __init__(self, serialized):
        self._data, self._features = serialized, {}
        for example_field in _submessages(serialized, 0, len(serialized), 1):
            for entry in _submessages(serialized, *example_field, 1):
                name, feature = self._entry(*entry)
                self._features[name] = self._list(name, feature)  # of entries with one key the last one counts

    @property
    def names(self):
        """Tuple of str, the features in the order of the message."""
        return tuple(self._features)

    def kind(self, name):
        """str, "byte", "float", "int" or "nothing" (an empty feature); raises `MalformedExample` if it is missing."""
        return self._span(name)[0]

    def one_byte_strings(self, name):
        """Joins a list of strings of one byte each.

        Args:
            name: str. A feature.

        Returns:
            uint8 [n], the bytes; a new array.

        Raises:
            MalformedExample: the feature is missing, holds no strings, or a string of another length.
        """
        start, stop = self._expect(name, "byte")
        groups = np.frombuffer(self._data, _GROUP, (stop - start) // 3, start)
        sound = groups["head"] == _HEAD
        if (stop - start) % 3 or not sound.all():
            first = len(groups) if sound.all() else int(np.argmin(sound))
            raise MalformedExample(f"value {first} of feature {name!r} is no string of one byte")
        return groups["value"].copy()

    def floats(self, name):
        """Reads a list of floats, packed (one block, as TensorFlow writes it) or not.

        Args:
            name: str. A feature.

        Returns:
            float32 [n]; a new array.

        Raises:
            MalformedExample: the feature is missing, holds no floats, or a block that is no multiple of four bytes.
        """
        pieces = []
        for number, kind, start, stop in _fields(self._data, *self._expect(name, "float")):
            if number != 1 or kind not in (_BYTES, _FIXED32):
                continue
            if (stop - start) % 4:
                raise MalformedExample(f"feature {name!r} holds {stop - start} bytes of floats, no multiple of 4")
            pieces.append(self._data[start:stop])
        return np.frombuffer(b"".join(pieces), "<f4").astype(np.float32)

    def integers(self, name):
        """Reads a list of whole numbers, packed or not.

        Args:
            name: str. A feature.

        Returns:
            int64 [n]; a new array.

        Raises:
            MalformedExample: the feature is missing or holds no whole numbers.
        """
        values = []
        for number, kind, start, stop in _fields(self._data, *self._expect(name, "int")):
            while number == 1 and kind in (_BYTES, _VARINT) and start < stop:
                value, start = _varint(self._data, start, stop)
                values.append(value & _LOW_64_BITS)
        return np.array(values, np.uint64).astype(np.int64)  # negative ones are stored modulo 2**64

    def strings(self, name):
        """Reads a list of strings.

        Args:
            name: str. A feature.

        Returns:
            list of bytes.

        Raises:
            MalformedExample: the feature is missing or holds no strings.
        """
        span = self._expect(name, "byte")
        return [self._data[start:stop] for start, stop in _submessages(self._data, *span, 1)]

    def _entry(self, start, stop):
        """(name, span of the `Feature`) of a map entry; key and value come in any order, and may be left out."""
        name, feature = b"", (stop, stop)
        for number, kind, first, end in _fields(self._data, start, stop):
            if kind == _BYTES and number == 1:
                name = self._data[first:end]
            elif kind == _BYTES and number == 2:
                feature = first, end
            else:  # parsers disagree about the whole entry: TensorFlow's refuses it, others drop or keep it
                raise MalformedExample(f"the feature at byte {start} has an unknown field, {number}")
        try:
            return name.decode(), feature
        except UnicodeDecodeError:
            raise MalformedExample(f"the name {name!r} is no text") from None

    def _list(self, name, feature):
        """(kind, start, stop) of the one list in a `Feature`."""
        found = [(_KINDS[number], start, stop) for number, kind, start, stop in _fields(self._data, *feature)
                 if kind == _BYTES and number in _KINDS]
        if len(found) > 1:
            raise MalformedExample(f"feature {name!r} holds {len(found)} lists, expected one")
        return found[0] if found else ("nothing", *feature)

    def _span(self, name):
        if name not in self._features:
            raise MalformedExample(f"feature {name!r} is missing")
        return self._features[name]

    def _expect(self, name, expected):
        kind, start, stop = self._span(name)
        if kind not in (expected, "nothing"):
            raise MalformedExample(f"feature {name!r} holds {kind} values, expected {expected} values")
        return (start, stop) if kind == expected else (start, start)


def _submessages(data, start, stop, wanted):
    """Yields the spans (start, stop) of the fields with number `wanted` and a length."""
    for number, kind, first, end in _fields(data, start, stop):
        if number == wanted and kind == _BYTES:
            yield first, end


def _fields(data, start, stop):
    """Yields (field number, wire type, start, stop) of the fields in `data[start:stop]`, bounds of their content."""
    while start < stop:
        tag, start = _varint(data, start, stop)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29 or kind not in (_VARINT, _FIXED64, _BYTES, _FIXED32):
            raise MalformedExample(f"byte {start - 1} starts no field")
        if kind == _BYTES:
            size, start = _varint(data, start, stop)
            end = start + size
        else:
            end = _varint(data, start, stop)[1] if kind == _VARINT else start + _FIXED_SIZES[kind]
        if end > stop:
            raise MalformedExample(f"the field at byte {start} is {end - start:,} bytes long, {stop - start:,} are "
                                   "left")
        yield number, kind, start, end
        start = end


def _varint(data, position, stop):
    """(number, position behind it): seven bits per byte, lowest first; the highest bit says that more follow."""
    number = 0
    for index, byte in enumerate(data[position:min(position + _VARINT_BYTES, stop)]):
        number |= (byte & 127) << (7 * index)
        if byte < 128:
            return number, position + index + 1
    raise MalformedExample(f"the number at byte {position} has no end")
