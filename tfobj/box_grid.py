"""Where a model places its objects: a picture with boxes and the share of the foreground."""

import numpy as np
from PIL import Image
from PIL import ImageDraw

from tfobj import tiles
from tfobj import visualisation

_COLUMNS = ("image", "boxes", "reconstruction", "foreground")
_IN_USE = 0.5  # share of some pixel from which on an object's box is drawn


def box_grid(images, outputs, background_slot):
    """One line per image: the image, boxes of the objects over it and over the reconstruction, and the foreground mask.

    The box of an object has the colour of its slot and is drawn where the object has more than half of some pixel. The
    foreground is white where no background is seen.

    Args:
        images: [B,H,W,C], uint8 or float in [0,1].
        outputs: Dict of arrays: `boxes` [B,K-1,4] of all slots but the background, top, left, bottom and right from 0
            to 1; `masks` [B,K,H,W]; `reconstruction` [B,H,W,C].
        background_slot: int. The slot without a box.

    Returns:
        uint8 [height, width, 3].
    """
    masks, size = np.asarray(outputs["masks"]), tiles.tile_size(*np.shape(images)[1:3])
    slots = [slot for slot in range(masks.shape[1]) if slot != background_slot]
    lines = [tiles.row([tiles.text_line(name, size[1]) for name in _COLUMNS])]
    for image, boxes, weights, painted in zip(images, outputs["boxes"], masks, outputs["reconstruction"]):
        drawn = [(box, visualisation.slot_color(slot)) for slot, box in zip(slots, boxes)
                 if weights[slot].max() > _IN_USE]
        plain, explained = (tiles.fit(visualisation.to_rgb(picture), size) for picture in (image, painted))
        foreground = visualisation.to_rgb(1.0 - weights[background_slot])
        lines.append(tiles.row([plain, _with_boxes(plain, drawn), _with_boxes(explained, drawn),
                                tiles.fit(foreground, size)]))
    return tiles.frame(tiles.column(lines))


def _with_boxes(tile, drawn):
    """A tile, uint8 [h,w,3], with rectangles: a list of (box, colour)."""
    canvas = Image.fromarray(tile)
    draw, last = ImageDraw.Draw(canvas), np.array(tile.shape[:2]) - 1
    for box, color in drawn:
        (top, left), (bottom, right) = np.clip(np.asarray(box).reshape(2, 2), 0.0, 1.0) * last
        draw.rectangle((left, top, right, bottom), outline=color, width=2)
    return np.asarray(canvas)
