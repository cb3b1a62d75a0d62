"""From here programs take the part of an image that a model judges."""

from board import Normalization
