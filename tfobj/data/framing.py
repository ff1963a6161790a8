"""Crops, resizes and channels: what happens to an image between its file and the model. NumPy alone.

`tfobj.data.preprocessing` does the same with tensors.
"""

import dataclasses
import re

import numpy as np

from tfobj.data import recipes
from tfobj.data import resizing
from tfobj.errors import UserError

_SMALLEST, _LARGEST = 8, 4096  # sides of an image that a model can sensibly see


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """One way from native images to the model's: crop, channels, resize. Works on batches, row by row independent.

    Attributes:
        native_shape: Tuple (H, W, C) of the stored images.
        rows: Tuple (first, end) of the rows kept, half open.
        columns: Tuple (first, end) of the columns kept, half open.
        size: Tuple (h, w) the crop is resized to.
        resize: str. "bilinear" (half-pixel centres, no antialias), "antialias" (the same with the kernel widened when
            shrinking, as Pillow and torchvision do), "legacy" (bilinear of TensorFlow 1: pixel i of the result lies at
            i * H / h) or "nearest" (the masks' rule, for images too).
        mask_rule: str. Source row of row i when resizing by nearest neighbour: "half_pixel" floor((i + 0.5) * H / h),
            as TensorFlow 2 and Pillow, or "floor" floor(i * H / h), as PyTorch.
        channels: int. 1 averages the channels, 3 repeats a gray image.
        grayscale: bool. Average the colours also where `channels` is 3: gray images for a model of colour images.

    Raises:
        UserError: the crop leaves the image, or the channels cannot be made from the native ones.
    """

    native_shape: tuple
    rows: tuple
    columns: tuple
    size: tuple
    resize: str = "bilinear"
    mask_rule: str = "half_pixel"
    channels: int = 3
    grayscale: bool = False

    def __post_init__(self):
        height, width, channels = self.native_shape
        if not (0 <= self.rows[0] < self.rows[1] <= height and 0 <= self.columns[0] < self.columns[1] <= width):
            raise UserError(f"crop of rows {self.rows[0]}:{self.rows[1]} and columns {self.columns[0]}:"
                            f"{self.columns[1]} does not fit images of {height}x{width}; choose another "
                            "--preprocessing")
        if self.channels not in (1, 3) or channels not in (1, 3):
            raise UserError(f"--image_channels={self.channels} cannot be made from images with {channels} channels; "
                            "use 1 (average), 3 (repeat) or 0 (as stored)")

    @property
    def image_shape(self):
        """Tuple (h, w, c) of the images that leave."""
        return (*self.size, self.channels)

    def images(self, images):
        """Preprocesses images.

        Args:
            images: uint8 [B,H,W,C] of the native shape.

        Returns:
            [B,h,w,c]: uint8 where every output value is an input value, otherwise float32 in [0,1].
        """
        images = self._crop(images)
        images = self._nearest(images) if self._takes_pixels else images
        images = images if self.keeps_values else self._unit_range(images)
        images = self._to_channels(images, 1) if self._averages else images  # first: that leaves less to resize
        images = images if self._takes_pixels else self._interpolated(images)
        return self._to_channels(images, self.channels)

    def masks(self, masks):
        """Preprocesses instance maps, uint8 [B,H,W,1] -> [B,h,w], by nearest neighbour: no new value appears."""
        return self._nearest(self._crop(masks))[..., 0]

    def frame_masks(self, masks):
        """Instance maps, uint8 [B,H,W,1], in the window of the images but not resized: [B,H',W']."""
        return self._crop(masks)[..., 0]

    @property
    def keeps_values(self):
        """Whether every output value is an input value, so that images stay uint8."""
        return self._takes_pixels and not self._averages

    @property
    def keeps_everything(self):
        """Whether images pass unchanged."""
        return self.keeps_values and self._keeps_size() and self.image_shape == self.native_shape

    @property
    def _takes_pixels(self):
        return self.resize == "nearest" or self._keeps_size()

    @property
    def _averages(self):
        return self.native_shape[2] == 3 and (self.grayscale or self.channels == 1)

    def _crop(self, images):
        return images[:, self.rows[0]:self.rows[1], self.columns[0]:self.columns[1]]

    def _keeps_size(self):
        return self.size == (self.rows[1] - self.rows[0], self.columns[1] - self.columns[0])

    def _nearest(self, images):
        if self._keeps_size():
            return images
        for axis, (first, end), size in ((1, self.rows, self.size[0]), (2, self.columns, self.size[1])):
            images = self._take(images, resizing.nearest_indices(end - first, size, self.mask_rule), axis)
        return images

    # === What differs between arrays and tensors ===

    def _interpolated(self, images):
        images = resizing.interpolate(images, self.size, self.resize)
        return np.clip(images, 0.0, 1.0, out=images)  # interpolation weights sum to one only up to rounding

    def _unit_range(self, images):
        return images.astype(np.float32) / np.float32(255.0)

    def _take(self, images, indices, axis):
        return np.take(images, indices, axis)

    def _to_channels(self, images, channels):
        return to_channels(images, channels, np.repeat)


