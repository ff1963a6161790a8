"""Sketchy: one step of the real data, small releases in the original layout, golden crops, errors."""

import contextlib
import io
import os
import tempfile
import unittest
import unittest.mock

import numpy as np
import tensorflow as tf
from PIL import Image

from tests import golden_arrays
from tests.data import record_files
from tests.data import small_releases
from tfobj.config import DataConfig
from tfobj.data import prepared
from tfobj.data.builders import sketchy_files
from tfobj.data.builders.sketchy import Sketchy
from tfobj.data.builders.sketchy import strided_config
from tfobj.errors import UserError

# The first step of the example that comes with the data, reduced to the two pictures, their bytes unchanged.
REAL_STEP = os.path.join(os.path.dirname(__file__), "files", "sketchy_step.tfrecords")


def jpeg(seed, height=600, width=960):
    """JPEG bytes of a picture of random blocks."""
    return small_releases.encoded(Image.fromarray(small_releases.photo(seed, height, width)), "JPEG")


def features(seed, **changes):
    """The features of a step; `changes` replaces the bytes of a camera, None removes it."""
    cameras = {"basket_front_left": jpeg(2 * seed), "basket_front_right": jpeg(2 * seed + 1),
               "basket_back_left": b"not needed", **changes}
    pixels = {f"pixels/{camera}": tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))
              for camera, content in cameras.items() if content is not None}
    return {**pixels, "actions": record_files.floats([0.5] * 7)}


def episode(seed, steps=1):
    """Serialized steps of an episode."""
    return [record_files.serialize(features(10 * seed + step)) for step in range(steps)]


def expected(jpeg_bytes, first_row):
    """The seven crops of a picture, by slicing."""
    window = np.asarray(Image.open(io.BytesIO(jpeg_bytes)))[first_row:first_row + 448, 144:816]
    parts = [window[:, 112:560]] + [window[row:row + 352, column:column + 352]
                                    for row in (0, 96) for column in (0, 160, 320)]
    return [np.asarray(Image.fromarray(part).resize((128, 128), Image.Resampling.BILINEAR)) for part in parts]


class CropsTest(unittest.TestCase):

    def test_golden_crops(self):
        arrays = golden_arrays.load("genesis_v2_data")
        frame, compared = Image.fromarray(small_releases.waves(600, 960)), 0
        for camera, short in (("front_left", "fl"), ("front_right", "fr")):
            for name, square in zip(sketchy_files.CROPS, sketchy_files.cut(frame, camera)):
                self.assertEqual(square.size, (128, 128))
                if f"sketchy.{short}_{name}" in arrays:
                    golden = arrays[f"sketchy.{short}_{name}"].astype(int)
                    stride = 128 // len(golden)  # the arrays that are shipped hold every fourth pixel
                    self.assertLessEqual(np.abs(np.asarray(square)[::stride, ::stride] - golden).max(), 1, name)
                    compared += 1
        self.assertEqual(compared, 10)

    def test_real_step(self):
        self.assertEqual(sketchy_files.find_steps(REAL_STEP), [(12, os.path.getsize(REAL_STEP) - 16)])
        example = tf.train.Example.FromString(next(tf.data.TFRecordDataset(REAL_STEP).as_numpy_iterator()))
        jpegs = {camera: example.features.feature[sketchy_files.feature_name(camera)].bytes_list.value[0]
                 for camera in sketchy_files.CAMERAS}
        self.assertEqual([len(content) for content in jpegs.values()], [32_670, 45_967])
        scenes = sketchy_files.read_step("e", 0, jpegs)
        wanted = expected(jpegs["front_left"], 71) + expected(jpegs["front_right"], 91)
        self.assertEqual((len(scenes), len(wanted)), (14, 14))
        for scene, crop in zip(scenes, wanted):
            np.testing.assert_array_equal(tf.io.decode_png(scene["image"]), crop)
        self.assertEqual([(scene["camera"], scene["crop"]) for scene in scenes[5:9]],
                         [("front_left", "c4"), ("front_left", "c5"), ("front_right", "full"), ("front_right", "c0")])


class OfficialTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.manual = os.path.join(self.directory, "originals")
        self.episodes = {f"episode_{seed:02d}": episode(seed, 1 + seed % 2) for seed in range(10)}

    def put(self, folder="sketchy"):
        path = os.path.join(self.manual, folder)
        os.makedirs(path, exist_ok=True)
        for name, steps in self.episodes.items():
            record_files.write(os.path.join(path, name), steps, "")
        small_releases.write_tree(path, {"metadata.sqlite": b"no episode"})
        return path

    def prepare(self, **changes):
        return small_releases.prepare("sketchy", self.directory, **changes)

    def check(self, builder):
        sizes = {split: info.num_examples for split, info in builder.info.splits.items()}
        self.assertEqual(sizes, {"train": 14 * 12, "validation": 14, "test": 28})
        for split, names in (("validation", {b"episode_00"}), ("test", {b"episode_01"}),
                             ("train", {f"episode_{seed:02d}".encode() for seed in range(2, 10)})):
            self.assertEqual({example["episode"] for example in small_releases.examples(builder, split)}, names)
        for example in small_releases.examples(builder, "test"):
            seed = 2 * (10 + example["step"]) + example["camera"]
            crops = expected(jpeg(seed), (71, 91)[example["camera"]])
            np.testing.assert_array_equal(example["image"], crops[example["crop"]])

    def test_unpacked_release(self):
        self.put("sketchy/records")
        builder = self.prepare(workers=2)
        self.check(builder)
        self.assertEqual(set(builder.info.features), {"image", "id", "episode", "step", "camera", "crop"})
        self.assertIsNone(builder.layout.max_objects)

    def test_archives(self):
        content = {}
        for name, steps in self.episodes.items():
            path = record_files.write(os.path.join(self.directory, "episode"), steps, "")
            with open(path, "rb") as file:
                content[f"data/{name}"] = file.read()
        for number, subset in enumerate(("lift_green__demos", "stack_green_on_red__demos")):
            for part in range(2):
                members = {name: data for name, data in content.items() if int(name[-2:]) % 4 == 2 * number + part}
                path = os.path.join(self.manual, f"{subset}-{part:05d}-of-00002.tar.bz2")
                small_releases.write_tar(path, members, "bz2")
        self.check(self.prepare())
        os.remove(path)
        with unittest.mock.patch("urllib.request.urlopen", side_effect=OSError("no route")):
            with self.assertRaisesRegex(UserError, "stack_green_on_red__demos-00001-of-00002.tar.bz2 could not"):
                small_releases.prepare("sketchy", os.path.join(self.directory, "other"), manual_dir=self.manual)

    def test_archives_with_an_episode_of_the_same_name(self):
        content = {f"{part}/episode_{part}": b"" for part in range(4)}
        content["3/episode_0"] = b"another"
        for part, subset in enumerate(("lift_green__demos", "stack_green_on_red__demos") * 2):
            path = os.path.join(self.manual, f"{subset}-{part // 2:05d}-of-00002.tar.bz2")
            small_releases.write_tar(path, {name: content[name] for name in content if name[0] == str(part)}, "bz2")
        with self.assertRaisesRegex(UserError, "demos-00001.*: its member '3/episode_0' would overwrite episode_0 "):
            self.prepare()

    def test_another_number_of_episodes_than_the_release_has_is_remarked(self):
        folder = self.put()
        config = DataConfig(dataset="sketchy", dataset_config="official", data_dir=self.directory,
                            manual_dir=self.manual)
        warning = (f"warning: {folder} holds 10 episodes, the release has 400: the splits will not be those of other "
                   "people's results\n")
        for episodes, remark in ((400, ""), (10, warning)):
            found = [os.path.join(folder, f"episode_{index % 10:02d}") for index in range(episodes)]
            with contextlib.redirect_stderr(io.StringIO()) as remarks, unittest.mock.patch.object(
                    sketchy_files, "list_episodes", return_value=found):
                prepared.create_builder(config).official.splits(None, self.manual, {}, 1)
            self.assertEqual(remarks.getvalue(), remark)

    def test_every_second_or_third_step(self):
        self.episodes = {f"episode_{seed:02d}": episode(seed, 5 if seed == 9 else 1) for seed in range(10)}
        self.put()
        for stride, kept in ((2, {0, 2, 4}), (3, {0, 3})):
            builder = Sketchy(config=strided_config(stride), data_dir=self.directory, manual_dir=self.manual)
            with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
                builder.download_and_prepare()
            self.assertTrue(os.path.isdir(os.path.join(self.directory, "sketchy", f"official_stride_{stride}")))
            again = Sketchy(config=strided_config(stride), data_dir=self.directory)
            examples = small_releases.examples(again, "train")
            self.assertEqual({example["step"] for example in examples if example["episode"] == b"episode_09"}, kept)
            self.assertEqual(len(examples), 14 * (7 + len(kept)))
            self.assertEqual(len(small_releases.examples(again, "test")), 14)

    def test_stride_one_is_the_official_configuration(self):
        self.assertIs(strided_config(1), Sketchy.builder_configs["official"])
        self.assertEqual(Sketchy(config=strided_config(1), data_dir=self.directory).official.frame_stride, 1)
        for wrong in (0, -1, 2.0, "2"):
            with self.subTest(wrong=wrong), self.assertRaisesRegex(UserError, "frame_stride=.*expected an integer"):
                strided_config(wrong)

    def test_damaged_episodes(self):
        folder = self.put()
        path, name = os.path.join(folder, "episode_05"), "pixels/basket_front_right"
        whole = record_files.serialize(features(1))
        for records, message in (
                ([whole, record_files.serialize(features(2, basket_front_right=None))], f"step 1 has no .* {name}"),
                ([b"\x0a\xff\xff"], "step 0 is damaged"),
                ([record_files.serialize(features(1, basket_front_right=jpeg(0, 480, 640)))],
                 f"episode_05, step 0, {name}: a picture of 480x640 pixels .* expected 600x960"),
                ([record_files.serialize(features(1, basket_front_right=b"\xff\xd8"))],
                 f"episode_05, step 0, {name}: no readable picture")):
            record_files.write(path, records, "")
            with self.subTest(message=message), self.assertRaisesRegex(UserError, message):
                self.prepare()
        record_files.write(path, [whole, whole], "")
        with open(path, "rb+") as file:
            file.truncate(os.path.getsize(path) - 9)
        with self.assertRaisesRegex(UserError, f"{path}: cut off or damaged in step 1"):
            self.prepare()
        record_files.write(path, [whole], "GZIP")
        with self.assertRaisesRegex(UserError, f"{path}: a compressed TFRecord"):
            self.prepare()
        record_files.write_bytes(path, b"something else")
        with self.assertRaisesRegex(UserError, f"{path}: this is no TFRecord"):
            self.prepare()

    def test_one_episode_is_all_train(self):
        self.episodes = {"real": list(tf.data.TFRecordDataset(REAL_STEP).as_numpy_iterator())}
        builder = self.prepare(manual_dir=self.put())
        self.assertEqual({split: info.num_examples for split, info in builder.info.splits.items()}, {"train": 14})

    def test_doubled_episodes(self):
        self.put()
        path = self.put("sketchy/records")
        with self.assertRaisesRegex(UserError, f"{path}/episode_0.: the episode is there twice"):
            self.prepare()


if __name__ == "__main__":
    unittest.main()
