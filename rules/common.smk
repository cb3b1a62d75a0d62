"""What the rules derive from the configuration: names, paths, and what a sweep expands to."""

import sys
from itertools import product
from pathlib import Path

import yaml

from linecam.workflow.config import (
    board_to_deploy,
    check,
    check_sizes,
    complete,
    has_gpu,
    pins,
    side_of,
)
from linecam.frames.folder import frames_folder
from linecam.files import load_yaml
from linecam.usb.deploy import check_drive
from linecam.errors import UserError
from linecam.files import sha256
from linecam.frames.folder import content_of, digest_of, has_given_split
from linecam.labels.store import labelled_digest

try:
    config = complete(config, load_yaml("config/schema.yaml"), workflow.configfiles)
    # Of this one call: not part of what a bundle is made from.
    DEPLOY = {key: config.pop(key, None) for key in ("drive", "board", "replace")}
    LABELLING = {key: config.pop(key, None) for key in ("by", "port", "browser")}
    LABELLING["browser"] = str(LABELLING["browser"]).lower() != "false"
    # Where a figure is from changes nothing that is made of it.
    boards = {
        name: {key: value for key, value in board.items() if key != "source"}
        for name, board in load_yaml("config/boards.yaml").items()
    }
    check(config, boards)
    # Where the key lies is nobody's business, and no part of what a bundle is made from.
    SIGNING_KEY = config["bundle"].pop("signing_key")
    # The results are the same for any number of shards.
    SHARDS = config.pop("shards")
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
    # A job in a pod plans anew, without the frames (storage.smk), and needs no hash of them.
    ELSEWHERE = (
        workflow.remote_exec and workflow.storage_settings.default_storage_provider
    )
    SCANNED = KIND == "folder" and not ELSEWHERE
    CONTENT = digest_of(found := content_of(SOURCE, SEEN)) if SCANNED else ""
    FOUND = len(found) if SCANNED else 0  # files
except UserError as error:
    sys.exit(str(error))

FRAMES = frames_folder(config["dataset"])
GIVEN = KIND == "masks" or (KIND == "folder" and has_given_split(SOURCE, CLASSES))

BOARDS = config["bundle"]["boards"]
STRATEGIES = config["select"].get("strategies", ["given" if GIVEN else "coreset"])
# Strategies that don't look at embeddings.
BLIND = {"given", "random"}
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
# Models that were trained on other frames are not comparable on what their folds held out: the first selection's compete.
COMPETING = [model for model in MODELS if f"/{SELECTIONS[0]}/" in model]
# The networks' input sizes, as text.
SIZES = sorted({network.rpartition("-")[2] for network in config["networks"]})
# What was trained without labels, as network-method.
PRETRAINED = [
    f"{network}-{method}"
    for network, method in product(config["networks"], config["pretrain"]["methods"])
    if method in {"simclr", "distilled", "rendered"}
]

