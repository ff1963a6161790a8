"""Parts of stored canonical examples as arrays, without TensorFlow. Worker processes load only this."""

import dataclasses
import io
import struct
import zlib

import numpy as np
from PIL import Image

from tfobj.data.wire_format import MalformedExample
from tfobj.data.wire_format import WireExample
from tfobj.errors import UserError

_MODES = {1: "L", 3: "RGB"}  # Pillow's, by number of channels
_DAMAGED = (MalformedExample, OSError, SyntaxError, ValueError, struct.error, zlib.error)


@dataclasses.dataclass(frozen=True)
class StoredPart:
    """One part of an example: a picture, a sequence of pictures, numbers or texts.

    Attributes:
        key: str. Name of the feature in the `tf.train.Example`.
        kind: str, "picture", "number" or "text".
        shape: Tuple of ints, of one example: [H,W,C] or [T,H,W,C] of pictures.
        dtype: str. NumPy's name of the type of numbers.
    """

    key: str
    kind: str
    shape: tuple
    dtype: str = "uint8"

    def read(self, example):
        """The part of a `WireExample`: array of `shape`; texts are bytes.

        Raises:
            MalformedExample, or what Pillow raises: the example holds something else.
        """
        if self.kind == "text":
            values = np.array(example.strings(self.key))
        elif self.kind == "picture":
            values = self._pictures(example.strings(self.key))
        elif np.issubdtype(self.dtype, np.floating):
            values = example.floats(self.key).astype(self.dtype)
        else:
            values = example.integers(self.key).astype(self.dtype)
        if values.size != np.prod(self.shape, dtype=int):
            raise MalformedExample(f"feature {self.key!r} holds {values.size} values, expected {list(self.shape)}")
        return values.reshape(self.shape)

    def _pictures(self, encoded):
        height, width, channels = self.shape[-3:]
        pictures = [Image.open(io.BytesIO(data)) for data in encoded]
        for picture in pictures:
            if (picture.mode, picture.size) != (_MODES[channels], (width, height)):
                raise MalformedExample(f"feature {self.key!r} is a picture of mode {picture.mode} and "
                                       f"{picture.size[1]}x{picture.size[0]} pixels, expected {_MODES[channels]} and "
                                       f"{height}x{width}")
        return np.stack([np.asarray(picture) for picture in pictures])


def decode(records, parts, place, first):
    """Decodes serialized examples.

    Args:
        records: Sequence of bytes.
        parts: dict from name to `StoredPart`.
        place: str. Where the examples come from, for messages.
        first: int. Number of the first one there, for messages.

    Returns:
        dict from name to array [n, ...].

    Raises:
        UserError: a record is damaged.
    """
    examples = []
    for number, record in enumerate(records, start=first):
        try:
            example = WireExample(bytes(record))
            examples.append({name: part.read(example) for name, part in parts.items()})
        except _DAMAGED as error:
            raise UserError(f"{place}: example {number} cannot be read ({error}); examine the set with python -m "
                            "tfobj.prepare --check, and build it again with --overwrite") from error
    return {name: np.stack([example[name] for example in examples]) for name in parts}
