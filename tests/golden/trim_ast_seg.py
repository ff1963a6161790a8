"""Cuts the reference's arrays of AST-Seg down to what is shipped, and those of the CLEVRTEX benchmark.

    python tests/golden/trim_ast_seg.py DIRECTORY_OF_THE_FULL_ARRAYS

Pictures that are only compared are kept at every `every`-th row and column, weights of which a full archive holds
thousands are left out, and networks are kept as the recipe of their weights. What is left out is compared where
TFOBJ_GOLDEN_DIR names the full set.
"""

import pathlib
import sys

import numpy as np

RECIPE = ("param_names", "param_shapes", "param_mu", "param_sigma", "seed0")
KEPT = {  # file -> names, None for all
    "ast_seg_softargmax": None,
    "ast_seg_transformer": None,
    "ast_seg_full_transformer": None,
    "ast_seg_schedules": None,
    "ast_seg_full_unet64": (*RECIPE, "head_output"),
    "ast_seg_full_segformer_b3": (*RECIPE, "head_output"),
    "ast_seg_full_background_simple128": (*RECIPE, "latent", "output_0_255", "loss"),
    "ast_seg_background_small64": ("pos_64", "pos_2", "pos_1"),
    "ast_seg_background_loss": ("w80/image_0_255", "w80/output_0_255", "w80/loss", "w80/grad_output",
                                "w80/pixel_error", "w80/pixel_weight"),
    "ast_seg_render_varbg48x64": (
        "latents", "positions", "scales", "z_what", "glimpses", "layers", "background", "image",
        "background_activation_logit", "local_background_activation_logit", "weights", "foreground_mask",
        "reconstruction", "segmentation", "rec_loss", "pixel_entropy_loss", "total_loss_full_weight", "grad_latents",
        "grad_background", "grad_background_activation_logit", "grad_local_background_activation_logit", "s_min",
        "s_max", "alpha_logit", "grad_latents_pixel_entropy"),
    "ast_seg_render_iso64": ("latents", "positions", "scales", "z_what", "alpha_logit", "paper_alpha_logit", "s_min",
                             "s_max"),
}
EVERY = 8
THINNED = {  # file -> {name: axes of rows and columns}
    "ast_seg_full_unet64": {"head_output": (1, 2)},
    "ast_seg_full_segformer_b3": {"head_output": (1, 2)},
    "ast_seg_full_background_simple128": {"output_0_255": (1, 2)},
    "ast_seg_background_small64": {"pos_64": (0, 1)},
    "ast_seg_background_loss": {"w80/grad_output": (1, 2), "w80/pixel_error": (1, 2), "w80/pixel_weight": (1, 2)},
    "ast_seg_render_varbg48x64": {
        "layers": (2, 3), "weights": (2, 3), "foreground_mask": (1, 2), "reconstruction": (1, 2),
        "segmentation": (1, 2), "grad_background": (1, 2), "grad_local_background_activation_logit": (0, 1)},
}


def thinned(array, axes):
    """Every `EVERY`-th entry along two axes."""
    index = [slice(None)] * array.ndim
    for axis in axes:
        index[axis] = slice(None, None, EVERY)
    return array[tuple(index)]


def write_metrics(source, target):
    """The scores with one picture; of soft masks, which slot is the largest, of foreground masks zeros for the rest."""
    for stem, pictures in (("ast_seg_metrics", ("image", "reconstruction", "mse_sum")),
                           ("metrics_clevrtex", ("image", "recon", "ref_MSE"))):
        with np.load(source / f"{stem}.npz") as archive:
            arrays = dict(archive)
        arrays.update({name: arrays[name][:1] for name in pictures})
        if "pred_masks" in arrays:
            masks, foreground = arrays["pred_masks"], arrays["nobg_pred_masks"]
            derived = np.concatenate([1.0 - foreground.sum(axis=-1, keepdims=True), foreground], axis=-1)
            arrays["pred_masks"] = np.eye(masks.shape[-1], dtype=np.uint8)[masks.argmax(axis=-1)]
            arrays["nobg_pred_masks"] = np.eye(derived.shape[-1], dtype=np.uint8)[derived.argmax(axis=-1)][..., 1:]
        np.savez_compressed(target / f"{stem}.npz", **arrays)


def main(source):
    """Writes the trimmed archives beside this file."""
    write_metrics(pathlib.Path(source), pathlib.Path(__file__).parent)
    for stem, names in KEPT.items():
        with np.load(pathlib.Path(source) / f"{stem}.npz") as archive:
            arrays = {name: archive[name] for name in names or archive.files}
        for name, axes in THINNED.get(stem, {}).items():
            arrays[name] = thinned(arrays[name], axes)
        np.savez_compressed(pathlib.Path(__file__).with_name(f"{stem}.npz"), **arrays)


if __name__ == "__main__":
    main(sys.argv[1])
