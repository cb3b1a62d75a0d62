"""Make the bundle for a board: model, labels, program and manifest, in a folder and zipped beside it."""

import logging
import platform
import subprocess
import zipfile
from pathlib import Path
from shutil import copyfile
from typing import Any

from linecam.camera import FRAME_SIZES
from linecam.errors import UserError, reported
from linecam.files import read_json, sha256, whole, write_json


def bundle(
    choice_path: Path,
    candidates: list[dict[str, Any]],
    main: Path,
    folder: Path,
    archive: Path,
    *,
    board: str,
    config: dict[str, Any],
    versions: dict[str, str],
) -> None:
    """Write the bundle of the chosen model into `folder` and `archive` (.zip).

    Each of `candidates` has `model`, `range`, and the paths `tflite`, `metrics` and `firmware` (one a board).
    `versions` are the packages that made it. Raises `UserError` where the board doesn't take the chosen model, with
    the rules that it breaks.
    """
    choice = read_json(choice_path)
    chosen = (choice["model"], choice["range"])
    paths = next(candidate for candidate in candidates if (candidate["model"], candidate["range"]) == chosen)
    check = read_json(paths["firmware"][board])
    if not check["accepted"]:
        broken = "; ".join(
            f"{f['rule']} ({f['where']}): {f['why']}. To mend it, {f['mend']}" for f in check["findings"]
        )
        raise UserError(f"{board} does not take {paths['tflite']}: {broken}.")
    frame_size, classes = config["camera"]["frame_size"], config["dataset"]["classes"]
    size = int(choice["model"].split("/")[0].split("-")[1])  # architecture-size-method/...
    with whole(folder) as temporary:
        temporary.mkdir()
        copyfile(paths["tflite"], temporary / "model.tflite")
        copyfile(main, temporary / "main.py")
        (temporary / "labels.txt").write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
        names = sorted(path.name for path in temporary.iterdir())
        write_json(
            temporary / "manifest.json",
            {
                "board": board,
                "camera": {
                    "frame_size": frame_size,
                    "side": min(FRAME_SIZES[frame_size]),
                    "input": size,
                    "votes": config["bundle"]["votes"],
                },
                "files": {
                    name: {"sha256": sha256(temporary / name), "bytes": (temporary / name).stat().st_size}
                    for name in names
                },
                "model": {"name": choice["model"], "quantization": choice["range"], "reason": choice["reason"]},
                "metrics": read_json(paths["metrics"]),
                "config": config,
                "versions": versions | {"python": platform.python_version()},
                "git": revision(),
            },
        )
        with whole(archive) as zipped:
            pack(temporary, zipped)
    logging.info("bundle for %s in %s and %s", board, folder, archive)


def pack(folder: Path, archive: Path) -> None:
    """Zip the files of `folder`; equal files give equal bytes, whenever and wherever they were written."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(path.name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            file.writestr(entry, path.read_bytes())


def revision() -> str | None:
    """The git revision of the workflow, with "-dirty" where files differ from it; None outside a repository."""
    try:
        run = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return run.stdout.strip()


if __name__ == "__main__":
    with reported(snakemake.log[0]):
        bundle(
            Path(snakemake.input.choice),
            snakemake.params.candidates,
            Path(snakemake.input.main),
            Path(snakemake.output.folder),
            Path(snakemake.output.archive),
            board=snakemake.wildcards.board,
            config=snakemake.params.config,
            versions=snakemake.params.versions,
        )
