"""Decodes the pictures of a release and encodes them for storage. Worker processes load it: no TensorFlow here."""

import io
import struct
import zlib

from PIL import Image

from tfobj.errors import UserError

_FAST = 1  # zlib level; 3 saves 8 % of the space for half as much time again
_DAMAGED = (OSError, SyntaxError, ValueError, struct.error, zlib.error, Image.DecompressionBombError)


def decode(data, name, modes, shape=None):
    """Decodes a picture completely.

    Args:
        data: bytes of a PNG, JPEG, ... file; its content decides which, not its name.
        name: str. Where it comes from, for error messages.
        modes: Tuple of str. The accepted Pillow modes.
        shape: Tuple (H, W) or None. The size it must have.

    Returns:
        `PIL.Image.Image`.

    Raises:
        UserError: damaged or no picture at all, another mode, another size.
    """
    try:
        picture = Image.open(io.BytesIO(data))
        picture.load()
    except _DAMAGED as error:
        reason = str(error) if not isinstance(error, Image.UnidentifiedImageError) else "of no known format"
        raise UserError(f"{name}: no readable picture ({reason}, {len(data):,} bytes); fetch it again") from error
    if picture.mode not in modes:
        raise UserError(f"{name}: a picture of mode {picture.mode}, expected {' or '.join(modes)}; fetch the original "
                        "file again, converted copies will not do")
    if shape and picture.size != (shape[1], shape[0]):
        raise UserError(f"{name}: a picture of {picture.size[1]}x{picture.size[0]} pixels (rows x columns), expected "
                        f"{shape[0]}x{shape[1]}; fetch the original file again")
    return picture


def decode_rgb(data, name, shape=None):
    """Like `decode` for a colour picture; an alpha channel is dropped. Returns a `PIL.Image.Image` of mode RGB."""
    return decode(data, name, ("RGB", "RGBA"), shape).convert("RGB")


def encode(picture):
    """Encodes a `PIL.Image.Image` as PNG, bytes. Filtered rows: photographs and renderings need a fifth less space."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=_FAST)
    return buffer.getvalue()


def rgb_png(data, name, shape):
    """A colour picture as 8-bit RGB PNG.

    Args:
        data, name, shape: As of `decode`. An alpha channel is dropped.

    Returns:
        bytes: `data` itself if it is such a file already, else encoded anew.

    Raises:
        UserError: as `decode`; also a file that is kept has been decoded once.
    """
    picture = decode_rgb(data, name, shape)
    # A PNG file has depth and colour type (2: RGB) in bytes 24 and 25.
    kept = data[:8] == b"\x89PNG\r\n\x1a\n" and data[24:26] == b"\x08\x02"
    return data if kept else encode(picture)


def read(path):
    """The bytes of a file; raises `UserError` if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); unpack the release again") from error
