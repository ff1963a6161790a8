"""IODINE against the arrays of the reference: every stage of every iteration, gradients, and two training steps.

Sizes and options are read from the arrays; what an archive does not hold is not compared.
"""

import functools
import unittest
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests import golden_arrays
from tests import helpers
from tfobj.config import TrainConfig
from tfobj.layers.refinement_inputs import FLAT, SPATIAL
from tfobj.models.iodine import Iodine
from tfobj.training.schedules import make_optimizer
from tfobj.training.step import TrainingStep

FILES = ("clevr", "dsprites", "tetris", "gauss", "gray", "seq", "seq_predcorr", "ablate")
NARROW = ("clevr", "tetris", "seq_predcorr")
"""Of the shipped archives, those that float32 and training steps are checked on."""
TOLERANCES = {"float64": 1e-9, "float32": 2e-4}
NARROW_TOLERANCE = 2e-5
"""In float64, where an archive is stored in float32."""
STEP_TOLERANCES = {"float64": 1e-5, "float32": 1e-4}
"""Absolute, of weights after two steps of Adam, whose constants the reference rounds to float32."""
ROWS, COLUMNS, ENTRIES = 3, 4, 11
"""Steps with which maps and gradients are stored under names that end in `_sub`."""
SMALL = 64
"""Gradients of no more entries are whole."""
MODULES = {"initial_posterior": "", "decoder": "dec", "refinement_inputs": "ln", "refinement": "enc"}
PER_ITERATION = {"zp": "zp", "z": "latents", "z_mean": "latent_mean", "z_std": "latent_std", "masks": "masks",
                 "components": "components", "recon": "reconstruction", "nll": "nll", "kl": "kl"}
REFINEMENT = {"enc_out": "encoded", "core_in": "core_input", "core_out": "core_output"}


def options_of(arrays):
    """Constructor arguments that an archive implies."""
    config = {name[7:]: value.tolist() for name, value in arrays.items() if name.startswith("config/")}
    head = {"predictor_units": config["head_hidden"][0], "corrector_bias": config["corrector_gate_bias"],
            "predictor_bias": config["pred_gate_bias"]} if config["head"] == "predcorr" else {}
    return {
        "image_shape": (config["H"], config["W"], config["C"]), "num_slots": config["K"], "num_iterations": config["T"],
        "latent_size": config["Z"], "kernel_size": config["k"], "decoder_filters": tuple(config["dec"]),
        "refinement_filters": tuple(config["enc"]), "refinement_mlp": tuple(config["mlp"]),
        "lstm_size": (config["lstm"] or [0])[0], "num_frequencies": config["F"],
        "refinement_coordinates": {"linear": "linear", "cos": "cosine"}[config["coord"]],
        "pixel_density": config["dist"], "pixel_scale": config["s"], "sequential": config["seq"],
        "refinement_head": {"res": "additive", "predcorr": "predictor_corrector"}[config["head"]],
        **head, "gradient_batch": config["B"],
        "excluded_inputs": ",".join(name for name in (*SPATIAL, *FLAT) if name not in config["inputs"])}


def golden_name(variable):
    """The stored name of a weight, e.g. `enc/conv0/kernel`."""
    module, *rest = helpers.weight_name(variable).split("/")
    if module == "initial_posterior":
        return "lambda0"
    if module == "refinement" and rest[0] in ("lstm", "head"):
        return "/".join(rest)
    return "/".join([MODULES[module], *rest]).replace("ln/norm_", "ln/")


def is_map(name):
    """Whether a stored array is [..., H, W, c]."""
    group, _, rest = name.partition("/")
    return group in ("in", "out", "raw", "stage") and rest in (
        *SPATIAL, "mask_logits", "masks", "components", "recon", "enc_input_t0", "dec_input_t0")


def part_of(value, name):
    """What of an array is stored under `name`: all of it, or where that ends in `_sub`, some of it."""
    if not name.endswith("_sub"):
        return value
    return value[..., ::ROWS, ::COLUMNS, :] if is_map(name.removesuffix("_sub")) else np.ravel(value)[::ENTRIES]


