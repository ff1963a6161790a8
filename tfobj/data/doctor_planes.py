"""Looks at the mask planes of the record files, before they are merged into a label map."""

import numpy as np

from tfobj.data import records


class PlanesCheck:
    """Checks the conventions of mask planes: values 0/255, sum 255 at every pixel, axis order, background first."""

    def __init__(self, family, findings, mend):
        """Starts with nothing seen.

        Args:
            family: `RecordFamily`.
            findings: `Findings` that get what is wrong.
            mend: str. How to get sound data.
        """
        self._family, self._findings, self._mend = family, findings, mend
        self._areas, self._values = np.zeros(family.num_entities), np.zeros(256, np.int64)

    def label_map(self, where, stored):
        """Checks the planes of one record and merges them.

        Args:
            where: str. How messages call the record.
            stored: uint8 [E*H*W], the mask as stored.

        Returns:
            uint8 [H,W] label map.
        """
        self._values += np.bincount(stored, minlength=256)
        planes = self._planes(stored, self._family.entity_axis)
        if self._check_values(where, stored) and not self._is_partition(planes):
            transposed = self._planes(stored, 2 - self._family.entity_axis)
            if self._is_partition(transposed):
                self._wrong_axis(where)
                planes = transposed
            else:
                self._check_cover(where, planes)
        self._areas += (planes > 0).sum(axis=(1, 2))
        return records.label_map(planes, self._family.background_entities)

    def report_to(self, report):
        """Adds the values found, and a problem if the background is not the first plane."""
        values = [int(value) for value in np.flatnonzero(self._values)]
        shown = ", ".join(map(str, values[:8])) + (", ..." if len(values) > 8 else "")
        report.fact("mask planes", f"{self._family.num_entities} planes, values {shown}")
        largest = int(np.argmax(self._areas))
        if largest >= self._family.background_entities:
            report.problem(f"mask plane {largest} is the largest, expected the background to be the first plane",
                           f"move the background's plane to the front, or {self._mend}")

    def _planes(self, stored, entity_axis):
        height, width = self._family.image_shape[:2]
        if entity_axis == 0:
            return stored.reshape(-1, height, width)
        return np.moveaxis(stored.reshape(height, width, -1), 2, 0)  # [E,H,W]

    @staticmethod
    def _is_partition(planes):
        return bool((planes.sum(axis=0, dtype=np.int64) == records.FULL).all())

    def _check_values(self, where, stored):
        values = set(np.unique(stored).tolist())
        if values <= {0, records.FULL}:
            return True
        if values <= {0, 1}:
            self._findings.add(where, "mask planes hold 0 and 1, expected 0 and 255", "multiply them by 255")
        else:
            self._findings.add(where, "mask planes hold other values than 0 and 255: ids or blended edges", self._mend)
        return False

    def _wrong_axis(self, where):
        axes = {0: "first, [E,H,W,1]", 2: "third, [H,W,E,1]"}
        expected, found = axes[self._family.entity_axis], axes[2 - self._family.entity_axis]
        self._findings.add(where, f"the mask's entity axis is the {found}, expected the {expected}",
                           "transpose the mask before it is stored")

    def _check_cover(self, where, planes):
        sums = planes.sum(axis=0, dtype=np.int64)
        if (sums > records.FULL).any():
            self._findings.add(where, "mask planes overlap (a pixel's planes sum to more than 255)",
                               f"keep one owner per pixel, or {self._mend}")
        if (sums < records.FULL).any():
            self._findings.add(where, "mask planes leave pixels uncovered (a pixel's planes sum to less than 255)",
                               f"give uncovered pixels to the background's plane, or {self._mend}")
