"""What each paper does with the images of each data set, and which records it trains and tests on.

A recipe is a choice of `DataConfig.preprocessing`. Sources: the released code of IODINE, Slot Attention, GENESIS-V2,
AST-Seg and the CLEVRTEX benchmark; where code and text differ, the code.

* `iodine`: CLEVR rows 29:221, columns 64:256 to 128x128. The released code resizes as TensorFlow 1 did (corners
  aligned at the upper left). A model that is trained anew gains nothing from that, so this recipe uses half-pixel
  centres like every other one; `iodine_legacy` gives the pixels of the released code, for comparisons bit by bit.
* `slot_attention`: the same window; CLEVR v1.0 frames get the same field of view.
* `slot_attention_properties`: set prediction; the whole frame to 128x128, which changes the aspect ratio.
* `genesis`: GENESIS-V2; the centre window, nearest neighbour for images too, Tetrominoes at 32x32.
* `ast`, `clevrtex`: the centre window, resized as Pillow does. They differ in the split of CLEVR.

Images that have the size already, such as all that are generated, pass unchanged. Filters on the number of objects,
which some papers count as part of CLEVR6, are flags of their own.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Frame:
    """What a recipe does with one native frame size; `rows`, `columns`, `size` None keep everything.

    The fields are those of `tfobj.data.framing.Preprocessing`.
    """

    rows: tuple = None
    columns: tuple = None
    size: tuple = None
    resize: str = "bilinear"
    mask_rule: str = "half_pixel"


_128 = (128, 128)
_CLEVR_UPPER, _CLEVR_CENTRE, _CLEVR_COLUMNS = (29, 221), (24, 216), (64, 256)  # 192x192 of 240x320
_SHAPESTACKS = Frame((14, 210), (14, 210), (64, 64), "antialias", "floor")
_CENTRE_AS_PILLOW = {(240, 320): Frame(_CLEVR_CENTRE, _CLEVR_COLUMNS, _128, "antialias"), (224, 224): _SHAPESTACKS,
                     None: Frame(resize="antialias")}

# Native (H, W) -> treatment; None stands for every other frame. 240x320 are CLEVR with masks and CLEVRTEX, 320x480 is
# CLEVR v1.0 (288x288 of it show what 192x192 of the 240x320 frame show), 224x224 ShapeStacks, 35x35 Tetrominoes.
FRAMES = {
    "none": {None: Frame(resize="antialias")},
    "iodine": {(240, 320): Frame(_CLEVR_UPPER, _CLEVR_COLUMNS, _128), None: Frame()},
    "iodine_legacy": {(240, 320): Frame(_CLEVR_UPPER, _CLEVR_COLUMNS, _128, "legacy", "floor"),
                      None: Frame(resize="legacy", mask_rule="floor")},
    "slot_attention": {(240, 320): Frame(_CLEVR_UPPER, _CLEVR_COLUMNS, _128),
                       (320, 480): Frame((24, 312), (96, 384), _128), None: Frame()},
    "slot_attention_properties": {(240, 320): Frame(size=_128), (320, 480): Frame(size=_128), None: Frame()},
    "genesis": {(240, 320): Frame(_CLEVR_CENTRE, _CLEVR_COLUMNS, _128, "nearest", "floor"),
                (224, 224): _SHAPESTACKS,
                (35, 35): Frame(size=(32, 32), resize="nearest", mask_rule="floor"),
                None: Frame(resize="nearest", mask_rule="floor")},
    "ast": _CENTRE_AS_PILLOW,
    "clevrtex": _CENTRE_AS_PILLOW,
}

_FIRST_60K = {"test": (0, 10_000), "validation": (10_000, 20_000), "train": (20_000, 60_000)}

# (recipe, data set) -> split -> (first record, end), half open, counted through the release in its order; for releases
# of one file, which `tfobj.prepare` cuts into consecutive splits of any size. Where there is no row, the recipe's
# splits are those that are stored: the first 70,000 records of CLEVR and 60,000 of Multi-dSprites and Tetrominoes to
# train and what follows to test (IODINE, Slot Attention); Objects Room and CLEVRTEX with the test records first;
# ShapeStacks by its split files.
SPLITS = {
    ("genesis", "clevr_masks"): {"test": (0, 10_000), "validation": (10_000, 20_000), "train": (20_000, 70_000)},
    ("genesis", "multi_dsprites"): _FIRST_60K,
    ("genesis", "tetrominoes"): _FIRST_60K,
    ("ast", "clevr_masks"): {"test": (0, 10_000), "validation": (10_000, 20_000), "train": (20_000, 100_000)},
    ("clevrtex", "clevr_masks"): {"test": (0, 15_000), "validation": (15_000, 30_000), "train": (30_000, 100_000)},
}

# The same for releases that come in splits: split -> (released split, first record of it, end).
PARTS_OF_SPLITS = {
    # 512 training scenes to watch; the published numbers are those of the 15,000 validation scenes.
    ("slot_attention_properties", "clevr_properties"): {
        "test": ("validation", 0, 15_000), "validation": ("train", 0, 512), "train": ("train", 512, 70_000)},
}

_60K_OF_80K = {"train": 60_000, "test": 10_000, "validation": 10_000}
_TENTHS_OF_20K = {"train": 16_000, "validation": 2_000, "test": 2_000}

# (data set, variant) -> split -> number of examples of `official`, where the release says it.
RELEASED_SIZES = {
    ("tetrominoes", ""): _60K_OF_80K,
    **{("multi_dsprites", variant): _60K_OF_80K
       for variant in ("colored_on_grayscale", "binarized", "colored_on_colored")},
    ("clevr_masks", "clevr10"): {"train": 70_000, "test": 10_000, "validation": 10_000, "rest": 10_000},
    ("clevr_properties", ""): {"train": 70_000, "validation": 15_000, "test": 15_000},
    ("objects_room", "train"): {"test": 10_000, "validation": 10_000, "train": 980_000},
    **{("objects_room", variant): {"test": 922} for variant in ("empty_room", "six_objects", "identical_color")},
    ("clevrtex", "full"): {"train": 40_000, "validation": 5_000, "test": 5_000},
    ("clevrtex", "outd"): {"test": 10_000},
    **{("clevrtex", variant): _TENTHS_OF_20K for variant in ("camo", "pbg", "vbg", "grassbg")},
}
