"""Records of the released files: what the real ones hold, planes and label maps, damaged and foreign records."""

import gzip
import hashlib
import tempfile
import unittest

import numpy as np

from tests.data import record_files
from tfobj.data import record_reader
from tfobj.data import records
from tfobj.data.scenes import tetrominoes
from tfobj.data.wire_format import MalformedExample
from tfobj.errors import UserError

TETROMINOES = records.FAMILIES["tetrominoes"]
BEVEL = np.array([[191, 255, 255, 255, 223], [127, 159, 159, 159, 191], [127, 159, 159, 159, 191],
                  [127, 159, 159, 159, 191], [95, 63, 63, 63, 127]])


class RealFileTest(unittest.TestCase):
    """The facts that are known about the real Tetrominoes records."""

    @classmethod
    def setUpClass(cls):
        cls.records = list(record_reader.read_records(record_files.REAL_FILE, TETROMINOES))
        cls.scenes = [records.canonical_scene(record, TETROMINOES) for record in cls.records]

    def pieces(self):
        """Yields (image [35,35,3], bool plane [35,35], factors) of all thirty pieces."""
        for scene in self.scenes:
            for row in range(3):
                factors = {name: values[row] for name, values in scene["objects"].items()}
                yield scene["image"], scene["mask"] == row + 1, factors

    def test_fixture_is_the_real_file(self):
        with open(record_files.REAL_FILE, "rb") as file:
            content = file.read()
        self.assertEqual(len(content), 3715)
        self.assertEqual(hashlib.sha256(content).hexdigest(),
                         "d0583e6a9e8d0f8bcc0241e759672f8e31623bd4977a55e981bd9e536ffc3722")
        self.assertEqual([len(record) for record in record_files.real_records()], [25944] * 10)

    def test_shapes_and_types(self):
        self.assertEqual(len(self.records), 10)
        for record in self.records:
            self.assertEqual({name: (value.shape, value.dtype.name) for name, value in record.items()}, {
                "image": ((35, 35, 3), "uint8"), "mask": ((4, 35, 35), "uint8"), "x": ((4,), "float32"),
                "y": ((4,), "float32"), "shape": ((4,), "float32"), "visibility": ((4,), "float32"),
                "color": ((4, 3), "float32")})

    def test_planes_are_disjoint_and_cover_the_image(self):
        for record in self.records:
            np.testing.assert_array_equal(record["mask"].sum(axis=0, dtype=int), 255)
            self.assertEqual(set(np.unique(record["mask"])), {0, 255})

    def test_label_map_turns_back_into_the_planes(self):
        for record, scene in zip(self.records, self.scenes):
            planes = (scene["mask"] == np.arange(4)[:, None, None]) * 255
            np.testing.assert_array_equal(planes, record["mask"])

    def test_background_is_the_first_plane_and_black(self):
        for record in self.records:
            np.testing.assert_array_equal(record["mask"][0] == 255, (record["image"] == 0).all(axis=-1))

    def test_every_piece_covers_a_hundred_pixels(self):
        self.assertEqual([int(plane.sum()) for _, plane, _ in self.pieces()], [100] * 30)

    def test_x_is_the_row_and_y_the_column_of_the_corner(self):
        for _, plane, factors in self.pieces():
            rows, columns = np.nonzero(plane)
            self.assertEqual((factors["row"], factors["column"]), (rows.min(), columns.min()))
        for record, scene in zip(self.records, self.scenes):
            np.testing.assert_array_equal(scene["objects"]["row"], record["x"][1:])

    def test_shape_codes_name_the_pieces(self):
        seen = set()
        for _, plane, factors in self.pieces():
            row, column, code = int(factors["row"]), int(factors["column"]), factors["shape"]
            expected = np.zeros((35, 35), bool)
            for down, right in tetrominoes.BLOCKS[code]:
                expected[row + down:row + down + 5, column + right:column + right + 5] = True
            np.testing.assert_array_equal(plane, expected)
            seen.add(int(code))
        self.assertEqual(seen, {2, 3, 5, 6, 7, *range(9, 20)})

    def test_all_blocks_have_the_bevel_in_the_colour_of_the_piece(self):
        blocks = 0
        for image, _, factors in self.pieces():
            self.assertTrue((tetrominoes.SATURATED_COLORS == factors["color"]).all(axis=1).any())
            for down, right in tetrominoes.BLOCKS[factors["shape"]]:
                row, column = int(factors["row"]) + down, int(factors["column"]) + right
                block = image[row:row + 5, column:column + 5]
                np.testing.assert_array_equal(block, BEVEL[..., None] * factors["color"])
                blocks += 1
        self.assertEqual(blocks, 120)
        levels = np.unique([record["image"] for record in self.records])
        np.testing.assert_array_equal(levels, [0, 63, 95, 127, 159, 191, 223, 255])

    def test_everything_is_visible(self):
        for record, scene in zip(self.records, self.scenes):
            np.testing.assert_array_equal(record["visibility"], 1.0)
            np.testing.assert_array_equal(scene["visibility"], [True] * 4)

    def test_pieces_of_record_2_touch(self):
        mask = self.scenes[2]["mask"].astype(int)
        sides = [(mask[1:], mask[:-1]), (mask[:, 1:], mask[:, :-1])]
        touching = sum(int(((one != two) & (one > 0) & (two > 0)).sum()) for one, two in sides)
        self.assertGreater(touching, 0)


class ReaderTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = f"{directory.name}/a.tfrecords"

    def read(self, content=None, family=TETROMINOES, **kwargs):
        if content is not None:
            record_files.write_bytes(self.path, content)
        return list(record_reader.read_records(self.path, family, **kwargs))

    def test_uncompressed_copy_reads_the_same(self):
        compressed = record_reader.read_records(record_files.REAL_FILE, TETROMINOES)
        for one, two in zip(self.read(record_files.real_bytes()), compressed, strict=True):
            for name, value in one.items():
                np.testing.assert_array_equal(value, two[name])

    def test_start_and_count_select_records(self):
        part = self.read(record_files.real_bytes(), start=7, count=2)
        whole = self.read()
        self.assertEqual(len(part), 2)
        np.testing.assert_array_equal(part[1]["image"], whole[8]["image"])

    def test_cut_and_damaged_files_name_the_record(self):
        plain = record_files.real_bytes()
        damaged = bytearray(plain)
        damaged[3 * 25960 + 500] ^= 255
        for content in (plain[:100_000], gzip.compress(plain[:100_000]), bytes(damaged)):
            with self.assertRaisesRegex(UserError, "record 3 is damaged or cut off, the 3 records before it are re"):
                self.read(content)

    def test_other_records_are_named(self):
        record_files.write(self.path, [record_files.serialize({"image": record_files.one_byte_strings([1, 2])})])
        with self.assertRaisesRegex(UserError, "record 0 is not of the kind tetrominoes .*--check --file="):
            self.read()

    def test_multi_dsprites_keep_the_entity_axis_third(self):
        for variant, entities, channels in (("binarized", 4, 1), ("colored_on_colored", 5, 3)):
            family = records.FAMILIES[f"multi_dsprites/{variant}"]
            rng = np.random.default_rng(0)
            owner, image = rng.integers(0, entities, (64, 64)), rng.integers(0, 256, (64, 64, channels))
            factors = {name: record_files.floats(rng.random(entities))
                       for name in ("x", "y", "orientation", "scale")}
            record_files.write(self.path, [record_files.serialize({
                **factors, "image": record_files.one_byte_strings(image),
                "mask": record_files.one_byte_strings((owner[..., None] == np.arange(entities)) * 255),  # [H,W,E]
                "shape": record_files.floats([0, 3, 1] + [0] * (entities - 3)),
                "visibility": record_files.floats([1, 1, 1] + [0] * (entities - 3)),
                "color": record_files.floats(rng.random((entities, channels)))})])
            record, = self.read(family=family)
            scene = records.canonical_scene(record, family)
            self.assertEqual(record["mask"].shape, (entities, 64, 64))
            np.testing.assert_array_equal(scene["mask"], owner)
            np.testing.assert_array_equal(scene["image"], image)
            np.testing.assert_array_equal(scene["visibility"], [True, True, True] + [False] * (entities - 3))
            np.testing.assert_array_equal(scene["objects"]["shape"], [3, 1] + [0] * (entities - 3))
            self.assertEqual(scene["objects"]["color"].shape, (entities - 1, channels))

    def test_codes_beyond_the_classes_are_named(self):
        family = records.FAMILIES["clevr_masks/clevr10"]
        record = records.parse_record(record_files.random_record(family)[0], family)
        for name, value, limit in (("color", 9, 8), ("size", 3, 2)):
            changed = {**record, name: np.full(11, value, np.uint8)}
            with self.assertRaisesRegex(MalformedExample, f"feature '{name}' holds {value}, expected whole numbers "
                                        f"from 0 to {limit}"):
                records.canonical_scene(changed, family)

    def changed(self, **features):
        """The first real record with other values of some features."""
        record = next(record_reader.read_records(record_files.REAL_FILE, TETROMINOES))
        return {**record, **{name: np.asarray(values, np.float32) for name, values in features.items()}}

    def test_codes_are_whole_numbers(self):
        for value in (np.nan, np.inf, 20, 19.7, 2.4, -0.3):
            with self.assertRaisesRegex(MalformedExample, f"'shape' holds {value}.*, expected whole numbers from 0 to "
                                        "19"):
                records.canonical_scene(self.changed(shape=[0, value, 1, 2]), TETROMINOES)
        scene = records.canonical_scene(self.changed(shape=[0, 0, 1, 19]), TETROMINOES)
        self.assertEqual(scene["objects"]["shape"].tolist(), [0, 1, 19])

    def test_visibility_and_factors_are_finite(self):
        for name, values in (("x", [0, np.nan, 1, 2]), ("visibility", [1, 1, np.inf, 1]),
                             ("color", [[np.nan] * 3] * 4)):
            with self.assertRaisesRegex(MalformedExample, f"feature '{name}' holds (nan|inf), expected finite numbers"):
                records.canonical_scene(self.changed(**{name: values}), TETROMINOES)
        records.canonical_scene(self.changed(x=[np.nan, 0, 1, 2]), TETROMINOES)  # the background's row is not kept

    def test_masks_of_another_convention_are_refused(self):
        ids = np.arange(4, dtype=np.uint8)[:, None, None]
        for change in (np.zeros_like, lambda planes: planes // 255, lambda planes: planes // 255 * ids,
                       lambda planes: np.moveaxis(planes, 0, 2), lambda planes: np.maximum(planes, planes[:1]),
                       lambda planes: planes * (ids > 0)):
            real = record_files.real_records()
            record_files.write(self.path, [*real[:7], record_files.with_planes(real[7], change)])
            with self.assertRaisesRegex(UserError, "a.tfrecords: record 7 is not .*'mask' does not give every pixel to "
                                        "one plane, expected 255 in one of 4 planes .*--check --file="):
                list(record_reader.read_scenes(self.path, TETROMINOES))

    def test_the_background_comes_first(self):
        record_files.write(self.path, [record_files.with_planes(record, lambda planes: planes[[1, 2, 3, 0]])
                                       for record in record_files.real_records()])
        for count, last in ((None, 9), (4, 3), (20, 9)):
            with self.assertRaisesRegex(UserError, f"mask plane 3 is the largest in records 0 to {last}, expected the "
                                        "background in plane 0; run .*--check --file="):
                list(record_reader.read_scenes(self.path, TETROMINOES, count))


