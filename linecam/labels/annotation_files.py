"""Files of annotations: COCO's JSON, FiftyOne's JSON of a classification, and CVAT's XML for images.

Such a file may have many annotations of an image, boxes among them. A frame has one label, so an image is taken where
all its annotations say the same. What a model has annotated is no label.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.parsers import expat

from linecam.errors import UserError
from linecam.labels.reading import Reading, served_path

# A label, and whether a model has given it.
Annotation = tuple[str, bool]


def is_coco(data: object) -> bool:
    """Whether JSON looks like COCO's."""
    return isinstance(data, dict) and "images" in data and bool(data.keys() & {"annotations", "categories"})


def read_coco(path: Path, data: Mapping[str, object]) -> Reading:
    """Read COCO's JSON. Raises `UserError` where one of its three lists is not there."""
    reading = Reading("coco")
    images = _by_id(reading, "image", _list(path, data, "images"), "file_name")
    categories = _by_id(reading, "category", _list(path, data, "categories"), "name")
    found: dict[str, list[Annotation]] = defaultdict(list)
    for number, annotation in enumerate(_list(path, data, "annotations"), 1):
        fields = annotation if isinstance(annotation, dict) else {}
        where = f"annotation {_id(fields.get('id')) or number}"
        image, category = _id(fields.get("image_id")), _id(fields.get("category_id"))
        if not image or not category:
            reading.refuse(where, "it has no image_id or no category_id")
        elif image not in images:
            reading.refuse(where, f"its image_id {image} is not among the images")
        elif category not in categories:
            reading.refuse(where, f"its category_id {category} is not among the categories")
        else:
            found[image].append((categories[category], fields.get("score") is not None))
    for image, name in images.items():
        _take(reading, f"image {image}, {name}", name, found[image])
    return reading


def is_fiftyone(data: object) -> bool:
    """Whether JSON looks like FiftyOne's of a classification."""
    return isinstance(data, dict) and isinstance(data.get("labels"), dict)


def read_fiftyone(path: Path, data: Mapping[str, object]) -> Reading:
    """Read FiftyOne's JSON of a classification: names of images with numbers of classes, or with names of classes.

    Raises `UserError` where its classes are no list of names.
    """
    names, labels = data.get("classes") or [], data["labels"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(
            f"{path} looks like FiftyOne's JSON of a classification, but its classes are no list of names. Export it "
            "again as FiftyOneImageClassificationDataset."
        )
    reading = Reading("fiftyone")
    for image, target in labels.items() if isinstance(labels, dict) else ():
        found = []
        for one in target if isinstance(target, list) else [target]:
            value, confidence = (one.get("label"), one.get("confidence")) if isinstance(one, dict) else (one, None)
            if type(value) is int and 0 <= value < len(names):
                found.append((names[value], confidence is not None))
            elif isinstance(value, str):
                found.append((value, confidence is not None))
            elif value is not None:
                what = value if isinstance(value, int | float) else "that is a list or an object"
                reading.refuse(image, f"a label {what} is neither a name nor the number of one of {len(names)} classes")
                break
        else:
            _take(reading, image, image, found)
    return reading


def read_cvat(path: Path, text: str) -> Reading:
    """Read CVAT's XML for images. Raises `UserError` where it is another, or damaged."""
    reader = _CvatReader(path)
    try:
        reader.parser.Parse(text, True)
    except expat.ExpatError as error:
        raise UserError(
            f"{path} cannot be read as XML: {expat.ErrorString(error.code)}, in line {error.lineno}. Export it again; "
            "it may be cut off."
        ) from None
    return reader.reading


class _CvatReader:
    """Goes through the XML element by element."""

    def __init__(self, path: Path) -> None:
        self.reading = Reading("cvat")
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        # Entities are declared there alone. They could name other files, and grow to any size.
        self.parser.StartDoctypeDeclHandler = self._refuse_declarations
        self._path = path
        self._above: list[str] = []  # the elements that are open
        self._where = self._name = ""
        self._tags: list[Annotation] = []
        self._shapes: list[Annotation] = []

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        above = self._above
        if not above and element != "annotations":
            raise UserError(f"{self._path} is XML that begins with <{element[:40]}>. {_OTHER_XML}")
        if above == ["annotations"] and element == "track":
            raise UserError(f"{self._path} is CVAT's XML for videos. {_OTHER_XML}")
        if above == ["annotations"] and element == "image":
            self._where = f"line {self.parser.CurrentLineNumber}"
            self._name = attributes.get("name", "")
            self._tags, self._shapes = [], []
        if above == ["annotations", "image"]:
            annotation = attributes.get("label", ""), attributes.get("source") == "auto"
            (self._tags if element == "tag" else self._shapes).append(annotation)
        above.append(element)

    def _end(self, _: str) -> None:
        if self._above == ["annotations", "image"]:
            # A tag is of the whole image. Boxes beside it say where something is.
            found = self._tags or self._shapes
            if not self._name.strip():
                self.reading.refuse(self._where, "the image has no name")
            elif not all(label.strip() for label, _ in found):
                self.reading.refuse(f"{self._where}, {self._name}", "an annotation has no label")
            else:
                _take(self.reading, f"{self._where}, {self._name}", self._name, found)
        self._above.pop()

    def _refuse_declarations(self, *_: object) -> None:
        raise UserError(f"{self._path} has a <!DOCTYPE>, which CVAT does not write. {_OTHER_XML}")


_OTHER_XML = (
    'Expected is an export of CVAT in the format "CVAT for images 1.1". Write the labels of other tools as a CSV file '
    "with the columns path and label."
)


def _take(reading: Reading, where: str, name: str, found: Sequence[Annotation]) -> None:
    """Take what the annotations of an image say, where they all say the same."""
    labels = dict.fromkeys(label.strip() for label, of_model in found if not of_model)
    if found and not labels:
        reading.skipped["predictions of a model"] += 1
    else:
        reading.take(where, [label for label in labels if label], "", "", ("", served_path(name.strip())))


def _list(path: Path, data: Mapping[str, object], key: str) -> list[object]:
    value = data.get(key)
    if isinstance(value, list):
        return value
    raise UserError(
        f"{path} looks like COCO's JSON, but {key} is {'no list' if key in data else 'not there'}. Expected are the "
        "lists images, annotations and categories. Export it again, with the annotations."
    )


def _by_id(reading: Reading, what: str, entries: Sequence[object], field: str) -> dict[str, str]:
    """The `field` of each entry by its id. What is wrong with an entry is noted."""
    found: dict[str, str] = {}
    for number, entry in enumerate(entries, 1):
        fields = entry if isinstance(entry, dict) else {}
        identity, value = _id(fields.get("id")), fields.get(field)
        if not identity or not isinstance(value, str) or not value.strip():
            reading.refuse(f"{what} number {number}", f"it has no id or no {field}")
        elif identity in found:
            reading.refuse(f"{what} {identity}", f"{found[identity]} and {value} have the same id")
        else:
            found[identity] = value
    return found


def _id(value: object) -> str:
    """An id, a number or text, as text; "" for anything else."""
    return str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
