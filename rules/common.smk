"""What all rules share: the configuration of this run, its plan, and where jobs find their files.

Names and paths come from linecam/workflow/plan.py, memory and time from resources.py, and where jobs find files from
job_files.py, all there.
"""

import sys
from pathlib import Path

import yaml

from linecam.boards.catalogue import load_boards
from linecam.errors import UserError
from linecam.files import own_file, own_files
from linecam.frames.folder import Listing, digest_of, read_folder
from linecam.labels.store import labelled_digest
from linecam.networks.architectures import input_size
from linecam.workflow.config import load_settings
from linecam.workflow.counts import check_counts, check_next, most_frames
from linecam.workflow.lock import pins
from linecam.workflow.plan import Plan
from linecam.workflow.resources import (
    has_gpu,
    memory,
    minutes,
    pretraining_memory,
    pretraining_minutes,
    several_nodes,
)
from linecam.workflow.job_files import JobFiles
from linecam.workflow.study_plan import SelectionStudyPlan, StudyPlan, tuned_backbones

try:
    # Files named by --configfile count before config/config.yaml, and of these the last one.
    laid_over = workflow.overwrite_configfiles
    own = workflow.configfiles[len(laid_over) :]
    plan = Plan.of(load_settings(config, [*reversed(laid_over), *own]), load_boards())
    job_files = JobFiles(workflow, plan)
    # Which frames are labelled goes into the plan as one hash, whatever their labels are.
    labelled = labelled_digest(plan.labels_csv, plan.classes)
    # Nothing makes the frames of a folder. Their content goes into the plan as one hash, so that a new frame is seen and
    # a touched one is not. A job in a pod plans anew, without the frames, and needs no hash of them.
    scanned = plan.settings.dataset.kind == "folder" and not (
        workflow.remote_exec and job_files.in_bucket
    )
    files_found = (
        read_folder(plan.frames_folder, plan.hashes_cache) if scanned else Listing()
    )
    frames_at_most = most_frames(plan, files_found)
    check_counts(plan, frames_at_most)
except UserError as error:
    sys.exit(str(error))

settings = plan.settings
study_plan = StudyPlan(plan)
selection_study_plan = SelectionStudyPlan(plan)
# A GPU belongs to one job at a time (profiles/default); on a cluster each job has its own. Steps without it use none.
gpus = int(has_gpu())


resource_scopes:
    gpu="local",


def optional(path):
    """`path` as an input where it exists: a file that a user may or may not have written."""
    return path if Path(path).exists() else []


def pixels(wildcards):
    """The pixels of all usable frames at the input size of the wildcards' network."""
    return plan.pixels(input_size(wildcards.network))


def trained_weights(wildcards):
    """The model with calibrated probabilities or, in a study, as it was trained."""
    name = "weights" if wildcards.stage else "model"
    return f"<results>/finetune/<training>/{name}.safetensors"


def choice_to_go_on_from(wildcards):
    """The chosen model, where any frame is left to label."""
    try:
        check_next(plan, frames_at_most)
    except UserError as error:
        sys.exit(str(error))
    return "<results>/choice.json"
