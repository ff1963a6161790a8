"""Pictures of images, segmentations and slots, for TensorBoard, `predict`, the data doctor and the README.

NumPy and Pillow only. One convention for label maps, that of the data sets: 0 is background, 1 and above are objects,
255 is ignored. Slot k of a model is id k + 1, so a slot has the same colour in every picture. Pictures are returned as
uint8 [height, width, 3].
"""

import colorsys
import os

import numpy as np
from PIL import Image

from tfobj import tiles
from tfobj.labels import IGNORE_ID

_NOTE_WIDTH = 64
_PIXELS_PER_LINE_WIDTH = 250  # outlines stay visible when a large photo is shown small
BACKGROUND_COLOR = (208, 208, 208)
IGNORE_COLOR = (48, 48, 48)
# Ordered so that each colour stays apart from those before it, also for red-green blind readers; the start follows
# the well-known set of Okabe and Ito (2008).
SLOT_COLORS = (
    (230, 159, 0), (0, 114, 178), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0), (86, 180, 233),
    (51, 34, 136), (225, 240, 165), (136, 0, 60), (135, 195, 75), (105, 45, 255), (119, 70, 34),
)


def palette():
    """Returns the colour of every id: uint8 [256,3]; row 0 background, row k + 1 slot k, row 255 ignored pixels."""
    colors = [BACKGROUND_COLOR, *SLOT_COLORS]
    golden_ratio = 0.618034  # successive hues that never bunch up
    for index in range(len(colors), 256):
        rgb = colorsys.hsv_to_rgb(index * golden_ratio % 1.0, (0.85, 0.5)[index % 2], (0.95, 0.7, 0.5)[index % 3])
        colors.append(tuple(round(255 * value) for value in rgb))
    colors[IGNORE_ID] = IGNORE_COLOR
    return np.array(colors, np.uint8)