# What may go into the bundle: each competing model in each range, with the paths of what is known of it.
CANDIDATES = [
    {
        "model": model,
        "range": span,
        "tflite": f"results/{NAME}/quantize/{model}/{span}/model.tflite",
        "score": f"results/{NAME}/finetune/{model}/score.json",
        "thresholds": f"results/{NAME}/finetune/{model}/thresholds.json",
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


# A GPU belongs to one job at a time (profiles/default); on a cluster each job has its own. Steps without it use none.
GPU = int(has_gpu())


resource_scopes:
    gpu="local",


def memory(base, each=0, area=0, of_input=0):
    """The resource `mem_mb`, measured and with room: MB, `each` more for a thread; see `grown`."""

    def mem_mb(wildcards, input, threads, attempt):
        return attempt * round(
            base + each * threads + grown(wildcards, input, area, of_input)
        )

    return mem_mb


def minutes(base, area=0, of_input=0):
    """The resource `runtime`: what the step takes on one slow core, several times over; see `grown`."""

    def runtime(wildcards, input, attempt):
        return attempt * round(base + grown(wildcards, input, area, of_input))

    return runtime


def grown(wildcards, input, area, of_input):
    """`area` for each 64 x 64 pixels of the network's input, and `of_input` for each MB of the job's input."""
    more = 0
    if area:
        more += area * (int(wildcards.network.rpartition("-")[2]) / 64) ** 2
    if of_input:  # not asked otherwise: it is unknown as long as the input isn't there
        more += of_input * input.size_mb
    return more


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


def teacher(network):
    """The network that `network` is distilled from: of its input size."""
    return f"{config['pretrain']['teacher']}-{network.rpartition('-')[2]}"


# The backbone, as network-method, whose embeddings frames are selected by.
SELECTED_BY = f"{config['networks'][0]}-{config['pretrain']['methods'][0]}"


def sensor_frames(suffix):
    """The training frames as the sensor sees them: the array (.npy) or the table of them (.csv)."""
    side = config["camera"]["side"]
    return f"results/{NAME}/pixels/{{selection}}-train-{side}{suffix}"


def pixels(wildcards):
    """The pixels at the input size of the model's network."""
    return f"results/{NAME}/pixels/{wildcards.network.rpartition('-')[2]}.npy"  # architecture-size


def settings(section, *keys):
    """Some settings of a section of the configuration, as keyword arguments for a script."""
    return {key: config[section][key] for key in keys}


def recipe(wildcards):
    """The settings of a training; on the first few frames of a selection, as many steps as on all of it."""
    found = settings(
        "finetune",
        "epochs",
        "batch_size",
        "learning_rate",
        "weight_decay",
        "label_smoothing",
    )
    steps = found["epochs"] * config["select"]["train"]
    found["epochs"] = max(1, round(steps / labels_of(wildcards.selection)))
    return found


def labels_of(selection):
    """How many labels a selection has by its name: coreset-200, random-25-draw-1, coreset-200-first-25."""
    if selection == "given":  # as many as there are; the others are compared with these
        return config["select"]["train"]
    name, _, first = selection.partition("-first-")
    return int(first or name.split("-")[1])


def draw_of(selection):
    """The seed that a selection is drawn with: select.seed, but for the draws of a study."""
    _, _, draw = selection.partition("-draw-")
    return int(draw or config["select"]["seed"])


# Whether main.py decides by thresholds.
THRESHOLDS = bool(config["bundle"]["recall"] or config["bundle"]["thresholds"])
# The models of the study, and the first selection, which has the most labels.
BASE = SELECTIONS[0]
CELLS = sorted(
    {
        (network, method, labels, seed)
        for part in config["study"]
        for network, method, labels, seed in product(
            part["networks"], part["methods"], part["labels"], part["seeds"]
        )
    }
)
MOST = max(labels for _, _, labels, _ in CELLS)


def studied(network, method, labels, seed):
    """The name of one model of the study; with all labels it is the one that the line trains anyway."""
    selection = BASE
    if labels < config["select"]["train"]:
        selection += f"-first-{labels}"
    return f"{network}-{method}/{selection}/seed-{seed}"


def study_of(form):
    """The files of one form of all models; of those with all labels, where it is made of the int8 file."""

    def paths(_):
        try:
            check_sizes(
                {network for network, *_ in CELLS},
                **settings("camera", "frame_size", "side"),
            )
        except UserError as error:
            sys.exit(str(error))
        return [
            f"results/{NAME}/study/{studied(*cell)}/{form}.json"
            for cell in CELLS
            if form == "float" or cell[2] == MOST
        ]

    return paths


# What is compared in the study of selections: a model for each strategy, number of labels and seed. What is drawn at
# random is drawn anew for each seed.
CHOSEN_IN_STUDY = [
    {
        "strategy": strategy,
        "labels": labels,
        "seed": seed,
        "split": f"results/{NAME}/split/{strategy}-{labels}-draw-{seed}.csv",
        "predictions": f"results/{NAME}/study/{SELECTED_BY}/{strategy}-{labels}-draw-{seed}/seed-{seed}/float.csv",
    }
    for strategy, labels, seed in product(
        config["study_selection"]["strategies"],
        config["study_selection"]["labels"],
        config["study_selection"]["seeds"],
    )
]


def chosen_in_study(key):
    """The files of all models of the study of selections."""

    def paths(_):
        if KIND == "folder" and not GIVEN:
            sys.exit(
                "snakemake study_selection compares choices of frames whose labels are all known already: those of the belt "
                "(config/config.yaml), the tutorial's (config/masks.yaml), or frames in train/<class>/ and test/<class>/. "
                f"The frames of {SOURCE} are not in such folders."
            )
        return [cell[key] for cell in CHOSEN_IN_STUDY]

    return paths


def studied_selection():
    """The results of study_selection, for the report, where they are there; None elsewhere.

    No input: with one, `snakemake` would run the study again whenever what it rests on changes.
    """
    folder = Path(f"results/{NAME}/study_selection")
    paths = {"summary": folder / "summary.json", "plot": folder / "plot.png"}
    if not all(path.exists() for path in paths.values()):
        return None
    return {name: str(path) for name, path in paths.items()} | {
        "digest": sha256(paths["summary"])
    }
