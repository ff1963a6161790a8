"""Pictures: colours, label maps, layout and files."""

import os
import tempfile
import unittest

import numpy as np
from PIL import Image

from tfobj import visualisation

# Linear RGB as a deuteranope sees it (Vienot, Brettel and Mollon 1999, transformed to RGB).
DEUTERANOPE = np.array([[0.2928, 0.7072, 0.0], [0.2928, 0.7072, 0.0], [-0.0223, 0.0223, 1.0]])


def outputs_of(masks, channels=3):
    """Model outputs that go with float masks [B,K,H,W]: slot k is painted with brightness (k + 1) / K."""
    num_slots = masks.shape[1]
    levels = (np.arange(num_slots) + 1.0) / num_slots
    components = np.broadcast_to(levels[None, :, None, None, None], (*masks.shape, channels))
    return {"masks": masks, "components": components, "reconstruction": (masks[..., None] * components).sum(axis=1)}


def two_halves(size=16):
    """Masks [1,3,size,size]: slot 1 sure of the left half, slot 2 unsure of the right one."""
    masks = np.zeros((1, 3, size, size), np.float32)
    masks[0, 1, :, :size // 2] = 0.9
    masks[0, 0, :, :size // 2] = 0.1
    masks[0, :, :, size // 2:] = np.array([0.3, 0.3, 0.4])[:, None, None]
    return masks


class PaletteTest(unittest.TestCase):

    def test_every_id_has_a_colour_and_the_first_ones_are_far_apart(self):
        colors = visualisation.palette().astype(float)
        self.assertEqual(colors.shape, (256, 3))
        self.assertEqual(len({tuple(color) for color in colors[:41]}), 41)
        for seen in (colors[:13], 255 * np.clip((colors[:13] / 255) ** 2.2 @ DEUTERANOPE.T, 0, 1) ** (1 / 2.2)):
            distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1) + 1e3 * np.eye(13)
            self.assertGreater(distance.min(), 50.0)

    def test_background_is_gray_in_every_picture(self):
        picture = visualisation.segmentation_picture(np.array([[0, 1], [2, 255]]))
        np.testing.assert_array_equal(picture[0, 0], visualisation.BACKGROUND_COLOR)
        np.testing.assert_array_equal(picture[0, 1], visualisation.SLOT_COLORS[0])
        np.testing.assert_array_equal(picture[1, 1], visualisation.IGNORE_COLOR)


class LabelMapTest(unittest.TestCase):

    def test_threshold_leaves_unsure_pixels_to_the_background(self):
        masks = two_halves()
        ids = visualisation.threshold_segmentation(masks, 0.5)
        self.assertEqual(ids.shape, (1, 16, 16))
        np.testing.assert_array_equal(ids[0, :, :8], 2)
        np.testing.assert_array_equal(ids[0, :, 8:], 0)
        np.testing.assert_array_equal(visualisation.threshold_segmentation(masks, 0.0)[0, :, 8:], 3)

    def test_a_background_slot_is_id_zero(self):
        masks = two_halves()[0]
        np.testing.assert_array_equal(visualisation.threshold_segmentation(masks, 0.5, background_slot=1), 0)
        np.testing.assert_array_equal(visualisation.slot_ids(np.array([0, 1, 2]), background_slot=1), [1, 0, 3])
        np.testing.assert_array_equal(visualisation.slot_ids(np.array([0, 1, 2])), [1, 2, 3])

    def test_contours_lie_inside_objects_and_are_as_wide_as_told(self):
        ids = np.zeros((9, 9), int)
        ids[2:7, 2:7] = 1
        inner = np.zeros((9, 9), bool)
        inner[3:6, 3:6] = True
        np.testing.assert_array_equal(visualisation.contours(ids), (ids == 1) & ~inner)
        self.assertEqual(int(visualisation.contours(ids, width=2).sum()), 24)


class PictureTest(unittest.TestCase):

    def test_to_rgb_accepts_gray_colour_alpha_and_both_ranges(self):
        for shape in ((4, 5), (4, 5, 1), (4, 5, 2), (4, 5, 3), (4, 5, 4)):
            self.assertEqual(visualisation.to_rgb(np.full(shape, 0.5)).shape, (4, 5, 3))
        np.testing.assert_array_equal(visualisation.to_rgb(np.array([[-1.0, 0.5, 2.0, np.nan]]))[0, :, 0],
                                      [0, 128, 255, 0])
        np.testing.assert_array_equal(visualisation.to_rgb(np.full((1, 1, 1), 77, np.uint8)), 77)

    def test_overlay_keeps_the_background_and_tints_objects(self):
        image, ids = np.full((20, 20, 3), 100, np.uint8), np.zeros((20, 20), int)
        ids[5:15, 5:15] = 1
        picture = visualisation.overlay(image, ids, opacity=0.5)
        np.testing.assert_array_equal(picture[ids == 0], 100)
        np.testing.assert_array_equal(picture[5, 5], visualisation.SLOT_COLORS[0])
        np.testing.assert_array_equal(picture[10, 10],
                                      np.round((100 + np.array(visualisation.SLOT_COLORS[0])) / 2).astype(int))

    def test_slot_grid_has_a_column_for_everything(self):
        for channels in (1, 3):
            images, masks = np.zeros((2, 32, 32, channels), np.float32), np.repeat(two_halves(32), 2, axis=0)
            plain = visualisation.slot_grid(images, outputs_of(masks, channels))
            with_truth = visualisation.slot_grid(images, outputs_of(masks, channels), np.zeros((2, 32, 32), np.uint8))
            tile = 96 + 2 * 2 + 6
            self.assertEqual(plain.shape[1], (4 + 2 * 3) * tile + 6)
            self.assertEqual(with_truth.shape[1] - plain.shape[1], tile)
            self.assertEqual(plain.dtype, np.uint8)

    def test_slot_grid_shows_mask_times_component(self):
        picture = visualisation.slot_grid(np.zeros((1, 96, 96, 3)), outputs_of(two_halves(96)))
        tile, top = 96 + 2 * 2 + 6, 6 + 16 + 6 + 2
        column = 6 + 2 + 5 * tile  # slot 2 of 3: brightness 2/3, mask 0.9 on the left and 0.3 on the right
        np.testing.assert_array_equal(picture[top + 48, column + 10], round(255 * 0.9 * 2 / 3))
        np.testing.assert_array_equal(picture[top + 48, column + 80], round(255 * 0.3 * 2 / 3))
        np.testing.assert_array_equal(picture[top + 48, column - 1], visualisation.palette()[2])

    def test_attention_grid_has_a_line_per_iteration(self):
        attention = np.zeros((2, 3, 4, 8, 8))
        attention[:, :, 1] = 1.0
        picture = visualisation.attention_grid(np.zeros((2, 32, 32, 3)), attention)
        self.assertEqual(picture.shape, (6 + 16 + 2 * (6 + 3 * (96 + 4 + 6)) + 6, 6 + 64 + 5 * (96 + 4 + 6) + 6, 3))
        np.testing.assert_array_equal(picture[86, 6 + 64 + 2 * 106 + 6 + 50], visualisation.palette()[2])

    def test_contact_sheet_takes_images_of_different_sizes(self):
        images = [np.zeros((20, 30, 3), np.uint8), np.zeros((400, 100, 1), np.uint8), np.zeros((8, 8, 4), np.uint8)]
        masks = [np.ones(image.shape[:2], np.uint8) for image in images]
        plain, masked = visualisation.contact_sheet(images, columns=2), visualisation.contact_sheet(
            images, masks, columns=2, captions=["a", "b", "c" * 1000])
        self.assertLess(plain.shape[1], masked.shape[1])
        self.assertEqual(masked.shape[0] - plain.shape[0], 2 * 16)

    def test_contact_sheet_has_titles_above_every_column(self):
        images, masks = [np.full((96, 96, 3), 90, np.uint8)] * 3, [np.zeros((96, 96), np.uint8)] * 3
        for these, panels in ((masks, 3), (None, 1)):
            plain, titled = (visualisation.contact_sheet(images, these, columns=2, titles=titles)
                             for titles in (None, ("image", "mask", "overlay")))
            self.assertEqual((titled.shape[1], titled.shape[0] - plain.shape[0]), (plain.shape[1], 16 + 12))
            written = (titled[6:6 + 16] < 128).any(axis=(0, 2))
            for column in range(2):
                for panel in range(panels):
                    left = 6 + column * (panels * 96 + 2 * (panels - 1) + 12) + panel * 98
                    self.assertTrue(written[left:left + 96].any(), (column, panel))


class SavePngTest(unittest.TestCase):

    def test_what_is_written_is_read_back(self):
        generator = np.random.default_rng(0)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "picture.png")
            for shape in ((5, 4), (5, 4, 1), (5, 4, 3), (5, 4, 4)):
                array = generator.integers(0, 256, shape).astype(np.uint8)
                visualisation.save_png(path, array)
                np.testing.assert_array_equal(np.asarray(Image.open(path)).reshape(shape), array)
            self.assertEqual(os.listdir(directory), ["picture.png"])

    def test_a_palette_file_holds_the_ids(self):
        ids = np.array([[0, 1], [2, 255]], np.uint8)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "ids.png")
            visualisation.save_png(path, ids, visualisation.palette())
            with Image.open(path) as picture:
                self.assertEqual(picture.mode, "P")
                np.testing.assert_array_equal(np.asarray(picture), ids)
                np.testing.assert_array_equal(np.asarray(picture.convert("RGB")),
                                              visualisation.segmentation_picture(ids))

    def test_a_failed_write_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as directory:
            with self.assertRaises(OSError):
                visualisation.save_png(os.path.join(directory, "missing", "a.png"), np.zeros((2, 2), np.uint8))
            self.assertEqual(os.listdir(directory), [])


if __name__ == "__main__":
    unittest.main()