def to_rgb(image):
    """Converts one image to what a screen shows.

    Args:
        image: [H,W,C] or [H,W], uint8, or float in [0,1] (clipped). C is 1 or 3; of more channels the first 3 are
            shown, of 2 the first.

    Returns:
        uint8 [H,W,3].
    """
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.dtype != np.uint8:
        image = np.round(np.clip(np.nan_to_num(image.astype(np.float64)), 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.array(image[..., :3] if image.shape[-1] >= 3 else np.repeat(image[..., :1], 3, axis=-1))


def slot_ids(segmentation, background_slot=None):
    """Label map of slots: raw argmax [..., H,W] -> ids with slot k as k + 1 and `background_slot`, if any, as 0."""
    segmentation = np.asarray(segmentation)
    ids = segmentation.astype(np.int32) + 1
    return ids if background_slot is None else np.where(segmentation == background_slot, 0, ids)


def threshold_segmentation(masks, threshold=0.5, background_slot=None):
    """Gives a pixel to its largest mask if that mask is sure enough, else to the background.

    Models without a background slot share the background among their slots with small masks each; the threshold
    removes that patchwork.

    Args:
        masks: float [..., K,H,W], summing to 1 over K.
        threshold: float in [0,1]. The largest mask must exceed it.
        background_slot: int or None. A slot that is background wherever it wins.

    Returns:
        int32 [..., H,W]: 0 background, k + 1 slot k.
    """
    masks = np.asarray(masks)
    ids = slot_ids(np.argmax(masks, axis=-3), background_slot)
    return np.where(np.max(masks, axis=-3) > threshold, ids, 0).astype(np.int32)


def segmentation_picture(ids):
    """Colours a label map: ids int [H,W] (0 background, 255 ignored) -> uint8 [H,W,3]."""
    return palette()[np.asarray(ids).astype(np.int64) % 256]


def contours(ids, width=1):
    """Outlines of a label map: the outermost `width` pixels of every object, bool [H,W]; no lines on the background."""
    ids = np.asarray(ids)
    edge = np.zeros(ids.shape, bool)
    for axis in (0, 1):
        count = ids.shape[axis]
        for distance in (-width, width):
            neighbour = np.take(ids, np.clip(np.arange(count) + distance, 0, count - 1), axis)
            edge |= ids != neighbour
    return edge & (ids != 0) & (ids != IGNORE_ID)


def overlay(image, ids, opacity=0.45):
    """Tints an image with the colours of a segmentation and draws its outlines.

    Args:
        image: [H,W,C], uint8 or float in [0,1].
        ids: int [H,W]. 0 (background) and 255 (ignored) stay untinted.
        opacity: float in [0,1] of the tint; outlines are opaque.

    Returns:
        uint8 [H,W,3].
    """
    picture, colors = to_rgb(image).astype(np.float64), segmentation_picture(ids)
    ids = np.asarray(ids)
    strength = np.where((ids == 0) | (ids == IGNORE_ID), 0.0, opacity)
    width = max(1, round(max(ids.shape) / _PIXELS_PER_LINE_WIDTH))
    strength = np.where(contours(ids, width), 1.0, strength)[..., None]
    return np.round(picture * (1.0 - strength) + colors * strength).astype(np.uint8)


def contact_sheet(images, masks=None, columns=6, captions=None, titles=None):
    """Many images on one sheet, each with its mask beside it.

    Args:
        images: Sequence of [H,W,C] images, uint8 or float in [0,1]; sizes may differ.
        masks: Sequence of label maps [H,W] or [H,W,1] or None. 0 background, 255 ignored.
        columns: int. Images per line.
        captions: Sequence of str or None. A line below each image.
        titles: Sequence of three str or None. What stands above image, mask and overlay in every column.

    Returns:
        uint8 [height, width, 3].
    """
    size = tiles.tile_size(*(max(np.shape(image)[axis] for image in images) for axis in (0, 1)))
    cells = []
    for index, image in enumerate(images):
        parts = [tiles.fit(to_rgb(image), size)]
        if masks is not None:
            mask = np.asarray(masks[index])
            mask = mask[..., 0] if mask.ndim == 3 else mask
            parts.append(tiles.fit(segmentation_picture(mask), size, smooth=False))
            parts.append(tiles.fit(overlay(image, mask), size))
        cell = tiles.row(parts, gap=2)
        if captions is not None:
            cell = tiles.column([cell, tiles.text_line(captions[index], cell.shape[1])], gap=0)
        cells.append(cell)
    lines = [tiles.row(cells[start:start + columns], 2 * tiles.GAP) for start in range(0, len(cells), columns)]
    if titles is not None:
        names = titles[:1 if masks is None else 3]
        head = tiles.row([tiles.text_line(name, size[1]) for name in names], gap=2)
        lines.insert(0, tiles.row([head] * min(columns, len(cells)), 2 * tiles.GAP))
    return tiles.frame(tiles.column(lines, 2 * tiles.GAP))


def slot_grid(images, outputs, masks=None, threshold=0.5, background_slot=None):
    """What a model made of each image, one line per image.

    Columns: image, reconstruction, segmentation (raw argmax), segmentation above the threshold, ground truth if given,
    then for each slot its mask times its component, then each component alone. A slot's border has its colour.

    Args:
        images: [B,H,W,C], uint8 or float in [0,1].
        outputs: dict of arrays: `reconstruction` [B,H,W,C], `masks` [B,K,H,W], `components` [B,K,H,W,C].
        masks: int [B,H,W] true label maps or None.
        threshold: float, see `threshold_segmentation`.
        background_slot: int or None. The slot drawn in the background's gray.

    Returns:
        uint8 [height, width, 3].
    """
    num_slots, height, width = np.shape(outputs["masks"])[1:]
    size = tiles.tile_size(height, width)
    names = ["image", "reconstruction", "largest mask", f"mask > {threshold:g}"]
    names += [] if masks is None else ["ground truth"]
    names += [f"slot {k + 1}" for k in range(num_slots)] + [f"component {k + 1}" for k in range(num_slots)]
    lines = [tiles.row([tiles.text_line(name, size[1] + 4) for name in names])]
    for index in range(len(images)):
        row = {key: np.asarray(outputs[key][index]) for key in ("reconstruction", "masks", "components")}
        true = None if masks is None else masks[index]
        lines.append(tiles.row(_slot_tiles(images[index], row, true, threshold, background_slot, size)))
    return tiles.frame(tiles.column(lines))


def attention_grid(images, attention, background_slot=None):
    """How attention settles: for each image one line per iteration, one column per slot.

    The image is shown dimmed and gray, the attention of a slot in the slot's colour; full colour is the largest value
    of the image over all slots and iterations.

    Args:
        images: [B,H,W,C], uint8 or float in [0,1].
        attention: float [B,T,K,h,w] at any resolution.
        background_slot: int or None.

    Returns:
        uint8 [height, width, 3].
    """
    attention = np.asarray(attention, np.float64)
    num_slots, size = attention.shape[2], tiles.tile_size(*np.shape(images)[1:3])
    names = ["image"] + [f"slot {k + 1}" for k in range(num_slots)]
    lines = [tiles.row([tiles.note("", (16, _NOTE_WIDTH))] + [tiles.text_line(name, size[1] + 4) for name in names])]
    for image, steps in zip(images, attention):
        picture = tiles.fit(to_rgb(image), size)
        steps = steps / max(steps.max(initial=0.0), 1e-12)
        block = []
        for number, maps in enumerate(steps):
            first = picture if number == 0 else tiles.note("", size)
            name = f"iteration {number + 1}" if len(steps) > 1 else "attention"
            line = [tiles.note(name, (size[0] + 4, _NOTE_WIDTH)), tiles.border(first, tiles.PAPER)]
            colors = [slot_color(slot, background_slot) for slot in range(num_slots)]
            line += [tiles.border(glow(picture, *pair), pair[1]) for pair in zip(maps, colors)]
            block.append(tiles.row(line))
        lines.append(tiles.column(block))
    return tiles.frame(tiles.column(lines, 2 * tiles.GAP))


def save_png(path, array, colors=None):
    """Writes a PNG under a temporary name and renames it, so that no half-written picture is ever seen.

    Args:
        path: str. Destination; its directory must exist.
        array: uint8 (or float in [0,1]) [H,W], [H,W,1], [H,W,3] or [H,W,4].
        colors: uint8 [256,3] or None. Writes a palette PNG: `array` uint8 [H,W] holds the ids, which any reader gets
            back unchanged.

    Raises:
        OSError: the file cannot be written.
    """
    array = np.asarray(array)
    if array.dtype != np.uint8:
        array = np.round(np.clip(array, 0.0, 1.0) * 255.0).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array))
    if colors is not None:
        picture.putpalette(np.asarray(colors, np.uint8).tobytes())
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        picture.save(temporary, format="PNG")
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def slot_color(slot, background_slot=None):
    """The colour of a slot, tuple of three ints; gray for `background_slot`."""
    return BACKGROUND_COLOR if slot == background_slot else tuple(int(value) for value in palette()[slot + 1])


