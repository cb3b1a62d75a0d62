"""The report's words that a person at a line need not know, each in a sentence or two."""

WORDS = {
    "recall": "Of all frames that really show a class, the share for which the model says so.",
    "precision": "Of all frames that the model takes for a class, the share that really show it.",
    "balanced accuracy": "The mean recall of the classes. Each class counts the same, however rare it is.",
    "interval": "The range in which the true share lies, with the confidence that the page names. With few frames the "
    "range is wide.",
    "main.py": "The program on the camera. It runs the model and decides for a class.",
    "score": "A number from 0 to 1 for each class: how likely the model thinks this class is.",
    "threshold": "The score from which on the camera decides for a class. With a lower threshold it misses fewer "
    "frames of the class, and takes more frames of other classes for it.",
    "false alarm": "A frame of another class that is taken for this one.",
    "fold": "A part of the training frames. For each fold, linecam trains one model without it, to see how the model "
    "judges frames that are new to it.",
    "float": "The model as it was trained, in floating-point numbers. It is too large and too slow for the camera.",
    "int8": "The model as the camera runs it: each number is rounded to 8 bits.",
    "form": "One version of the same trained model: in float, or in int8 with one choice of ranges.",
    "range": "The smallest and the largest value that a number in the int8 model can have.",
    "paired": "Two models compared on the same frames, frame by frame: on how many they differ, and which is right.",
    "temperature": "One number by which the model's raw outputs are divided, so that a score of 90 % is right nine "
    "times in ten.",
    "seed": "The number from which the random choices of a training start. Models with other seeds differ by chance.",
    "augmentation": "Random changes of the frames in training, such as a little more light or a small turn.",
    "pretraining": "The training before the training with your labels. Most methods of it need no labels.",
    "embedding": "A few numbers for each frame. Frames that look alike have similar numbers.",
    "linear probe": "A simple classifier (logistic regression) on the embeddings, instead of a trained network.",
    "quarantined": "Set aside: a file that cannot be used. The list of such files has the reason.",
    "arena": "The memory that the model needs on the camera while it computes.",
    "operator": "One step of the model's computation, such as a convolution. They are numbered from 0.",
    "MAC": "Multiply-accumulate: one multiplication and one addition. Most of a network's work consists of these.",
    "instruction": "One step of the camera's processor.",
    "vote": "The camera takes the mean score over several frames in a row, and decides by that.",
    "near-duplicate": "A frame that looks nearly like another one, such as the next frame of a video.",
}
