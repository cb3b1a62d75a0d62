"""The weights that linecam brings, for a backbone to start from. docs/starting-weights.md says how they were made."""

from pathlib import Path

from linecam.networks.models import Backbone, load_weights

# A file for each architecture that has some. They serve every input size: all layers are convolutions.
FOLDER = Path(__file__).parent / "weights"


def starting_weights(network: str) -> Path | None:
    """The file of the weights that a network such as slim7-96 starts from, or None where linecam has none."""
    path = FOLDER / f"{network.rpartition('-')[0]}.safetensors"
    return path if path.exists() else None


def start_from_ours(backbone: Backbone, network: str) -> bool:
    """Load `starting_weights` of `network` into its backbone; False, and nothing is loaded, where there are none."""
    path = starting_weights(network)
    if path:
        load_weights(path, backbone)
    return path is not None
