"""GENESIS and MONet-G against the arrays of the reference implementation: every stage, gradients, statistics, samples.

Sizes are read from the arrays. What the shipped ones leave out, weights and inputs, is drawn from its name.
"""

import dataclasses
import unittest

import keras
import numpy as np
import tensorflow as tf

from tests import helpers
from tests.golden.genesis_baseline_weights import (genesis_name, inputs_of, monet_name, sizes_of, statistics,
                                                   stored_names)
from tests.golden.genesis_case import GRADIENT_TOLERANCE, GoldenTest
from tests.golden.genesis_v2_weights import weight
from tfobj import genesis_config
from tfobj.models.genesis import Genesis
from tfobj.models.monet_g import MonetG
from tfobj.ops.slots import fold, unfold
from tfobj.ops.stick_breaking import log_masks_of_logits

# In exact arithmetic batch normalisation leaves no gradient to the biases before it.
INERT = {f"core.{part}.bias" for part in "enc0 enc1 enc2 enc3 enc4 dec1 dec2 dec3 dec4 dec5".split()}


class BaselineTest(GoldenTest):
    """Base of the cases of one model, in the size of its arrays.

    Attributes:
        model_class: Class of the model.
        name_of: Function from a variable to the name of its array.
        image: Stored or drawn images; `given` are the arrays of noise in the order of their names, `sizes` the widths.
        config: Configuration of the model, set by the subclass.
    """

    model_class, name_of = None, None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.image, *cls.given = inputs_of(cls.arrays, cls.stem).values()
        cls.sizes = sizes_of(cls.arrays, cls.stem)

    @classmethod
    def build(cls, **changes):
        """The configured model, some options changed, with the stored or drawn weights."""
        options = {**dataclasses.asdict(cls.config), **changes}
        model = cls.model_class(cls.image.shape[1:], **options).build_on_zeros()
        for variable in model.trainable_variables:
            parts = stored_names(cls.name_of(variable))
            shape = (*variable.shape[:-1], variable.shape[-1] // len(parts))
            variable.assign(np.concatenate([weight(cls.arrays, part, shape) for part in parts], axis=-1))
        model.schedule.beta.assign(float(cls.arrays["grad.beta"]))
        return model

    def check_gradients(self, model, gradients):
        """Compares the norms of all weights' gradients, each half of a joint normalisation by itself."""
        for variable, gradient in zip(model.trainable_variables, gradients):
            parts = stored_names(self.name_of(variable))
            for name, values in zip(parts, np.split(keras.ops.convert_to_numpy(gradient), len(parts), axis=-1)):
                if name in INERT:
                    np.testing.assert_allclose(values, 0.0, atol=1e-4, err_msg=name)
                else:
                    self.check(np.linalg.norm(values), f"gradnorm.{name}", GRADIENT_TOLERANCE)

    def loss_and_gradients(self, model, image, noise):
        """Outputs and terms in training, and the gradients of the mean loss."""
        with tf.GradientTape() as tape:
            outputs = model(image, noise=noise, training=True)
            terms = model.losses_of(image, outputs)
            loss = tf.reduce_mean(terms["loss"])
        self.check(loss, "grad.loss", 1e-6)
        return outputs, terms, tape.gradient(loss, [variable.value for variable in model.trainable_variables])

    def check_sample(self, noise):
        """Compares the scene of given noise."""
        scene = self.model.sample(noise)
        self.check(scene["reconstruction"], "sample.recon")
        self.check(scene["log_masks"], "sample.log_masks")


class GoldenGenesisTest(BaselineTest):
    stem, model_class, name_of = "genesis", Genesis, staticmethod(genesis_name)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        masks, components = cls.given
        cls.noise = {"mask_latents": masks, "component_latents": components}
        width = cls.sizes["channels"]
        cls.config = genesis_config.GenesisConfig(
            num_slots=masks.shape[1], mask_latent_size=masks.shape[2], latent_size=components.shape[2],
            encoder_filters=(width,) * 5, decoder_filters=(width,) * 6, component_channels=width,
            hidden_size=cls.sizes["units"], reference_sampling=True)
        cls.model = cls.build()

    def setUp(self):
        for variable, name in self.moving():
            variable.assign(self.statistic("bn_before", name))

    def moving(self):
        """Moving statistics with their stored names."""
        return [(variable, genesis_name(variable)) for variable in self.model.non_trainable_variables
                if "moving" in variable.path]

    def statistic(self, when, name):
        """Both halves of a stored or drawn moving statistic."""
        parts = stored_names(name)
        if when == "bn_before":
            size = self.model.encoder.filters[0]
            return np.concatenate([statistics(self.arrays, part, (size,)) for part in parts])
        return np.concatenate([self.arrays[f"{when}.{part}"] for part in parts])

    def check_outputs(self, mode, outputs, terms):
        stored = {"log_masks": "log_masks", "components": "x_components", "reconstruction": "recon", "mask_kl": "kl_m"}
        for name, golden in stored.items():
            self.check(outputs[name], f"{mode}.{golden}")
        size = self.config.mask_latent_size
        for name, golden in (("slots", "_mu"), ("latent_std", "_sigma"), ("latents", "")):
            self.check(outputs[name][..., :size], f"{mode}.zm{golden}")
            self.check(outputs[name][..., size:], f"{mode}.zc{golden}")
        self.check(outputs["kl"] - outputs["mask_kl"], f"{mode}.kl_l")
        self.check(terms["err"], f"{mode}.err")
        kl = [np.sum(self.arrays[f"{mode}.kl_{part}"], axis=1) for part in "ml"]
        np.testing.assert_allclose(terms["kl_m"], kl[0], rtol=1e-4)
        np.testing.assert_allclose(terms["kl_l"], kl[1], rtol=1e-4)
        np.testing.assert_allclose(terms["elbo"], -(self.arrays[f"{mode}.err"] + kl[0] + kl[1]), rtol=1e-5)
        latents = outputs["latents"][..., :size]
        for prior, name in ((self.model.mask_prior, "zm"), (self.model.component_prior, "zc")):
            for value, golden in zip(prior(latents), ("mu", "sigma")):
                self.check(value, f"{mode}.{name}_prior_{golden}")

    def test_golden_genesis_with_moving_statistics(self):
        outputs = self.model(self.image, noise=self.noise)
        self.check_outputs("eval", outputs, self.model.losses_of(self.image, outputs))
        latents = outputs["latents"][..., :self.config.mask_latent_size]
        logits = unfold(self.model.mask_decoder(fold(latents)), latents.shape[1])[..., 0]
        self.check(logits, "eval.mask_logits")
        self.check(log_masks_of_logits(logits)[1], "eval.log_scopes")

    def test_golden_genesis_training_and_gradients(self):
        outputs, terms, gradients = self.loss_and_gradients(self.model, self.image, self.noise)
        self.check_outputs("train", outputs, terms)
        self.check_gradients(self.model, gradients)
        for variable, name in self.moving():
            # PyTorch's variance is that of a sample, which is larger by 1 / n.
            np.testing.assert_allclose(helpers.array(variable), self.statistic("bn_after", name), rtol=4e-4, atol=1e-6,
                                       err_msg=name)

    def test_golden_genesis_samples(self):
        self.check_sample({"mask_latents": self.arrays["sample.eps_mask"],
                           "component_latents": self.arrays["sample.eps_comp"]})


class GoldenMonetTest(BaselineTest):
    stem, model_class, name_of = "monet", MonetG, staticmethod(monet_name)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        noise, = cls.given
        cls.noise, width = {"latents": noise}, cls.sizes["channels"]
        cls.config = genesis_config.MonetGConfig(
            num_slots=noise.shape[1], latent_size=noise.shape[2], attention_channels=width, component_channels=width,
            hidden_size=cls.sizes["units"])
        cls.model = cls.build()

    def test_golden_monet_outputs_and_gradients(self):
        outputs, terms, gradients = self.loss_and_gradients(self.model, self.image, self.noise)
        stored = {"log_masks": "log_masks", "components": "x_components", "slots": "mu", "latents": "z", "kl": "kl_l",
                  "latent_std": "sigma", "reconstruction": "recon", "log_decoder_masks": "log_masks_decoder"}
        for name, golden in stored.items():
            self.check(outputs[name], golden)
        for name, golden in (("err", "err"), ("kl_m", "kl_m"), ("err_decoder_masks", "err_with_decoder_masks")):
            self.check(terms[name], golden)
        kl_latents = np.sum(self.arrays["kl_l"], axis=1)
        np.testing.assert_allclose(terms["elbo"], -(self.arrays["err_with_decoder_masks"] + kl_latents), rtol=1e-5)
        np.testing.assert_allclose(terms["objective"], self.arrays["err"] + kl_latents + self.arrays["kl_m"], rtol=1e-5)
        self.check_gradients(self.model, gradients)

    def test_golden_monet_scopes_and_exact_divergence(self):
        self.check(self.model.attention(self.image, num_slots=self.config.num_slots)[1], "log_scopes")
        self.check(self.build(montecarlo_kl=False)(self.image, noise=self.noise)["kl"], "kl_l_analytic")

    def test_golden_monet_samples(self):
        self.check_sample({"latents": self.arrays["sample.z"]})


if __name__ == "__main__":
    unittest.main()
