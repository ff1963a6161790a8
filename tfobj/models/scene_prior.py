"""The contract of models that can draw whole scenes."""


class ScenePrior:
    """Base, beside `ObjectModel`, of models whose prior over the latents defines scenes."""

    def sample_noise_spec(self, batch_size, num_slots=None):
        """Names what `sample` draws at random.

        Args:
            batch_size: int or scalar int tensor.
            num_slots: int or None. Overrides K.

        Returns:
            Dict name -> `tfobj.noise.NoiseSpec`, batch first, slots second.
        """
        raise TypeError(f"{type(self).__name__} must define sample_noise_spec")

    def sample(self, noise):
        """Draws scenes from the prior; deterministic.

        Args:
            noise: Dict as named by `sample_noise_spec`.

        Returns:
            Dict with `reconstruction` [B,H,W,C], the scene, without noise of pixels; `masks` [B,K,H,W]; `components`
            [B,K,H,W,C]; `segmentation` int32 [B,H,W]; `slots` [B,K,D], the latents. Further keys as the model
            documents.
        """
        raise TypeError(f"{type(self).__name__} must define sample")
