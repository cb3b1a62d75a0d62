"""Labels: labels.csv, the formats of other tools, and how far people agree."""