class PlanesTest(unittest.TestCase):

    def test_the_owner_has_the_largest_value_and_the_first_wins_ties(self):
        planes = np.random.default_rng(0).integers(0, 4, (7, 20, 30)).astype(np.uint8)
        np.testing.assert_array_equal(records.owners(planes), planes.argmax(axis=0))

    def test_background_entities_are_merged(self):
        planes = np.eye(6, dtype=np.uint8).reshape(6, 2, 3) * 255
        np.testing.assert_array_equal(records.label_map(planes, background_entities=4), [[0, 0, 0], [0, 1, 2]])

    def test_uncovered_pixels_are_background(self):
        np.testing.assert_array_equal(records.label_map(np.zeros((4, 1, 2), np.uint8)), [[0, 0]])


class RepairedWallsTest(unittest.TestCase):

    def repaired(self, owner, num_entities=7):
        """Owners after the repair of the planes that `owner` [H,W] stands for."""
        planes = (owner == np.arange(num_entities)[:, None, None]) * np.uint8(255)
        return records.owners(records.repaired_walls(planes))

    def test_objects_move_up_where_one_wall_fills_the_frame(self):
        owner = record_files.room_with_one_wall()
        np.testing.assert_array_equal(self.repaired(owner), np.where(owner > 2, owner + 1, owner))

    def test_an_object_at_the_side_of_the_frame_moves_up_too(self):
        owner = record_files.room_with_one_wall()
        owner[owner == 3] = 2
        owner[30:50, :10] = 3
        np.testing.assert_array_equal(self.repaired(owner), np.where(owner > 2, owner + 1, owner))

    def test_two_walls_stay(self):
        owner = record_files.room_with_one_wall()
        owner[owner > 2] = 2
        owner[16:40, 40:] = 3
        owner[20:30, 20:30] = 4
        np.testing.assert_array_equal(self.repaired(owner), owner)

    def test_nothing_changes_without_a_free_plane_or_without_objects(self):
        owner = record_files.room_with_one_wall()
        owner[:2, :2] = 6
        np.testing.assert_array_equal(self.repaired(owner), owner)
        owner = np.minimum(record_files.room_with_one_wall(), 2)
        np.testing.assert_array_equal(self.repaired(owner), owner)
        np.testing.assert_array_equal(self.repaired(owner, num_entities=4), owner)


if __name__ == "__main__":
    unittest.main()
