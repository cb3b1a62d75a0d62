"""The map of all frames in the labelling page: where they lie, and those of them that aren't listed yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from linecam.page.frame import Frame
from linecam.selection.similarity_order import MOST, in_similar_order

# So many similar frames make a group, on average.
EACH = 8


@dataclass(frozen=True)
class FrameMap:
    """The map, as the page has it from its start on."""

    places: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # by sha256 x and y, 0 to 1
    others: Mapping[str, Frame] = field(default_factory=dict)  # of these, by sha256, those that aren't listed
    usable: int = 0  # frames there are in all

    def asked(self, digests: Sequence[str], listed: Mapping[str, Frame]) -> list[Frame]:
        """`listed` with just these frames as the user's list, near ones after each other, and what it lacks added.

        A listed frame keeps its part, so that a test frame stays one. Raises `ValueError` where there are no `digests`,
        or one isn't of the map.
        """
        wanted = list(dict.fromkeys(digests))
        if not wanted:
            raise ValueError("no frame is named")
        for digest in wanted:
            if digest not in self.places or not (digest in listed or digest in self.others):
                raise ValueError(f"{digest!r} is not a frame of the map")
        first = 1 + max((frame.group for frame in listed.values()), default=0)
        xy = np.array([self.places[digest] for digest in wanted], np.float32)
        groups = in_similar_order(xy, EACH) if len(xy) <= MOST else [[n] for n in range(len(xy))]
        changed = {digest: replace(frame, asked=0) for digest, frame in listed.items()}
        ordered = [(wanted[n], group) for group, members in enumerate(groups, first) for n in members]
        for place, (digest, group) in enumerate(ordered, 1):
            frame = changed.get(digest) or replace(self.others[digest], group=group)
            changed[digest] = replace(frame, asked=place)
        return list(changed.values())
