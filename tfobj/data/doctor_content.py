"""Looks at decoded examples: images, label maps, visibility."""

import numpy as np

from tfobj.data.doctor_findings import Findings
from tfobj.labels import IGNORE_ID

SHEET_EXAMPLES = 16


class ContentCheck:
    """Examines examples one by one and remembers the first ones for the contact sheet.

    Attributes:
        findings: `Findings`.
        images: list of uint8 [H,W,C], at most 16; of a sequence, the first frame.
        num_frames: int. Frames of the sequences, 0 for single pictures.
        masks: list of uint8 [H,W] label maps belonging to `images`, empty where there are none.
        examined: int.
    """

    def __init__(self, max_objects, mend):
        """Starts with nothing seen.

        Args:
            max_objects: int N or None. Largest id a mask may hold.
            mend: str. How to get sound data.
        """
        self.findings, self.images, self.masks, self.examined = Findings(), [], [], 0
        self.num_frames = 0
        self._max_objects, self._mend = max_objects, mend
        self._image_range, self._counts = [255, 0], {}
        self._hidden, self._ignored = 0, [0, 0]  # objects; pixels, and examples that have such

    def add(self, where, image, mask, visibility):
        """Examines one example.

        Args:
            where: str. How messages call the example.
            image: uint8 [H,W,C], or [T,H,W,C] for a sequence.
            mask: uint8 [H,W] or [T,H,W], or None. Label map: 0 background, ids, 255 ignored.
            visibility: bool [N+1] or None. Background first.
        """
        self.examined += 1
        if len(self.images) < SHEET_EXAMPLES:
            self._remember(image, mask)
        self._check_image(where, image)
        if mask is not None:
            self._check_mask(where, mask)
        if visibility is not None:
            self._check_visibility(where, mask, visibility)

    def _remember(self, image, mask):
        sequence = image.ndim == 4
        self.num_frames = len(image) if sequence else 0
        self.images.append(image[0] if sequence else image)
        if mask is not None:
            self.masks.append(mask[0] if sequence else mask)

    def report_to(self, report):
        """Adds the facts and one problem per kind of finding to a `HealthReport`."""
        if not self.examined:
            return
        if self.images:
            self._report_pixels(report)
        self.findings.report_to(report, self.examined)

    def _report_pixels(self, report):
        report.fact("pixel values", f"{self._image_range[0]} to {self._image_range[1]}")
        if self._image_range[1] <= 1:
            report.problem("all pixel values are 0 or 1, expected 0 to 255: the images were divided by 255 before they "
                           "were stored", f"store 0..255, or {self._mend}")
        counts = ", ".join(f"{number}: {count:,}" for number, count in sorted(self._counts.items()))
        report.fact("objects per image", counts or "unknown")
        if self._hidden:
            report.fact("hidden objects", f"{self._hidden:,} are marked visible and have no pixel (covered by others)")
        pixels, examples = self._ignored
        if pixels:
            report.fact("ignored pixels", f"{pixels:,} in {examples:,} images are {IGNORE_ID}, dark on the contact "
                        "sheet: they belong to several objects or to none that is known; scores leave them out, and "
                        "an object without other pixels is not counted")

    def _check_image(self, where, image):
        low, high = int(image.min()), int(image.max())
        self._image_range = [min(self._image_range[0], low), max(self._image_range[1], high)]
        if low == high:
            self.findings.add(where, "an image has one colour everywhere", f"it was lost on the way: {self._mend}")

    def _check_mask(self, where, mask):
        pixels = np.bincount(mask.reshape(-1), minlength=256)
        present = np.flatnonzero(pixels)
        self._ignored = [self._ignored[0] + int(pixels[IGNORE_ID]), self._ignored[1] + int(pixels[IGNORE_ID] > 0)]
        if not self._is_binary(where, present):
            surplus = [int(value) for value in present if self._max_objects < value < IGNORE_ID]
            if surplus:
                limit = self._max_objects
                self.findings.add(where, f"a mask holds ids above {limit}, the most objects of this data set",
                                  f"number the objects 1 to {limit}, or {self._mend}")
        if 0 not in present:
            self.findings.add(where, "a mask has no background (id 0)",
                              f"number the background 0 and the objects from 1, or {self._mend}")

    def _is_binary(self, where, present):
        """Whether the map is a 0/255 picture: 255 means ignored, so such a mask says nothing about objects."""
        binary = IGNORE_ID in present and set(present) <= {0, IGNORE_ID}
        if binary:
            self.findings.add(where, "a mask holds 0 and 255 only: it is a 0/255 foreground picture, expected 0 for "
                              "the background, 1, 2, ... for the objects and 255 for pixels to ignore",
                              f"replace 255 by the object's number, or {self._mend}")
        return binary

    def _check_visibility(self, where, mask, visibility):
        number = int(visibility[1:].sum())
        self._counts[number] = self._counts.get(number, 0) + 1
        if not visibility[0]:
            self.findings.add(where, "visibility of the background, its first entry, is false", self._mend)
        if mask is None:
            return
        pixels = np.bincount(mask.reshape(-1), minlength=256)[:len(visibility)]
        self._hidden += int(((pixels == 0) & visibility)[1:].sum())
        if ((pixels > 0) & ~visibility)[1:].any():
            self.findings.add(where, "an object has pixels in the mask but visibility false", self._mend)
