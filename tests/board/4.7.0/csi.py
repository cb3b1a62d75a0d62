"""4.6 and 4.7 have `csi`, with the functions of `sensor`, and without `CSI`."""

from sensor import *
