"""ClevrTex: small releases in the original layout, unpacked and as archives; errors; the generated sets."""

import contextlib
import io
import json
import os
import pathlib
import tempfile
import unittest
import unittest.mock

import numpy as np

from tests.data import small_releases
from tfobj.config import DataConfig
from tfobj.data import prepared
from tfobj.data.builders import clevrtex_files
from tfobj.data.builders.clevrtex import Clevrtex
from tfobj.errors import UserError


def prefix(variant, index):
    """Path of a scene without suffix; two scenes per chunk."""
    return f"clevrtex_{variant}/{index // 2}/CLEVRTEX_{variant}_{index:06d}"


def labels(index):
    """Index map: objects as vertical stripes of 20 columns from the left; scene i has 3 + i % 8 objects."""
    stripes = np.minimum(np.arange(320) // 20, 11)
    return np.where(stripes <= 3 + index % 8, stripes, 0).astype(np.uint8)[None].repeat(240, axis=0)


def metadata(index):
    """The description of a scene, with keys as the release has them."""
    rows = [{"shape": "monkey", "size": "large", "rotation": 10.0 * k, "3d_coords": [k, -k, 0.9],
             "pixel_coords": [20 * k, 100, 0.5], "index": k, "color": "red",
             "material": "poliigonfabricupholsterybrightanglepattern001" if k == 1 else f"PoliigonMarble{k:02d}"}
            for k in range(1, 4 + index % 8)]
    return {"num_objects": len(rows), "ground_material": "poliigonbricks01", "objects": rows[::-1]}


def release(variant, count):
    """dict from path to content. Pictures with odd numbers have an alpha channel; there are files nobody needs."""
    files = {}
    for index in range(count):
        path = prefix(variant, index)
        files[f"{path}.png"] = small_releases.png(small_releases.photo(index, 240, 320, 3 + index % 2))
        files[f"{path}_flat.png"] = small_releases.png(labels(index), palette=True)
        files[f"{path}.json"] = json.dumps(metadata(index)).encode()
        files[f"{path}_depth_0001.png"] = b"not needed"
    return files


class OfficialTest(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.manual = os.path.join(self.directory, "originals")

    def prepare(self, variant, **changes):
        return small_releases.prepare("clevrtex", self.directory, dataset_variant=variant, **changes)

    def check(self, example, index):
        number = 3 + index % 8
        np.testing.assert_array_equal(example["image"],
                                      small_releases.photo(index, 240, 320, 3 + index % 2)[..., :3])
        np.testing.assert_array_equal(example["mask"][..., 0], labels(index))
        self.assertEqual(example["visibility"].tolist(), [True] * (1 + number) + [False] * (10 - number))
        self.assertEqual(example["num_objects"], number)
        objects = example["objects"]
        self.assertEqual(objects["shape"].tolist(), [b"monkey"] * number + [b""] * (10 - number))
        self.assertEqual(objects["material"][:2].tolist(), [b"poliigonfabricupholsterymidcenturypebbles001",
                                                            b"poliigonmarble02"])
        np.testing.assert_array_equal(objects["rotation"], [10 * k if k <= number else 0 for k in range(1, 11)])
        np.testing.assert_allclose(objects["coords_3d"][:2], [[1, -1, 0.9], [2, -2, 0.9]])
        np.testing.assert_allclose(objects["pixel_coords"][2], [60, 100, 0.5])
        self.assertEqual(example["ground_material"], b"poliigonbricks01")

    def test_unpacked_release(self):
        files = release("camo", 21)
        small_releases.write_tree(self.manual, files)
        builder = self.prepare("camo")
        for split, indices in (("test", range(2)), ("validation", range(2, 4)), ("train", range(4, 21))):
            found = small_releases.examples(builder, split)
            self.assertEqual(len(found), len(indices))
            for example, index in zip(found, indices):
                self.check(example, index)
        first, second = small_releases.stored_pictures(builder, "test")
        self.assertEqual(first, files[f"{prefix('camo', 0)}.png"])
        self.assertNotEqual(second, files[f"{prefix('camo', 1)}.png"])  # had an alpha channel

    def test_out_of_distribution_scenes_are_all_test(self):
        small_releases.write_tree(os.path.join(self.manual, "clevrtex"), release("outd", 3))
        builder = self.prepare("outd", workers=2)
        self.assertEqual(list(builder.info.splits), ["test"])
        for index, example in enumerate(small_releases.examples(builder, "test")):
            self.check(example, index)

    def test_archives_in_parts(self):
        files, paths = release("full", 12), []
        for part in range(1, 6):
            chunk = {f"./{name}": content for name, content in files.items() if int(name.split("/")[1]) % 5 == part - 1}
            paths.append(small_releases.write_tar(
                os.path.join(self.manual, f"clevrtex_full_part{part}.tar.gz"), chunk))
        builder = self.prepare("full")
        self.check(small_releases.examples(builder, "validation")[0], 1)
        unpacked = pathlib.Path(self.directory, "downloads", "unpacked")
        self.assertEqual(len(list(unpacked.glob("clevrtex_full-*/?/*"))), 36)
        os.remove(paths[3])
        with unittest.mock.patch("urllib.request.urlopen", side_effect=OSError("no route")):
            with self.assertRaisesRegex(UserError, "https://thor.*/clevrtex_full_part4.tar.gz could not .*"
                                        f"{self.manual}/clevrtex_full_part4.tar.gz; or unpack the release to "):
                small_releases.prepare("clevrtex", os.path.join(self.directory, "other"), dataset_variant="full",
                                       manual_dir=self.manual)

    def test_a_member_that_leads_out_of_the_directory(self):
        content = release("camo", 2)
        content["../CLEVRTEX_camo_000002.png"] = b"somewhere else"
        path = small_releases.write_tar(os.path.join(self.manual, "clevrtex_camo.tar.gz"), content)
        with self.assertRaisesRegex(UserError, f"{path}: its member '../CLEVRTEX_camo_000002.png' would lie outside"):
            self.prepare("camo")
        self.assertEqual(os.listdir(os.path.join(self.directory, "downloads", "unpacked")), [])

    def test_another_number_of_scenes_than_the_release_has_is_remarked(self):
        small_releases.write_tree(self.manual, release("vbg", 10))
        config = DataConfig(dataset="clevrtex", dataset_variant="vbg", dataset_config="official",
                            data_dir=self.directory, manual_dir=self.manual)
        with contextlib.redirect_stderr(io.StringIO()) as remarks:
            prepared.prepare_dataset(config)
        self.assertIn("holds 10 scenes, the release has 20,000", remarks.getvalue())

    def test_the_directory_of_the_variant_itself_and_less_than_ten_scenes(self):
        small_releases.write_tree(self.manual, release("grassbg", 9))
        builder = self.prepare("grassbg", manual_dir=os.path.join(self.manual, "clevrtex_grassbg"))
        self.assertEqual({split: info.num_examples for split, info in builder.info.splits.items()}, {"train": 9})

    def test_errors(self):
        path, wrong = prefix("pbg", 1), metadata(1)
        wrong["objects"].pop()
        huge = metadata(1)
        huge["objects"][0]["rotation"] = 10 ** 400
        cases = (
            ({f"{path}.png": None}, "scene 000001 is missing, but there are 11 up to 000011"),
            ({f"{path}.json": None}, f"{path}.json is missing beside CLEVRTEX_pbg_000001.png"),
            ({f"{path}_flat.png": None}, f"{path}_flat.png is missing"),
            ({f"clevrtex_pbg/9/{path.split('/')[2]}{suffix}": b"" for suffix in clevrtex_files.SUFFIXES},
             "scene 000001 is there twice"),
            ({f"{path}_flat.png": small_releases.png(labels(1))}, f"{path}_flat.png: a picture of mode L, expected P"),
            ({f"{path}_flat.png": small_releases.png(labels(6), palette=True)}, "shows object 9, but .* lists 4 obj"),
            ({f"{path}.png": small_releases.png(small_releases.photo(0, 192, 192))}, "192x192 .* expected 240x320"),
            ({f"{path}.png": b"\x89PNG"}, f"{path}.png: no readable picture"),
            ({f"{path}.json": b"{"}, f"{path}.json: no description of a ClevrTex scene .JSONDecodeError"),
            ({f"{path}.json": b"[" * 100_000}, f"{path}.json: no description of a ClevrTex scene .RecursionError"),
            ({f"{path}.json": json.dumps(huge).encode()}, "no description of a ClevrTex scene .OverflowError"),
            ({f"{path}.json": b'{"objects": [{}]}'}, "no description of a ClevrTex scene .KeyError: 'index'"),
            ({f"{path}.json": json.dumps(wrong).encode()}, r"its objects are numbered \[2, 3, 4\], expected 1, 2"),
        )
        for number, (changes, message) in enumerate(cases):
            files = {**release("pbg", 12), **changes}
            manual = os.path.join(self.manual, str(number))
            small_releases.write_tree(manual, {name: files[name] for name in files if files[name] is not None})
            with self.subTest(message=message), self.assertRaisesRegex(UserError, message):
                self.prepare("pbg", manual_dir=manual)
        os.makedirs(os.path.join(self.manual, "clevrtex_full"))
        with self.assertRaisesRegex(UserError, "clevrtex_full: holds no picture CLEVRTEX_full_######.png"):
            self.prepare("full")


class GeneratedTest(unittest.TestCase):

    def test_configurations(self):
        sizes = {name: config.split_sizes for name, config in Clevrtex.builder_configs.items()}
        self.assertEqual(len(sizes), 18)
        self.assertEqual(sizes["full_generated"], {"train": 10_000, "validation": 1_000, "test": 1_000})
        self.assertEqual((sizes["outd_generated"], sizes["camo_generated"]), ({"test": 1_000}, {"test": 1_000}))
        self.assertEqual((sizes["outd_tiny"], sizes["outd_official"]), ({"test": 16}, {}))

    def test_a_scene_and_its_classes(self):
        with tempfile.TemporaryDirectory() as directory:
            config = DataConfig(dataset="clevrtex", dataset_variant="camo", dataset_config="tiny", data_dir=directory)
            builder = prepared.prepare_dataset(config, split_sizes={"test": 2})
            for example in small_releases.examples(builder, "test"):
                self.assertEqual((example["image"].shape, example["mask"].shape), ((128, 128, 3), (128, 128, 1)))
                number = example["num_objects"]
                self.assertEqual(set(example["objects"]["material"][:number].tolist()), {example["ground_material"]})
            self.assertNotIn("color", example["objects"])
        colored = Clevrtex(config="vbg_generated").info.features["objects"]
        self.assertEqual(colored["color"].feature.num_classes, 8)


if __name__ == "__main__":
    unittest.main()
