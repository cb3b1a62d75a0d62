"""Up to 4.5.5: `tf.load`, and no `ml`."""


def load(path, load_to_fb=False):
    raise AssertionError("linecam does not use tf")