def plan(recipe, native_shape, image_size="", image_channels=0, grayscale=False, kind=Preprocessing):
    """Finds the `Preprocessing` of a data set.

    Args:
        recipe: str. A choice of `DataConfig.preprocessing`.
        native_shape: Tuple (H, W, C) of the stored images.
        image_size: str as in `DataConfig.image_size`; empty: the recipe's size for this frame, else the native one.
        image_channels: int. 0 keeps the native channels.
        grayscale: bool. See `Preprocessing`.
        kind: Class of the result, `Preprocessing` or what inherits from it.

    Returns:
        Instance of `kind`.

    Raises:
        UserError: unknown recipe, malformed or absurd size, impossible channels.
    """
    if recipe not in recipes.FRAMES:
        raise UserError(f"--preprocessing={recipe!r} is unknown; choose one of: {', '.join(recipes.FRAMES)}")
    height, width, channels = native_shape
    frame = recipes.FRAMES[recipe].get((height, width), recipes.FRAMES[recipe][None])
    rows, columns = frame.rows or (0, height), frame.columns or (0, width)
    size = parse_image_size(image_size) or frame.size or (rows[1] - rows[0], columns[1] - columns[0])
    return kind((height, width, channels), rows, columns, size, frame.resize, frame.mask_rule,
                image_channels or channels, grayscale)


def shrinks_with_antialias(recipe):
    """Whether photos of any size are brought to the model's with antialias: unless the recipe (str) reduces whole
    frames and does it without, so that photos look like what its models learned from."""
    sized = [frame for frame in recipes.FRAMES[recipe].values() if frame.size]
    whole = bool(sized) and all(frame.rows is None and frame.columns is None for frame in sized)
    return not whole or all(frame.resize == "antialias" for frame in sized)


def parse_image_size(text):
    """Reads `64` or `96x128` (rows x columns); returns a tuple (h, w), or None for the empty string.

    Raises:
        UserError: anything else, or a side outside 8..4096.
    """
    if not text:
        return None
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip().lower())
    size = match and (int(match[1]), int(match[2] or match[1]))
    if not size or not all(_SMALLEST <= side <= _LARGEST for side in size):
        raise UserError(f"--image_size={text!r} is no size; give one side or rows x columns, each from {_SMALLEST} to "
                        f"{_LARGEST}, such as 64 or 96x128")
    return size


def checked_frames(wanted, stored, name):
    """How many frames of each example are read.

    Args:
        wanted: int, `DataConfig.sequence_frames`.
        stored: int. Frames per example, 0 for single pictures.
        name: str. Name of the data set, for messages.

    Returns:
        int, 0 for single pictures.

    Raises:
        UserError: there are not so many.
    """
    if wanted > max(1, stored):
        holds = f"{stored} frames per example" if stored else "single pictures"
        raise UserError(f"--sequence_frames={wanted}, but --dataset={name} has {holds}; use {'fewer' if stored else 0}")
    return wanted or stored if stored else 0


def to_channels(images, channels, repeat):
    """Drops an alpha channel, then averages or repeats to `channels` (1 or 3).

    The mean is written out: a reduction may sum in another order for another batch size.

    Args:
        images: Array or tensor [...,c]; float where an average is taken.
        channels: int.
        repeat: `np.repeat` or `tf.repeat`.

    Returns:
        [...,channels].
    """
    if images.shape[-1] in (2, 4):
        images = images[..., :-1]
    if images.shape[-1] == channels:
        return images
    if channels == 1:
        return (images[..., 0:1] + images[..., 1:2] + images[..., 2:3]) / 3.0
    return repeat(images, channels, axis=-1)
