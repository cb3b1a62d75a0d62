"""Report what was built, how good it is and from what it was made: one HTML page that needs nothing else."""

from pathlib import Path

from linecam import __version__
from linecam.boards.board import Board
from linecam.camera.region import Region
from linecam.evaluation.candidates import Candidate, TrainedModel
from linecam.page.address import PORT
from linecam.report.insight import Insight
from linecam.report.page import Made, Setup, Sources, write_page
from linecam.report.runs import now
from linecam.revision import revision
from linecam.workflow.job import job, with_options

if __name__ == "__main__":
    with job(snakemake):
        given, params, config = snakemake.input, snakemake.params, snakemake.params.config
        studied, selection_studied = params.studied, params.selection_studied
        write_page(
            Sources(
                choice=Path(given.choice),
                clean=Path(given.clean),
                votes=Path(given.votes),
                index=Path(given.frames),
                quarantine=Path(given.quarantine),
                account=Path(given.account),
                split=Path(given.split),
                summaries=dict(zip(params.selections, map(Path, given.summaries), strict=True)),
                pixels={int(Path(path).stem): Path(path) for path in given.pixels},
                pretraining=dict(zip(params.pretrained, map(Path, given.pretraining), strict=True)),
                template=Path(given.template),
                insight=Insight(
                    mistakes=Path(given.mistakes),
                    heat=Path(given.heat),
                    judged=Path(given.judged),
                    places=Path(given.places),
                    layers=Path(given.layers),
                ),
                frames=Path(params.folder),
                benchmarks=Path(params.benchmarks),
                runs=Path(params.runs),
                study=(Path(studied["table"]), Path(studied["plot"])) if studied else None,
                selection_study=(
                    (Path(selection_studied["summary"]), Path(selection_studied["plot"])) if selection_studied else None
                ),
            ),
            [TrainedModel.from_param(model) for model in params.models],
            [Candidate.from_param(candidate) for candidate in params.candidates],
            Setup(
                dataset=config["dataset"]["name"],
                classes=config["dataset"]["classes"],
                region=Region.of(params.region),
                config=config,
                configuration=params.configuration,
                boards={name: Board(**facts) for name, facts in params.boards.items()},
                versions=params.versions,
                definitions=params.definitions,
                labelling=f"http://127.0.0.1:{PORT}",
                options=with_options("").strip(),
                made=Made(now(), __version__, revision()),
            ),
            Path(snakemake.output.page),
        )
