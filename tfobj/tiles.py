"""Layout of pictures on a sheet: fitting, borders, captions, lines and columns. NumPy and Pillow; uint8 [h,w,3]."""

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

PAPER = (255, 255, 255)
INK = (40, 40, 40)
GAP = 6
_SMALLEST, _LARGEST = 96, 256


def tile_size(height, width):
    """Size (rows, columns) at which an image is shown: small ones enlarged by a whole factor, large ones reduced."""
    if max(height, width) > _LARGEST:
        factor = _LARGEST / max(height, width)
        return max(1, round(height * factor)), max(1, round(width * factor))
    factor = -(-_SMALLEST // max(height, width))
    return height * factor, width * factor


def fit(picture, size, smooth=True):
    """Resizes a picture into a tile, keeping its aspect; what is left stays paper.

    Args:
        picture: uint8 [h,w,3].
        size: Tuple (rows, columns) of the tile.
        smooth: bool. Averages when it shrinks; False for label maps, whose colours must not mix.

    Returns:
        uint8 [rows, columns, 3].
    """
    height, width = picture.shape[:2]
    factor = min(size[0] / height, size[1] / width)
    shape = max(1, round(height * factor)), max(1, round(width * factor))
    method = Image.BOX if smooth and factor < 1.0 else Image.NEAREST
    tile = np.full((*size, 3), PAPER, np.uint8)
    top, left = (size[0] - shape[0]) // 2, (size[1] - shape[1]) // 2
    tile[top:top + shape[0], left:left + shape[1]] = np.asarray(Image.fromarray(picture).resize(shape[::-1], method))
    return tile


def border(tile, color, width=2):
    """Surrounds a tile with `width` pixels of one colour."""
    framed = np.full((tile.shape[0] + 2 * width, tile.shape[1] + 2 * width, 3), color, np.uint8)
    framed[width:-width, width:-width] = tile
    return framed


def text_line(text, width, height=16, color=INK):
    """A centred line of text, cut where it would not fit: uint8 [height, width, 3]."""
    strip = Image.new("RGB", (width, height), PAPER)
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default()
    while text and draw.textlength(text, font=font) > width:
        text = text[:-1]
    draw.text((max(0.0, (width - draw.textlength(text, font=font)) / 2), 1), text, fill=color, font=font)
    return np.asarray(strip)


def note(text, size):
    """A tile of paper, `size` (rows, columns), with one line of text in its middle."""
    tile = np.full((*size, 3), PAPER, np.uint8)
    strip = text_line(text, size[1], min(16, size[0]))
    top = (size[0] - strip.shape[0]) // 2
    tile[top:top + strip.shape[0]] = strip
    return tile


def row(pictures, gap=GAP):
    """Puts pictures side by side on paper, `gap` pixels apart, aligned at the top."""
    return _join(pictures, gap, axis=1)


def column(pictures, gap=GAP):
    """Puts pictures one below the other on paper, `gap` pixels apart, aligned at the left."""
    return _join(pictures, gap, axis=0)


def frame(picture):
    """Adds the outer margin of a sheet."""
    return np.pad(picture, ((GAP, GAP), (GAP, GAP), (0, 0)), constant_values=255)


def _join(pictures, gap, axis):
    other = max(picture.shape[1 - axis] for picture in pictures)
    parts = []
    for picture in pictures:
        pad = [(0, 0), (0, 0), (0, 0)]
        pad[1 - axis] = (0, other - picture.shape[1 - axis])
        pad[axis] = (0, gap)
        parts.append(np.pad(picture, pad, constant_values=255))
    joined = np.concatenate(parts, axis=axis)
    return joined[:joined.shape[0] - gap] if axis == 0 else joined[:, :joined.shape[1] - gap]
