"""Results in a bucket: which rules stay on this machine, and what remembers how results were made.

Without `--default-storage-provider` nothing of this applies. See linecam/workflow/job_files.py and docs/cloud.md.
"""

if job_files.in_bucket:

    localrules:
        record_state,
        # Names the frames that lack a label in a file for you, which a pod would take with it.
        split,
        # Their outputs are folders. The plugin for S3 (0.3.6) looks for them while it plans, remembers that they
        # weren't there, and misses them when a pod has made them.
        render_belt,
        convert_savedmodel,

    rule record_state:
        """Note in the bucket with which script and parameters results are made."""
        output:
            touch("<results>/made_with/{step}-{digest}"),
        wildcard_constraints:
            step=r"\w+",
            digest="[0-9a-f]{16}",


if job_files.in_bucket and settings.dataset.kind == "folder":

    # Your frames stay where they are. What goes to the bucket are their pixels.
    localrules:
        index_frames,
        decode_frames,
        decode_part,
        decode_sample,
