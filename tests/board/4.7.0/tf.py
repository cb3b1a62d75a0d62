"""From 4.5.6 on `tf` is another name of `ml`, without `load`."""

from ml import Model
