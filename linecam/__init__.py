"""What two or more steps of the line share. Nothing in here imports snakemake or a script."""
