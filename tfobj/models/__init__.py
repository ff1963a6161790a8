"""The models, one file each; `object_model` is the contract they share."""
