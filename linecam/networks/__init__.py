"""The networks that fit on a camera: architectures, weights, and what they compute in PyTorch."""
