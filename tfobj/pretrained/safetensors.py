"""Reading of `.safetensors` files with NumPy: a header in JSON, then the bytes of all arrays."""

import json
import pathlib
import struct

import numpy as np

from tfobj.errors import UserError

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
           "I8": "i1", "U8": "u1", "BOOL": "?"}
_LENGTH = struct.Struct("<Q")


def read_safetensors(path):
    """Reads all arrays of a file.

    Args:
        path: str or path.

    Returns:
        Dict name -> array; bfloat16 as float32.

    Raises:
        UserError: the file does not exist, or is none of this format.
    """
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; put model.safetensors of nvidia/mit-b3 (Hugging "
                        "Face) there, or of the backbone you chose, or start from random weights with "
                        "--backbone_weights=") from None
    try:
        (length,) = _LENGTH.unpack_from(content)
        start = _LENGTH.size + length
        header = json.loads(content[_LENGTH.size:start])
        return {name: _array(content, start, entry) for name, entry in header.items() if name != "__metadata__"}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is no safetensors file, or is cut off ({error}); files of other formats "
                        "(pytorch_model.bin) must be converted first") from None


def _array(content, start, entry):
    (first, last), dtype = entry["data_offsets"], np.dtype(_DTYPES[entry["dtype"]])
    count, shape = (last - first) // dtype.itemsize, entry["shape"]
    values = np.frombuffer(content, dtype, count, start + first).reshape(shape)
    if entry["dtype"] == "BF16":  # the upper half of a float32
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values
