"""Several places in one frame (`camera.rois`): each gets a decision, and the worst decision is the item's.

A part of main.py. It takes the place of main.py's model and poll, and runs the network once for each place of a frame.
"""

import sys
from array import array


class Part:
    def __init__(self, how, labels, settings):
        try:
            from ml.preprocessing import Normalization

            # What the firmware's own predict() makes of an image, here of a part of it.
            self.views = [Normalization(roi=tuple(roi)) for roi in settings["rois"]]
        except (ImportError, TypeError):
            raise NotImplementedError("several places (camera.rois) need firmware 4.7.0 or later: update it")
        self.labels, self.thresholds = labels, settings["thresholds"]
        self.ranks = array("b", [0] * (len(labels) + 1))  # by class, 0 for the worst; the last is for -1, no class
        for rank, label in enumerate(how["order"]):
            self.ranks[label] = rank

    def judges(self, model, poll):
        count = len(self.views)
        self.model, self.input, self.nothing = model, [None], [None]
        self.polls = [type(poll)(self.labels, self.thresholds) for _ in range(count)]
        for place in self.polls:
            place.out = memoryview(place.line)[:-2]  # the line goes on
        self.names = poll.names
        width = len(self.names[0])
        # Names and numbers are written over the blanks: the place at 11 and 12, the first place's name from 26 on.
        line = ', "place":   , "places": [%s]}\n' % ", ".join([" " * width] * count)
        self.line, self.step = bytearray(line.encode()), width + 2
        self.worst = self.seen = 0
        self.sums = self.polls[0].sums
        return self

    # --- The model

    def predict(self, frame):
        """Have each place judged; the scores go to its own poll."""
        for i in range(len(self.views)):
            self.input[0] = self.views[i](frame[0])
            self.polls[i].add(self.model.predict(self.input)[0])
        return self.nothing

    # --- The poll

    def add(self, scores):
        self.seen += 1

    def decide(self):
        """The class of the worst place; of several with this class the place that has the lowest score of it."""
        polls, line = self.polls, self.line  # four at once would be a tuple, which takes memory
        worst, found = -1, 0  # the worst place so far, and its class
        for i in range(len(polls)):
            label = polls[i].decide()
            name = self.names[label]
            for j in range(len(name)):
                line[26 + self.step * i + j] = name[j]
            rank = self.ranks[label]
            if worst < 0 or rank < self.ranks[found] or (label == found and self.less(i, worst, label)):
                worst, found = i, label
        self.worst, self.sums = worst, polls[worst].sums
        return found

    def less(self, place, other, label):
        """Whether the place has less of this class, or, where that is none, of its best one."""
        one, two = self.polls[place].sums, self.polls[other].sums
        return max(one) < max(two) if label < 0 else one[label] < two[label]

    def tell(self, decided, item, ms, inference):
        """Print a line: that of the worst place, then which it is, from 1 on, and what was decided for each."""
        self.polls[self.worst].tell(decided, item, ms, inference)
        number = self.worst + 1
        self.line[11], self.line[12] = 48 + number // 10 if number > 9 else 32, 48 + number % 10
        sys.stdout.write(self.line)

    def clear(self):
        self.seen = 0
        for poll in self.polls:
            poll.clear()


WHOLE = True  # the last line: main.py looks for it, since a file that was cut may run all the same
