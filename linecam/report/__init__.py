"""The report: one page with the choice, its figures and where they come from."""
