"""What Snakemake asks when it plans. This room knows all the others; none of them knows it."""
