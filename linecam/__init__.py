"""linecam: raw production-line frames in, a checked bundle for an OpenMV camera out. Its rooms follow the data."""

__version__ = "0.2.0"
