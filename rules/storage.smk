"""Results in a bucket: `--default-storage-provider s3 --default-storage-prefix s3://BUCKET/FOLDER`, docs/cloud.md.

In: the paths of common.smk. Out: where a job finds them, and what stands in for sources.
Without such a provider all of this leaves the plan as it is.
"""

import hashlib
import inspect
import json

from snakemake.io import flag, is_flagged

from linecam.files import sha256
from linecam.workflow.dependencies import modules_of as files_of

STORED = workflow.storage_settings.default_storage_provider is not None

if STORED and KIND == "folder" and GIVEN and "strategies" not in config["select"]:
    sys.exit(
        f"{SOURCE} has the folders train/ and test/, which a job on another machine can't see: your frames stay here, "
        "and results go to the bucket. Write select: {strategies: [given]} into your configuration."
    )

# The states that were looked for in the bucket.
STATES = set()

# The frames as an input of rules that read them by the paths in a table. Without a bucket they need no input for that.
FETCHED = ancient(FRAMES) if STORED and KIND != "folder" else []


def here(path):
    """A file of this machine, not of the bucket; [] stays []. Without a shared disk its job runs on this machine.

    Its time is that of a checkout, and can't tell whether results in a bucket are out of date: its content counts.
    """
    return flag(ancient(local(path)), "counted") if STORED and path else path


def modules_of(script):
    """What a rule lists so that a changed line of its script reruns it.

    In a bucket it is an object that is named by the content of the script, of the modules that it imports and of the
    inputs that are `here`, and by the rule's parameters. Snakemake's own records of them lie in .snakemake; so a fresh
    checkout knows, too, what was made in another way.
    """
    if not STORED:
        return files_of(script)
    step = Path(script).stem

    def state(wildcards):
        rule_of_it = workflow.get_rule(step)
        files = [path for path in rule_of_it.input if is_flagged(path, "counted")]
        code = [
            sha256(path)
            for path in [*files_of(script), *map(str, files)]
            if Path(path).exists()  # one that is missing is Snakemake's to name
        ]
        params = {
            name: called(value, wildcards) for name, value in rule_of_it.params.items()
        }
        text = json.dumps([code, without_places(params)], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        path = f"results/{NAME}/made_with/{step}-{digest[:16]}"
        if path not in STATES and not workflow.remote_exec:
            STATES.add(path)
            ask_for(path)
        return path

    return state


def ask_for(path):
    """Have an object made that the bucket lacks: where results are there, Snakemake does without a missing input."""
    prefix = (workflow.storage_settings.default_storage_prefix or "").rstrip("/")
    entry = workflow.storage_registry.default_storage_provider.object(
        f"{prefix}/{path}"
    )
    try:
        there = entry.exists()
    except Exception as error:  # each plugin has its own
        sys.exit(
            f"The bucket of {prefix} cannot be read: {error}. Check --default-storage-prefix, the store's address "
            "and the keys in the environment; docs/cloud.md says which variables these are."
        )
    if not there:
        workflow.dag.forcefiles.add(str(entry.local_path()))


def called(value, wildcards):
    """A parameter's value before its job has its inputs."""
    if not callable(value):
        return value
    asked = {"input": []} if "input" in inspect.signature(value).parameters else {}
    return value(wildcards, **asked)


def without_places(value):
    """`value` without where a user's files lie: another machine has them elsewhere."""
    if isinstance(value, dict):
        return {key: without_places(item) for key, item in value.items()}
    return None if value in (SOURCE, SIGNING_KEY) else value


def at_hand(value):
    """`value`, of lists, dicts and text, as a parameter in which the path of an input is where the job has the file."""
    inside = f"results/{NAME}/"

    def placed(value, paths):
        if isinstance(value, dict):
            return {key: placed(item, paths) for key, item in value.items()}
        if isinstance(value, list):
            return [placed(item, paths) for item in value]
        return paths.get(value, value)

    def parameter(wildcards, input):
        # .snakemake/storage/s3/BUCKET/FOLDER/results/...
        return placed(
            value,
            {path[path.rindex(inside) :]: path for path in input if inside in path},
        )

    return parameter if STORED else value


def frames_folder(wildcards, input):
    """Where a job has the frames, as a parameter."""
    return getattr(input, "folder", None) or FRAMES


if STORED:

    localrules:
        record_state,
        # Names the frames that lack a label in a file for you, which a pod would take with it.
        split,
        # Their outputs are folders. The plugin for S3 (0.3.6) looks for them while it plans, remembers that they
        # weren't there, and misses them when a pod has made them.
        render_belt,
        convert_savedmodel,


if STORED and KIND == "folder":

    # Your frames stay where they are; what goes to the bucket are their pixels.
    localrules:
        index_frames,
        decode_frames,
        decode_part,
