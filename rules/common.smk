"""What the rules derive from the configuration: names, paths, and what a sweep expands to."""

import sys
from itertools import product
from pathlib import Path

import yaml

from linecam.config import board_to_deploy, check, complete, load_yaml, pins, side_of
from linecam.deploy import check_drive
from linecam.errors import UserError
from linecam.frames import content_of, digest_of, has_given_split
from linecam.labels import labelled_digest
from linecam.sources import sources

try:
    config = complete(config, load_yaml("config/schema.yaml"), workflow.configfiles)
    # Of this one call: not part of what a bundle is made from.
    DEPLOY = {key: config.pop(key, None) for key in ("drive", "board", "replace")}
    # Where a figure is from changes nothing that is made of it.
    boards = {
        name: {key: value for key, value in board.items() if key != "source"}
        for name, board in load_yaml("config/boards.yaml").items()
    }
    check(config, boards)
    # Where the key lies is nobody's business, and no part of what a bundle is made from.
    SIGNING_KEY = config["bundle"].pop("signing_key")
    config["camera"]["side"] = side_of(config, boards)
    NAME = config["dataset"]["name"]
    KIND = config["dataset"]["kind"]
    CLASSES = config["dataset"]["classes"]
    SOURCE = config["dataset"]["source"]
    # Your labels: written by you, read by linecam, and by nothing else.
    LABELS = f"data/{NAME}/labels.csv"
    LABELLED = labelled_digest(LABELS, CLASSES)
    # No rule makes the frames of a folder. What is in them goes into the plan as one hash, so that a new frame is
    # seen and a touched one isn't.
    SEEN = f"results/{NAME}/index/.seen.json"
    CONTENT = digest_of(content_of(SOURCE, SEEN)) if KIND == "folder" else ""
except UserError as error:
    sys.exit(str(error))

FRAMES = {
    "belt": f"results/{NAME}/frames",
    "masks": f"data/{NAME}/frames",
    "folder": SOURCE,
}[KIND]
GIVEN = KIND == "masks" or (KIND == "folder" and has_given_split(SOURCE, CLASSES))

BOARDS = config["bundle"]["boards"]
STRATEGIES = config["select"].get("strategies", ["given" if GIVEN else "coreset"])
SELECTIONS = [
    name if name == "given" else f"{name}-{config['select']['train']}"
    for name in STRATEGIES
]
RANGES = {
    "calibrated" if span == "calibrated" else f"fixed_{span[0]:g}_{span[1]:g}": (
        None if span == "calibrated" else span
    )
    for span in config["quantize"]["ranges"]
}
FORMS = ["float", "onnx", *RANGES]
MODELS = [
    f"{network}-{method}/{selection}/seed-{seed}"
    for network, method, selection, seed in product(
        config["networks"],
        config["pretrain"]["methods"],
        SELECTIONS,
        config["finetune"]["seeds"],
    )
]
# Models that were trained on other frames are not comparable on their validation part: the first selection's compete.
COMPETING = [model for model in MODELS if f"/{SELECTIONS[0]}/" in model]
# The networks' input sizes, as text.
SIZES = sorted({network.rpartition("-")[2] for network in config["networks"]})
PRETRAINED = config["networks"] if "simclr" in config["pretrain"]["methods"] else []

# What may go into the bundle: each competing model in each range, with the paths of what is known of it.
CANDIDATES = [
    {
        "model": model,
        "range": span,
        "tflite": f"results/{NAME}/quantize/{model}/{span}/model.tflite",
        "score": f"results/{NAME}/finetune/{model}/score.json",
        "metrics": f"results/{NAME}/evaluate/{model}/{span}.json",
        "firmware": {
            board: f"results/{NAME}/firmware/{model}/{span}/{board}.json"
            for board in BOARDS
        },
        # The file that a board gets: the model itself, or what Vela makes of it.
        "files": {
            board: f"results/{NAME}/firmware/{model}/{span}/{board}.tflite"
            for board in BOARDS
        },
    }
    for model, span in product(COMPETING, RANGES)
]
FIRMWARE = [path for entry in CANDIDATES for path in entry["firmware"].values()]

# What the report shows of each trained model; those that don't compete are evaluated in float alone.
TRAINED = [
    {
        "model": model,
        "history": f"results/{NAME}/finetune/{model}/history.csv",
        "score": f"results/{NAME}/finetune/{model}/score.json",
        "metrics": {
            form: f"results/{NAME}/evaluate/{model}/{form}.json"
            for form in (FORMS if model in COMPETING else ["float"])
        },
        "predictions": {
            span: f"results/{NAME}/predict/{model}/{span}.csv"
            for span in (RANGES if model in COMPETING else [])
        },
    }
    for model in MODELS
]


def if_there(path):
    """`path` as an optional input: a file that a user may or may not have written."""
    return path if Path(path).exists() else []


def bundle_to_deploy(_):
    """The bundle for the drive's board. Ends here, and not after minutes of building, where there is no such drive."""
    try:
        board = board_to_deploy(DEPLOY["drive"], DEPLOY["board"], BOARDS)
        check_drive(DEPLOY["drive"])
    except UserError as error:
        sys.exit(str(error))
    return f"results/{NAME}/bundle/{board}"


def pixels(wildcards):
    """The pixels at the input size of the model's network."""
    return f"results/{NAME}/pixels/{wildcards.network.rpartition('-')[2]}.npy"  # architecture-size


def settings(section, *keys):
    """Some settings of a section of the configuration, as keyword arguments for a script."""
    return {key: config[section][key] for key in keys}