def unpacked(arrays, shapes):
    """The values of weights that a shipped archive holds in one vector for each group.

    Args:
        arrays: Dict that may hold vectors `w`, `grad` and `w_after2`: all entries, or of larger weights every 11th, in
            the order of the names.
        shapes: Dict from the stored name of a weight to its shape.

    Returns:
        Dict of arrays such as `w/lambda0`, or `grad/lambda0_sub` where it is a part.
    """
    values, sizes = {}, {name: int(np.prod(shape)) for name, shape in shapes.items()}
    for group in set(arrays) & {"w", "grad", "w_after2"}:
        smallest, end = np.inf if sum(sizes.values()) == arrays[group].size else SMALL, 0
        for name in sorted(shapes):
            whole = sizes[name] <= smallest
            start, end = end, end + (sizes[name] if whole else -(-sizes[name] // ENTRIES))
            value = arrays[group][start:end]
            values[f"{group}/{name}" + "_sub" * (not whole)] = value.reshape(shapes[name]) if whole else value
    return values


class GoldenIodine:
    """One archive, and the model that it implies with the stored weights."""

    def __init__(self, name, policy):
        self.policy = policy
        self.arrays = golden_arrays.load(f"iodine_{name}")
        self.model = Iodine(**options_of(self.arrays), name="model").build_on_zeros()
        shapes = {golden_name(variable): variable.shape for variable in self.model.trainable_variables}
        self.arrays.update(golden_arrays.named(f"iodine_{name}", unpacked(self.arrays, shapes)))
        self.restore()
        self.image = self.arrays["image"] if self.model.num_frames else self.arrays["image"][:, 0]
        # [T+1,B,K,Z] -> [B,K,T+1,Z]
        self.noise = {"slots": np.transpose(self.arrays["eps"], (1, 2, 0, 3))}

    def restore(self):
        """Gives the model the stored weights."""
        for variable in self.model.trainable_variables:
            variable.assign(self.arrays["w/" + golden_name(variable)])

    def stages(self):
        """Dict from the stored name to the array, of everything that `Iodine.infer` shows, iterations first."""
        stages = self.model.infer(self.image, self.noise)
        values = {f"out/{name}": stack(stages, key) for name, key in PER_ITERATION.items()}
        values["out/masks"] = values["out/masks"][..., None]
        values["out/mask_logits"] = stack(stages, "canvas")[..., :1]
        loss = np.mean(values["out/nll"], axis=1) + np.mean(np.sum(values["out/kl"], axis=2), axis=1)
        weights = self.model.loss_weights(self.model.num_iterations)
        shape = values["out/z"].shape[2:]
        values.update({"out/loss_t": loss, "out/loss_weights": weights, "out/total_loss": np.sum(weights * loss),
                       "out/prior_mean": np.zeros(shape), "out/prior_std": np.full(shape, self.model.prior_std)})
        refined = stages[:-1]
        for group, key in (("raw", "raw"), ("in", "inputs")):
            for name in refined[0][key]:
                values[f"{group}/{name}"] = np.stack([helpers.array(stage[key][name]) for stage in refined])
        values.update({f"stage/{name}": stack(refined, key) for name, key in REFINEMENT.items()})
        values["stage/delta"] = np.diff(values["out/zp"], axis=0)
        values["stage/enc_input_t0"] = helpers.array(refined[0]["encoder_input"])
        if self.model.refinement.lstm_size:
            for index, name in enumerate(("lstm_h", "lstm_c")):
                state = np.stack([helpers.array(stage["state"][index]) for stage in refined])
                values[f"stage/{name}"] = state.reshape(*values["out/z"][1:].shape[:3], -1)
        return values

    def gradients(self):
        """Dict from the stored name of a weight to the gradient of the loss."""
        names = [golden_name(variable) for variable in self.model.trainable_variables]
        values = helpers.gradients(self.model, self.loss)
        return dict(zip(names, values.values(), strict=True))

    def loss(self):
        """The training loss, a scalar."""
        outputs = self.model(self.image, noise=self.noise)
        return keras.ops.mean(self.model.losses_of(self.image, outputs)["loss"])

    def train(self, num_steps):
        """Makes optimizer steps on the stored image and noise as the trainer does; returns the losses before each."""
        optimizer = make_optimizer(TrainConfig(learning_rate=1e-3, warmup_steps=0, decay="none", adam_beta_1=0.95))
        optimizer.build(self.model.trainable_variables)
        step = TrainingStep(self.model, optimizer, tf.distribute.get_strategy(), seed=0, clip_norm=5.0)
        batches = iter(tf.data.Dataset.from_tensors({"image": self.image}).repeat())
        with mock.patch("tfobj.training.step.step_noise", lambda *_: lambda local_batch: self.noise):
            return [step.run(batches, 1)[2] for _ in range(num_steps)]


@functools.cache
def golden_iodine(name, policy):
    """The `GoldenIodine` of an archive, built under a dtype policy that is set."""
    return GoldenIodine(name, policy)


def stack(stages, key):
    """Array with the iterations first."""
    return np.stack([helpers.array(stage[key]) for stage in stages])


class GoldenIodineTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(keras.config.set_dtype_policy, keras.config.dtype_policy())
        self.addCleanup(tf.config.run_functions_eagerly, tf.config.functions_run_eagerly())
        tf.config.run_functions_eagerly(True)  # tracing takes ten times as long as running once

    def check(self, golden, name, actual, expected):
        self.assertEqual(np.isnan(actual).sum(), 0, name)
        tolerance = TOLERANCES[golden.policy]
        if golden.arrays["image"].dtype == np.float32:
            tolerance = max(tolerance, NARROW_TOLERANCE)
        self.assertLess(golden_arrays.relative_error(actual, expected), tolerance, name)

    def for_every_archive(self, check, archives=FILES, policies=tuple(TOLERANCES)):
        for policy in policies:
            keras.config.set_dtype_policy(policy)
            for name in archives if policy == "float64" or golden_arrays.is_full() else NARROW:
                with self.subTest(archive=name, policy=policy):
                    check(golden_iodine(name, policy))

    def test_golden_iodine_parameters(self):
        def check(golden):
            names = {golden_name(variable) for variable in golden.model.trainable_variables}
            self.assertEqual(names, {name[2:] for name in golden.arrays if name.startswith("w/")})

        self.for_every_archive(check, policies=("float64",))

    def test_golden_iodine_stages(self):
        def check(golden):
            values, compared = golden.stages(), 0
            for name, expected in golden.arrays.items():
                whole = name.removesuffix("_sub")
                if name.split("/")[0] in ("out", "in", "raw", "stage") and whole != "stage/dec_input_t0":
                    self.check(golden, name, part_of(values[whole], name), expected)
                    compared += 1
            self.assertGreater(compared, 30)

        self.for_every_archive(check)

    def test_golden_iodine_first_convolution_of_the_decoder(self):
        """The stored input map, convolved, is what the layer computes from the latents without making that map."""
        def check(golden):
            stage, layer = golden.arrays["stage/dec_input_t0"], golden.model.decoder.broadcast
            maps = stage.reshape(-1, *stage.shape[2:]).astype(golden.policy)  # [B*K,H,W,Z+3]
            expected = tf.nn.elu(tf.nn.conv2d(maps, layer.taps, 1, "SAME") + layer.bias)
            latents = golden.arrays["out/z"][0].reshape(-1, golden.model.latent_size).astype(golden.policy)
            self.assertLess(golden_arrays.relative_error(layer(latents), expected), 1e-5)

        self.for_every_archive(check, ("clevr", "dsprites", "tetris"), ("float64",))

    def test_golden_iodine_gradients(self):
        def check(golden):
            gradients = {f"grad/{name}": gradient for name, gradient in golden.gradients().items()}
            gradients["grad/global_norm"] = np.sqrt(sum(np.sum(np.square(value)) for value in gradients.values()))
            stored = {name: value for name, value in golden.arrays.items() if name.startswith("grad/")}
            self.assertEqual(set(gradients), {name.removesuffix("_sub") for name in stored})
            for name, expected in stored.items():
                self.check(golden, name, part_of(gradients[name.removesuffix("_sub")], name), expected)

        self.for_every_archive(check)

    def test_golden_iodine_two_training_steps(self):
        def check(golden):
            stored = {name: value for name, value in golden.arrays.items() if name.startswith("w_after2/")}
            self.addCleanup(golden.restore)
            terms = golden.train(2)
            losses = [*(term["loss"] for term in terms), float(golden.loss())]
            self.assertLess(golden_arrays.relative_error(losses, golden.arrays["adam/loss_before_after"]), 1e-4)
            norm = golden_arrays.relative_error(terms[0]["gradient_norm"], golden.arrays["grad/global_norm"])
            self.assertLess(norm, 1e-4)
            weights = {f"w_after2/{golden_name(variable)}": helpers.array(variable)
                       for variable in golden.model.trainable_variables}
            self.assertEqual(set(weights), {name.removesuffix("_sub") for name in stored})
            for name, expected in stored.items():
                error = np.abs(part_of(weights[name.removesuffix("_sub")], name) - expected).max()
                self.assertLess(error, STEP_TOLERANCES[golden.policy], name)

        self.for_every_archive(check, FILES if golden_arrays.is_full() else NARROW)


if __name__ == "__main__":
    unittest.main()
