"""The encoder of gated convolutions that GENESIS shares between masks and components (Engelcke et al. 2020)."""

import keras

from tfobj.layers.gated_convolution import GatedConvolution
from tfobj.layers.gated_stack import KERNEL_SIZE, GatedStack


@keras.saving.register_keras_serializable(package="tfobj")
class GatedEncoder(GatedStack):
    """Five gated 5x5 convolutions and one, without normalisation, that covers all that is left.

    Input: [B, H, W, C]. Output: [B, output_size].

    Args:
        image_size: Tuple (H, W), see `gated_geometry`.
        filters: Sequence of five ints.
        output_size: int.
        normalization: str. See `GatedConvolution`. Defaults to `bn`.

    Raises:
        UserError: the image size or the number of filters does not fit.
    """

    def __init__(self, image_size, filters, output_size, normalization="bn", **kwargs):
        super().__init__(image_size, filters, normalization, 0, "encoder_filters", **kwargs)
        self.output_size = output_size

        # === Layers ===
        common = {"dtype": self.dtype_policy}
        self.convolutions = [
            *(GatedConvolution(width, KERNEL_SIZE, stride, normalization=normalization, name=f"enc{i}", **common)
              for i, (width, stride) in enumerate(zip(self.filters, self.strides, strict=True))),
            GatedConvolution(output_size, self.rest, geometry="whole", normalization="none",
                             name=f"enc{len(self.filters)}", **common)]

    def call(self, maps):
        return self.convolved(maps)[:, 0, 0]  # [B,output_size]

    def get_config(self):
        return {**super().get_config(), "output_size": self.output_size}
