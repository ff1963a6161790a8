"""Factor regression: the probe, and the way from images to its scores."""

import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests.analysis.opened import AnalysisTestCase, Refiner, silent
from tfobj.analysis import factors
from tfobj.analysis.linear_probe import LinearProbe
from tfobj.analysis.options import FactorsOptions
from tfobj.errors import UserError
from tfobj.metrics.factors import ANGLE, CATEGORICAL, SCALAR, Factor
from tfobj.training.tensorflow_engine import TensorFlowEngine

FACTORS = [Factor("place", SCALAR, 2), Factor("kind", CATEGORICAL, 4), Factor("turn", ANGLE, 1)]


def scenes(count, single=False, seed=0):
    """Latents from which all factors follow linearly, targets, and what is visible: one background and two objects."""
    generator = np.random.default_rng(seed)
    visible = np.ones((count, 3), bool)
    visible[::3, 2] = False
    turn = generator.uniform(0.0, 2.0 * np.pi, (count, 3, 1))
    kind = generator.integers(1, 4, (count, 3))
    kind[:, 0] = 0
    place = generator.normal(50.0, 20.0, (count, 3, 2))
    parts = np.concatenate([place / 10.0, 3.0 * np.eye(4)[kind], np.cos(turn), np.sin(turn)], axis=-1)
    latents = parts @ np.random.default_rng(1).normal(size=(8, 8)) + 1.0
    if single:
        latents, visible = latents.reshape(count, -1), visible & (np.arange(3) > 0)
    targets = {"place": place.astype(np.float32), "kind": kind.astype(np.int32), "turn": turn.astype(np.float32)}
    return latents.astype(np.float32), targets, visible


class LinearProbeTest(unittest.TestCase):
    def test_what_is_linear_is_read(self):
        options = FactorsOptions(probe_steps=800, probe_batch_size=100, probe_learning_rate=0.03)
        for single in (False, True):
            probe = LinearProbe(FACTORS, TensorFlowEngine())
            probe.fit(*scenes(200, single), options, lambda done, total: None)
            latents, targets, visible = scenes(50, single, seed=5)
            predicted = probe.predict(latents, 3)
            for factor in FACTORS:
                scores = factors._scores(factor, predicted, targets, visible, single)
                self.assertEqual("accuracy_with_background" in scores, factor.name == "kind" and not single)
                for name, score in scores.items():
                    self.assertGreater(score, 0.97 if name != "chance" else 0.2, (factor.name, name, single))
            self.assertEqual(len(probe.losses), 800)

    def test_steps_are_those_of_adam(self):
        latents, targets, visible = scenes(12)
        options = FactorsOptions(probe_steps=3, probe_batch_size=12, probe_learning_rate=0.01)
        probe = LinearProbe(FACTORS, TensorFlowEngine())
        probe.fit(latents, targets, visible, options, lambda done, total: None)
        layer = {name: keras.Variable(np.zeros(probe._state[name].shape, np.float32)) for name in ("kernel", "bias")}
        optimizer = keras.optimizers.Adam(0.01, epsilon=1e-8)
        batch = {"latents": probe._scaled(latents), "visible": visible.astype(np.float32),
                 **{f"target/{name}": values for name, values in targets.items()}}
        mean, deviation = probe._scales["place"]
        batch["target/place"] = ((batch["target/place"] - mean) / deviation).astype(np.float32)
        for loss in probe.losses:
            with tf.GradientTape() as tape:
                value = probe._loss({name: variable.value for name, variable in layer.items()}, batch)
            self.assertAlmostEqual(float(value), loss, places=5)
            values = list(layer.values())
            optimizer.apply(tape.gradient(value, [variable.value for variable in values]), values)
        # Where the gradient nearly vanishes, as that of most offsets, Adam turns its rounding into steps of a size.
        difference = np.abs(probe._state["kernel"] - helpers.array(layer["kernel"]))
        self.assertLess(np.quantile(difference, 0.8), 1e-5)

    def test_the_background_has_no_numbers_and_what_is_hidden_does_not_count(self):
        options = FactorsOptions(probe_steps=5, probe_batch_size=8)
        weights = []
        for change in ({}, {"place": 100.0}, {"turn": 1.0}):
            latents, targets, visible = scenes(16)
            for name, value in change.items():
                targets[name][:, 0] += value
                targets[name][::3, 2] += value  # the objects that are not there
            probe = LinearProbe(FACTORS, TensorFlowEngine())
            probe.fit(latents, targets, visible, options, lambda done, total: None)
            weights.append(probe._state["kernel"])
        np.testing.assert_array_equal(weights[0], weights[1])
        np.testing.assert_array_equal(weights[0], weights[2])


class FactorsTest(AnalysisTestCase):
    options = FactorsOptions(probe_examples=10, probe_steps=4)

    def test_entities_get_the_slot_that_covers_them(self):
        opened = self.open()
        encoded = factors._Encoded(opened, opened.examples, False, lambda done, total: None)
        batch = opened.examples.examples(6)
        outputs = opened.outputs(batch["image"], range(6))
        for row in range(6):
            for entity in range(4):
                pixels = batch["mask"][row] == entity
                self.assertEqual(encoded.visible[row, entity], pixels.any())
                slot = outputs["masks"][row][:, pixels].sum(axis=1).argmax()
                if pixels.any():
                    np.testing.assert_allclose(encoded.latents[row, entity], outputs["slots"][row, slot], atol=1e-5)

    def test_the_whole_way(self):
        finding = factors.analyse(self.open(), self.options, silent)
        result = finding.result
        self.assertEqual((result["matching"], result["train_examples"]), ("overlap", 10))
        self.assertEqual(set(result["factors"]), {"position", "color", "shape", "radius"})
        self.assertEqual(set(result["factors"]["shape"]), {"accuracy", "accuracy_with_background", "chance"})
        self.assertEqual(finding.table.count("\n"), 3)

    def test_a_single_slot_is_asked_for_all_objects_in_canonical_order(self):
        opened = self.open(Refiner(), num_slots=1)
        result = factors.analyse(opened, self.options, silent).result
        self.assertEqual(result["matching"], "canonical order")
        encoded = factors._Encoded(opened, opened.examples, True, lambda done, total: None)
        self.assertEqual((encoded.latents.shape, encoded.visible.shape), ((6, 4), (6, 4)))
        self.assertFalse(encoded.visible[:, 0].any())
        radius, exists = encoded.described["objects"]["radius"], encoded.visible[:, 1:]
        for values, there in zip(radius, exists):
            self.assertEqual(sorted(values[there]), values[there].tolist())
            self.assertEqual(sorted(there, reverse=True), there.tolist())

    def test_data_without_factors(self):
        opened = self.open()
        opened.source.has_factors = False
        with self.assertRaisesRegex(UserError, "--dataset=colored_shapes .tiny. does not store"):
            factors.analyse(opened, self.options, silent)