def _slot_tiles(image, row, true, threshold, background_slot, size):
    """The bordered tiles of one line of `slot_grid`."""
    masks, components = row["masks"], row["components"]
    raw = slot_ids(np.argmax(masks, axis=0), background_slot)
    sure = threshold_segmentation(masks, threshold, background_slot)
    labels = [raw, sure] if true is None else [raw, sure, true]
    line = [tiles.fit(to_rgb(image), size), tiles.fit(to_rgb(row["reconstruction"]), size)]
    line += [tiles.fit(segmentation_picture(ids), size, smooth=False) for ids in labels]
    line = [tiles.border(tile, tiles.PAPER) for tile in line]
    for pictures in (masks[..., None] * np.clip(components, 0.0, 1.0), components):
        line += [tiles.border(tiles.fit(to_rgb(picture), size), slot_color(slot, background_slot))
                 for slot, picture in enumerate(pictures)]
    return line


def glow(picture, weights, color):
    """The picture, uint8 [H,W,3], dimmed and gray, with `color` where the weights [h,w] in [0,1] are large."""
    gray = picture.mean(axis=-1, keepdims=True) * 0.35
    weights = Image.fromarray(weights.astype(np.float32)).resize(picture.shape[1::-1], Image.BILINEAR)
    weights = np.clip(np.asarray(weights), 0.0, 1.0)[..., None]
    return np.uint8(gray * (1.0 - weights) + np.array(color) * weights)
