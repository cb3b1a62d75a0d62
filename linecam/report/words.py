"""The report's words that a person at a line need not know, each in a sentence or two."""

WORDS = {
    "recall": "Of the frames that are of a class, the share that the model finds.",
    "precision": "Of the frames that the model takes for a class, the share that is of it.",
    "balanced accuracy": "The mean recall of the classes. Each class counts the same, however rare it is.",
    "interval": "Where the true share lies, with the confidence that the page names. Few frames make it wide.",
    "threshold": "The score from which on the camera decides for a class. A lower one misses less of the class, and "
    "takes more of the others for it.",
    "false alarm": "A frame of another class that is taken for this one.",
    "fold": "A part of the training frames that a model is trained without, to see how it judges frames that are new "
    "to it. linecam trains one such model for each fold.",
    "float": "The model as it was trained, in floating-point numbers. It is too large and too slow for the camera.",
    "int8": "The model as the camera runs it: each number is rounded to 8 bits.",
    "form": "One version of the same trained model: in float, or in int8 for one choice of ranges.",
    "range": "The smallest and the largest value that a number in the int8 model can have.",
    "paired": "Two models compared on the same frames, frame by frame: on how many they differ, and which is right.",
    "temperature": "One number that all scores are divided by, so that a score of 90 % is right nine times in ten.",
    "arena": "The memory on the camera that the model computes in.",
    "operator": "One step of the model's computation, such as a convolution. They are numbered from 0.",
    "MAC": "Multiply-accumulate: one multiplication and one addition, which is most of a network's work.",
    "instruction": "One step of the camera's processor.",
    "vote": "The camera takes the mean score over several frames in a row, and decides by that.",
    "near-duplicate": "A frame that shows nearly what another one shows, such as the next one of a video.",
}
