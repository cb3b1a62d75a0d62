"""Results from where they are stored to this machine, for a command that is no job.

In: the files of --config files=[...]. Out: their places here, printed one a line, in that order.
"""


localrules:
    fetch,


rule fetch:
    """Fetch files, and print where they are."""
    input:
        config["files"],
    shell:
        "printf '%s\\n' {input:q}"
