"""Finding, reading and naming the user's images."""

import os
import tempfile
import unittest

import numpy as np
from PIL import Image

from tfobj import photos
from tfobj.errors import UserError


class PhotosTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        """A path in the temporary directory; its parents are created."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def saved(self, name, picture, **options):
        """Saves a Pillow image and returns its path."""
        picture.save(self.path(name), **options)
        return self.path(name)

    def test_every_kind_of_image_is_read_as_it_is_seen(self):
        color = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 4, 3)).astype(np.uint8))
        red = Image.new("RGB", (4, 6), (200, 10, 20))
        np.testing.assert_array_equal(photos.read(self.saved("rgb.png", color)), np.asarray(color))
        np.testing.assert_array_equal(photos.read(self.saved("gray.png", color.convert("L")))[..., 0],
                                      np.asarray(color.convert("L")))
        few_colors = red.convert("P", palette=Image.Palette.ADAPTIVE)
        np.testing.assert_array_equal(photos.read(self.saved("palette.png", few_colors))[0, 0], (200, 10, 20))
        transparent = color.copy()
        transparent.putalpha(10)
        np.testing.assert_array_equal(photos.read(self.saved("alpha.png", transparent)), np.asarray(color))
        self.assertEqual(photos.read(self.saved("cmyk.jpg", red.convert("CMYK"))).shape, (6, 4, 3))
        self.assertEqual(photos.read(self.saved("bits.png", red.convert("1"))).shape, (6, 4, 1))
        self.assertEqual(photos.read(self.saved("first.gif", red, save_all=True, append_images=[red])).shape, (6, 4, 3))

    def test_sixteen_bits_are_scaled_and_not_clipped(self):
        deep = Image.fromarray(np.array([[0, 257, 32896, 65535]], np.uint16))
        np.testing.assert_array_equal(photos.read(self.saved("deep.png", deep))[0, :, 0], [0, 1, 128, 255])

    def test_exif_rotation_is_applied(self):
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera was held on its side
        path = self.saved("rotated.jpg", Image.new("RGB", (40, 20)), exif=exif)
        self.assertEqual(photos.read(path).shape, (40, 20, 3))

    def test_what_is_no_image_is_named(self):
        for name, content, reason in (("notes.png", b"hello", "is no image"), ("empty.png", b"", "is no image")):
            with open(self.path(name), "wb") as stream:
                stream.write(content)
            with self.assertRaisesRegex(UserError, f"{name}.*{reason}"):
                photos.read(self.path(name))
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
        whole = self.saved("whole.png", Image.fromarray(noise))
        with open(whole, "rb") as stream, open(self.path("half.png"), "wb") as half:
            half.write(stream.read()[:5000])
        with self.assertRaisesRegex(UserError, "half.png.*cannot be read"):
            photos.read(self.path("half.png"))

    def test_patterns_match_files_only_sorted_and_across_directories(self):
        expected = [self.saved(name, Image.new("L", (2, 2))) for name in ("a/1.png", "a/2.png", "b/c/0.png")]
        os.makedirs(self.path("a/3.png/x"))
        self.assertEqual(photos.find(os.path.join(self.folder, "a", "*.png")), expected[:2])
        self.assertEqual(photos.find(os.path.join(self.folder, "**", "*.png")), expected)
        odd = self.saved("a/[odd].png", Image.new("L", (2, 2)))
        self.assertEqual(photos.find(odd), [odd])

    def test_a_pattern_without_a_match_and_a_directory_are_errors(self):
        with self.assertRaisesRegex(UserError, r"--images=.*matches no file"):
            photos.find(os.path.join(self.folder, "*.png"))
        with self.assertRaisesRegex(UserError, r"is a directory; say which files in it"):
            photos.find(self.folder)

    def test_names_are_stems_where_unique_and_different_always(self):
        self.assertEqual(photos.names(["x/a.png", "x/b.png"]), ["a", "b"])
        self.assertEqual(photos.names(["x/a.png", "y/a.png", "y/b.png"]), ["x_a", "y_a", "b"])
        self.assertEqual(photos.names(["x/a.png", "x/a.jpg"]), ["a_png", "a_jpg"])
        for paths in (["x/a.png", "y/a.png", "x_a.png"], ["a_png.png", "a.png", "a.jpg"], ["a.png", "A.png"],
                      ["x/y/a.png", "x_y/a.png", "x/y_a.png", "x_y_a.png", "x_y_a.jpg"]):
            names = photos.names(paths)
            self.assertEqual(len({name.casefold() for name in names}), len(paths), names)


if __name__ == "__main__":
    unittest.main()
