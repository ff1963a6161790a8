"""ShapeStacks: a small release in the original layout, unpacked and as archives; errors; the generated set."""

import contextlib
import hashlib
import io
import os
import tempfile
import unittest
import unittest.mock

import numpy as np

from tests.data import small_releases
from tfobj.config import DataConfig
from tfobj.data import prepared
from tfobj.data.builders import official_shapestacks
from tfobj.data.builders import shapestacks_files
from tfobj.errors import UserError

STABLE, TIPPED = "env_ccs-easy-h=2-vcom=0-vpsf=0-v=1", "env_blocks-hard-h=6-vcom=3-vpsf=0-v=20"
LEANING = "env_ccs-hard-h=3-vcom=0-vpsf=2-v=7"
SPLITS = {"train": [TIPPED, STABLE], "eval": [LEANING], "test": ["env_blocks-easy-h=4-vcom=0-vpsf=0-v=12"]}
CAMERAS = {TIPPED: (1, 16), STABLE: (3,), LEANING: (2,), SPLITS["test"][0]: (10,)}
MAP = "iseg/{}/iseg-w=0-f=0-l=0-c=original-cam_{}-mono-0.map"


def image_name(scenario, camera):
    return f"recordings/{scenario}/rgb-w=1-f=2-l=0-c=unique-cam_{camera}-mono-0.png"


def labels(camera):
    """Label map with the objects 1 .. 6 as stripes, the last one only for cameras above 9."""
    stripes = np.repeat(np.arange(7), 32)[None].repeat(224, axis=0)
    return np.where((stripes == 6) & (camera < 10), 0, stripes).astype(np.uint8)


def release():
    """dict from path to content. Camera 16's picture has an alpha channel; maps are RGBA, as the release has them."""
    files = {f"splits/default/{split}.txt": "".join(f"{name}\n" for name in names).encode()
             for split, names in SPLITS.items()}
    for scenario, cameras in CAMERAS.items():
        for camera in cameras:
            picture = small_releases.photo(camera, 224, 224, 4 if camera == 16 else 3)
            files[image_name(scenario, camera)] = small_releases.png(picture)
            planes = np.stack([32 * labels(camera)] * 3 + [np.full((224, 224), 255, np.uint8)], axis=-1)
            files[MAP.format(scenario, camera)] = small_releases.png(planes)
    return files


class OfficialTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory, self.files = directory.name, release()
        self.manual = os.path.join(self.directory, "originals")

    def put(self, files=None, folder=""):
        small_releases.write_tree(os.path.join(self.manual, folder), files or self.files)

    def put_archives(self):
        """The three archives; the folders before a scenario differ, and they hold more than is needed."""
        places = {"rgb": ("recordings/", ""), "iseg": ("iseg/", "./shapestacks/iseg/"), "meta": ("splits/", "splits/")}
        for kind, (folder, replacement) in places.items():
            files = {name.replace(folder, replacement, 1): content for name, content in self.files.items()
                     if name.startswith(folder)}
            files["meta/blacklist_stable.txt"] = b"not needed"
            path = os.path.join(self.manual, f"shapestacks-{kind}.tar.gz")
            small_releases.write_tar(path, files)
            with open(path, "rb") as archive:
                small_releases.write_tree(self.manual, {
                    f"{os.path.basename(path)}.md5": f"{hashlib.md5(archive.read()).hexdigest()}  x\n".encode()})

    def prepare(self, **changes):
        return small_releases.prepare("shapestacks", self.directory, **changes)

    def check(self, builder):
        found = {}
        for split in ("train", "validation", "test"):
            for example in small_releases.examples(builder, split):
                found[example["scenario"].decode(), int(example["camera"])] = split, example
        self.assertEqual(sorted(found), sorted((name, camera) for name in CAMERAS for camera in CAMERAS[name]))
        for (scenario, camera), (split, example) in found.items():
            self.assertIn(scenario, SPLITS[{"validation": "eval"}.get(split, split)])
            np.testing.assert_array_equal(
                example["image"], small_releases.photo(camera, 224, 224, 4 if camera == 16 else 3)[..., :3])
            np.testing.assert_array_equal(example["mask"][..., 0], labels(camera))
            self.assertEqual(example["visibility"].tolist(), [True] * 6 + [camera >= 10])
            self.assertEqual(example["num_objects"], 6 if camera >= 10 else 5)
            self.assertEqual(bool(example["stable"]), scenario in (STABLE, SPLITS["test"][0]))

    def test_unpacked_release(self):
        self.put(folder="shapestacks")
        builder = self.prepare()
        self.check(builder)
        self.assertEqual(set(builder.info.features), {"image", "mask", "visibility", "num_objects", "id", "stable",
                                                      "scenario", "camera"})
        kept = set(small_releases.stored_pictures(builder, "train"))
        self.assertEqual({self.files[image_name(TIPPED, 1)] in kept, self.files[image_name(STABLE, 3)] in kept}, {True})
        self.assertNotIn(self.files[image_name(TIPPED, 16)], kept)  # had an alpha channel

    def test_archives_and_two_workers(self):
        self.put_archives()
        self.check(self.prepare(workers=2))
        unpacked = os.path.join(self.directory, "downloads", "unpacked")
        root = os.path.join(unpacked, *os.listdir(unpacked))
        self.assertEqual(sorted(os.listdir(root)), ["iseg", "recordings", "splits"])

    def test_views_of_a_scene_do_not_lie_side_by_side(self):
        names = {f"{scenario}-v={number}": [1, 2, 3, 4] for number in range(5) for scenario in ("env_a", "env_b")}
        with unittest.mock.patch.dict(CAMERAS, names, clear=True), unittest.mock.patch.dict(
                SPLITS, {"train": list(names)[:6], "eval": list(names)[6:8], "test": list(names)[8:]}):
            self.put(release())
        scenarios = [example["scenario"] for example in small_releases.examples(self.prepare(), "train")]
        self.assertEqual(len(scenarios), 24)
        self.assertGreater(sum(first != second for first, second in zip(scenarios, scenarios[1:])), 12)

    def test_damaged_archives(self):
        self.put_archives()
        path = os.path.join(self.manual, "shapestacks-rgb.tar.gz")
        with open(path, "rb+") as file:
            file.truncate(os.path.getsize(path) // 2)
        with self.assertRaisesRegex(UserError, f"{path}: its MD5 sum is [0-9a-f]+, {path}.md5 says"):
            self.prepare()
        os.remove(f"{path}.md5")
        with self.assertRaisesRegex(UserError, f"{path}: damaged or cut off after [0-9]+ files"):
            self.prepare()
        small_releases.write_tar(path, {"readme.txt": b"text"})
        with self.assertRaisesRegex(UserError, f"{path}: holds none of the files that are needed"):
            self.prepare()

    def test_missing_files(self):
        with unittest.mock.patch("urllib.request.urlopen", side_effect=OSError("no route")):
            with self.assertRaisesRegex(
                    UserError, "http://shapestacks-file.*shapestacks-meta.tar.gz could not be .*no route.*put it at "
                    f"{self.manual}/shapestacks-meta.tar.gz; do the same with [^ ]*iseg.tar.gz, [^ ]*rgb.tar.gz; "
                    f"or unpack the release to {self.manual}/shapestacks$"):
                self.prepare()
        for name, message in ((MAP.format(TIPPED, 16), f"{MAP.format(TIPPED, 16)} is missing, the instance map"),
                              (image_name(STABLE, 3), f"recordings/{STABLE}: holds no picture rgb-"),
                              ("splits/default/eval.txt", "splits/default/eval.txt: cannot be read")):
            self.put()
            os.remove(os.path.join(self.manual, name))
            with self.subTest(name=name), self.assertRaisesRegex(UserError, message):
                self.prepare()

    def test_labels_are_values_divided_by_32(self):
        for values, wanted, unexpected in (((0, 32, 192), (0, 1, 6), False), ((0, 0, 0), (0, 0, 0), False),
                                           ((33, 31, 191), (1, 0, 5), True), ((223, 0, 64), (6, 0, 2), True),
                                           ((224, 192, 0), (255, 6, 0), True), ((255, 32, 32), (255, 1, 1), True)):
            stripes = np.repeat(np.array(values, np.uint8), (100, 100, 24))[None].repeat(224, axis=0)
            found, remarked = shapestacks_files.label_map(small_releases.png(stripes), "a.map")
            with self.subTest(values=values):
                self.assertEqual((tuple(found[7, [0, 100, 200]].tolist()), remarked), (wanted, unexpected))
                self.assertEqual(found.dtype, np.uint8)

    def remarks(self, **changes):
        config = DataConfig(dataset="shapestacks", dataset_config="official", data_dir=self.directory,
                            manual_dir=self.manual)
        with contextlib.redirect_stderr(io.StringIO()) as remarks:
            builder = prepared.prepare_dataset(config, **changes)
        return builder, [line for line in remarks.getvalue().splitlines() if line.startswith("warning: ")]

    def test_unexpected_values_are_counted(self):
        for camera in (1, 16):
            self.files[MAP.format(TIPPED, camera)] = small_releases.png(36 * labels(16) + 32)
        self.put()
        for workers in (1, 2):
            builder, remarks = self.remarks(workers=workers, overwrite=True)
            self.assertEqual(len(remarks), 2, remarks)  # the other one: few pictures
            self.assertRegex(remarks[1], f"train: 2 instance maps .* first is {self.manual}/iseg/{TIPPED}/iseg-.*; ")
        examples = {int(example["camera"]): example for example in small_releases.examples(builder, "train")}
        self.assertEqual(examples[16]["mask"][0, ::32, 0].tolist(), [1, 2, 3, 4, 5, 6, 255])
        self.assertEqual(examples[3]["mask"][0, ::32, 0].tolist(), [0, 1, 2, 3, 4, 5, 0])
        remarks = self.remarks(overwrite=True, split_sizes={"train": 2, "validation": 1, "test": 1})[1]
        self.assertRegex(remarks[1], "train: [12] instance maps")

    def test_another_number_of_pictures_than_the_release_has_is_remarked(self):
        self.put()
        known = "train 217,888, validation 46,560, test 46,752"
        self.assertEqual(self.remarks()[1], [
            f"warning: {self.manual} holds other numbers of pictures (train 3, validation 1, test 1) than are known of "
            f"the release ({known}); is everything unpacked?"])
        sizes = {"train": 3, "validation": 1, "test": 1}
        with unittest.mock.patch.object(official_shapestacks, "_SIZES", sizes):
            self.assertEqual(self.remarks(overwrite=True)[1], [])

    def test_files_that_are_not_what_they_should_be(self):
        image, map_name = image_name(STABLE, 3), MAP.format(STABLE, 3)
        small = small_releases.photo(0, 64, 64)
        for name, content, message in (
                (image, b"no picture", "of no known format, 10 bytes"),
                (image, self.files[image][:500], "no readable picture"),
                (image, small_releases.png(small), "64x64 pixels .* expected 224x224"),
                (image, small_releases.png(small_releases.photo(0, 224, 224)[..., 0]), "mode L, expected RGB or RGBA"),
                (map_name, small_releases.png(labels(16), palette=True), "mode P, expected L or LA or RGB"),
                (map_name, small_releases.png(labels(16)), "the largest gray value is 6; .* hold 32 x label"),
                (map_name, small_releases.png(np.full((224, 224), 31, np.uint8)), "the largest gray value is 31;"),
                ("splits/default/train.txt", b"env_a\n\xff\xfe\x00", "no text .invalid start byte at byte 6.,"),
                (map_name, small_releases.png(small[..., 0]), "64x64 pixels")):
            self.put({**self.files, name: content})
            with self.subTest(message=message), self.assertRaisesRegex(UserError, f"{name}: .*{message}"):
                self.prepare()
            self.assertFalse(os.path.exists(os.path.join(self.directory, "shapestacks", "official")))

    def test_members_of_archives_find_their_places(self):
        image = "env_a-h=2/rgb-w=0-f=0-l=0-c=original-cam_1-mono-0.png"
        for prefix in ("", "recordings/", "./shapestacks/recordings/"):
            self.assertEqual(shapestacks_files.place(prefix + image), f"recordings/{image}")
        self.assertEqual(shapestacks_files.place("splits/default/eval.txt"), "splits/default/eval.txt")
        for name in ("splits/ccs_all/eval.txt", "splits/default/eval_bgr_mean.npy", "mjcf/env_a.xml",
                     "env_a/depth-w=0-f=0-l=0-c=original-cam_1-mono-0.png", "env_a/../../rgb-x-mono-0.png"):
            self.assertIsNone(shapestacks_files.place(name), name)


class GeneratedTest(unittest.TestCase):

    def test_schema_and_a_scene(self):
        with tempfile.TemporaryDirectory() as directory:
            config = DataConfig(dataset="shapestacks", dataset_config="tiny", data_dir=directory)
            sizes = {"train": 2, "validation": 1, "test": 1}
            builder = prepared.prepare_dataset(config, split_sizes=sizes)
            self.assertEqual(builder.builder_configs["generated"].split_sizes,
                             {"train": 20_000, "validation": 1_000, "test": 1_000})
            example = small_releases.examples(builder, "train")[0]
        self.assertEqual((example["image"].shape, example["mask"].shape), ((64, 64, 3), (64, 64, 1)))
        self.assertEqual(set(example["objects"]), {"shape", "color", "size", "position"})
        self.assertEqual(example["objects"]["size"].shape, (6, 3))
        self.assertTrue(example["stable"])
        self.assertEqual(example["num_objects"], len(set(example["mask"].reshape(-1).tolist()) - {0}))


if __name__ == "__main__":
    unittest.main()
