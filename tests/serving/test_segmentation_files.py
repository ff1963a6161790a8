"""Label PNGs of the clients: palette, labels, file names."""

import argparse
import contextlib
import io
import os
import pathlib
import tempfile
import unittest

import numpy as np
from PIL import Image

from tests.serving import exported
from tfobj import visualisation

segmentation_files = exported.import_client("segmentation_files")


class SegmentationFilesTest(unittest.TestCase):

    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = pathlib.Path(temporary.name)

    def test_colours_are_those_of_every_other_picture(self):
        self.assertEqual(segmentation_files.palette(), [tuple(map(int, color)) for color in visualisation.palette()])

    def test_palette_colours_labels_and_keeps_them(self):
        labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
        colors = visualisation.palette()
        for first_slot, expected in ((1, colors[labels]), (0, colors[labels + 1])):
            picture = Image.open(io.BytesIO(segmentation_files.colored(exported.image_file(labels), first_slot)))
            self.assertEqual(picture.mode, "P")
            np.testing.assert_array_equal(np.asarray(picture), labels)
            np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), expected)

    def test_other_files_are_refused(self):
        for content in (b"", b"no png", exported.image_file(exported.images(1)[0])):
            with self.assertRaisesRegex(ValueError, "no 8-bit gray PNG"):
                segmentation_files.colored(content)

    def _segment(self, images, request, **changes):
        arguments = argparse.Namespace(**{"images": images, "out": str(self.directory / "out"), "raw": False,
                                          "batch_size": 2, **changes})
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            segmentation_files.segment_files(arguments, request)
        return printed.getvalue()

    def test_images_are_sent_in_batches_and_written_beside_each_other(self):
        images, batches = [], []
        for index in range(3):
            images.append(str(self.directory / f"photo{index}.jpg"))
            pathlib.Path(images[-1]).write_bytes(bytes([index]))

        def request(files):
            batches.append(len(files))
            labels = [np.full((2, 2), content[0], np.uint8) for content in files]
            return {"segmentation_thresholded_png_bytes": [exported.image_file(label) for label in labels]}

        printed = self._segment(images, request)
        self.assertEqual((batches, printed.count("->")), ([2, 1], 3))
        for index in range(3):
            path = self.directory / "out" / f"photo{index}_segmentation.png"
            np.testing.assert_array_equal(np.asarray(Image.open(path)), np.full((2, 2), index))
        self.assertEqual(len(os.listdir(self.directory / "out")), 3)

    def test_errors_name_the_files(self):
        with self.assertRaisesRegex(ValueError, "missing.png: No such file"):
            self._segment([str(self.directory / "missing.png")], None)
        with self.assertRaisesRegex(ValueError, "several images would be written to"):
            self._segment(["a/photo.png", "b/photo.jpg"], None)
        with self.assertRaisesRegex(ValueError, "--batch_size=0"):
            self._segment([], None, batch_size=0)
        path = self.directory / "photo.png"
        path.write_bytes(b"x")

        def refuse(files):
            raise ConnectionError("the server said no")

        with self.assertRaisesRegex(ValueError, "no answer for .*photo.png: the server said no"):
            self._segment([str(path)], refuse)


if __name__ == "__main__":
    unittest.main()
