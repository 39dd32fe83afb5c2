"""The commands; the work is imported when a command runs."""

from pathlib import Path
from typing import Annotated

import typer

from elinvar.cli import _options as options
from elinvar.cli._console import guarded
from elinvar.cli._options import NewRows
from elinvar.cli._source import Source

app = typer.Typer(
    help="Learn what stays true when the environment changes: which effects hold in every place, "
    "year or experiment of a table, which come and go, and what predicts best in a new one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from elinvar._base._version import __version__

        typer.echo(f"elinvar {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    pass


@app.command()
@options.reads_table
def diagnose(
    source: Source,
    intercept: options.InterceptKind = "shared",
    exclude_environments: options.ExcludeEnvironments = None,
    report: options.Report = None,
    figures: options.Figures = None,
    theory: Annotated[
        bool,
        typer.Option("--theory", help="Add what the paper's theory says: growth, gains and steps."),
    ] = False,
    json: options.Json = False,
) -> None:
    """Say, before any fit, whether a table can answer.

    Effects that stay the same are evidence only where something else changes. The verdict is "can
    answer", "can answer in part" or "cannot", with the reason; the exit status is 0 for all three.
    """
    from elinvar.cli._diagnose import run

    run(
        source,
        intercept=intercept,
        exclude_environments=exclude_environments,
        report=report,
        figures=figures,
        json=json,
        theory=theory,
    )


@app.command()
@options.reads_table
def moments(
    out: Annotated[Path, typer.Option(metavar="FILE.moments", help="Where to write the moments.")],
    source: Source,
    exclude_environments: options.ExcludeEnvironments = None,
    min_count: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Refuse to write if an environment, or a level in one, has fewer rows.",
        ),
    ] = 5,
) -> None:
    """Write what a fit needs to know of a table, and no row: for sites that may not share rows.

    Of each environment the file holds the number of rows, means, variances and covariances, and
    the names of columns and levels. elinvar fit *.moments learns from the files of all sites.
    """
    from elinvar.cli._moments import run

    run(
        source,
        out=out,
        min_count=min_count,
        exclude_environments=exclude_environments,
    )


@app.command()
@options.reads_clusters
def fit(
    source: Source,
    robust: options.Robust = False,
    intercept: options.InterceptKind = "shared",
    predictor: options.PredictorKind = "auto",
    classify: options.Classify = False,
    exclude_environments: options.ExcludeEnvironments = None,
    features_always: options.FeaturesAlways = None,
    effect_tolerance: options.EffectTolerance = 0.25,
    smallest_effect: options.SmallestEffect = 0.1,
    report: options.Report = None,
    model: options.Model = None,
    figures: options.Figures = None,
    json: options.Json = False,
) -> None:
    """Find which effects hold in every environment of a table.

    A name with a comma in it is quoted: --features '"a,b",c'.
    """
    from elinvar.cli._fit import Request, run

    run(
        Request(
            source=source,
            parameters={
                "intercept": intercept,
                "predictor": predictor,
                "robust": robust,
                "exclude_environments": exclude_environments,
                "features_always": features_always,
                "effect_tolerance": effect_tolerance,
                "smallest_effect": smallest_effect,
            },
            report=report,
            model=model,
            figures=figures,
            json=json,
            classify=classify,
        )
    )


@app.command()
@options.reads_rows
def forecast(
    source: Source,
    premium: options.Premium = 1.15,
    classify: options.ClassifyForecast = False,
    workers: options.Workers = 1,
    report: options.Report = None,
    model: options.Model = None,
    figures: options.Figures = None,
    json: options.Json = False,
) -> None:
    """Forecast rows of an environment that the table has not seen, and say how good that is.

    Lines, curves, boosting and trees are mixed by their errors on environments left out. Missing
    values are taken as they are. The page shows the forecast beside what holds (elinvar fit).
    """
    from elinvar.cli._fit import Request
    from elinvar.cli._forecast import run

    run(
        Request(
            source=source,
            parameters={"premium": premium, "n_jobs": workers},
            report=report,
            model=model,
            figures=figures,
            json=json,
            classify=classify,
        )
    )


@app.command()
@options.reads_new_rows
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="What --model has written.")],
    source: NewRows,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to, as CSV (FILE.csv) or Parquet (FILE.parquet); standard output if not "
            "given.",
        ),
    ] = None,
    keep: options.Keep = None,
    interval: Annotated[
        bool,
        typer.Option(
            "--interval",
            help="Add columns low and high: what holds 90% of the rows in 90% of new environments.",
        ),
    ] = False,
    unknown: options.UnknownLevels = None,
) -> None:
    """Predict each row of a table, in its order: CSV with a column prediction.

    A classifier adds the probability of each class. Columns that the model does not need are
    ignored. A model with an intercept for each environment uses the environment columns if the data
    have them, and the average intercept otherwise.
    """
    from elinvar.cli._predict import run

    run(model, *source, out=out, interval=interval, unknown=unknown, keep=keep)


@app.command()
@options.reads_new_rows
def adapt(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="What fit, forecast or adapt has written.")
    ],
    source: NewRows,
    out: Annotated[
        Path, typer.Option(metavar="FILE.json", help="Write the model of the place, for predict.")
    ],
    place: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="What the place is called; the file's name if not given."
        ),
    ] = None,
    unknown: options.UnknownLevels = None,
) -> None:
    """Move a model to a new place with a few labelled rows of it.

    What differed between the environments that the model learnt from says what may differ there,
    so that ten or twenty rows suffice. Adapting the result again adds rows of the same place.
    """
    from elinvar.cli._adapt import run

    run(model, *source, out=out, place=place, unknown=unknown)


@app.command()
@guarded()
def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for pictures and pages; made if needed.")
    ] = Path("demo"),
) -> None:
    """Fit two real tables and a simulated one, and say what was found."""
    from elinvar.cli._demo import run

    run(out)


@app.command()
@guarded()
def reproduce(
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help='Studies to run; all if none is named. "questions": those that answer the open '
            "questions of the paper.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Smaller runs: all studies in a few minutes.")
    ] = False,
    out: options.Folder = Path("reproduce"),
    workers: options.Workers = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Run on a Dask cluster, such as tcp://host:8786."),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="Say what each study shows and how long it takes.")
    ] = False,
    page: Annotated[
        bool,
        typer.Option(
            "--page",
            help="Run nothing; write a page with sliders that shows the idea: explore.html in the "
            "folder of --out, or --out itself if it ends in .html.",
        ),
    ] = False,
) -> None:
    """Reproduce the claims of the paper, each with a table, a picture and a verdict.

    The exit status is 0 whether claims hold or fail. A run that was stopped goes on where it was.
    """
    from elinvar.cli._reproduce import list_studies, run, write_page

    if page:
        options_given = {"--list": list_, "--quick": quick, "--cluster": cluster is not None}
        write_page(out, others=[*(studies or []), *filter(options_given.get, options_given)])
    elif list_:
        list_studies(studies or [], workers=workers)
    else:
        run(studies or [], out=out, workers=workers, quick=quick, cluster=cluster)


@app.command()
@guarded()
def bench(
    suites: Annotated[
        list[str] | None,
        typer.Argument(metavar="SUITE", help="Suites to run; all if none is named."),
    ] = None,
    methods: options.Methods = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Data sets of each problem; the suite's number if not given. Slow methods have "
            "fewer.",
        ),
    ] = None,
    workers: options.Workers = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Fewer problems and seeds, no slow methods: a few minutes."),
    ] = False,
    tables: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE.json",
            help="Specifications of real tables for the suite 'tables', in place of this package's "
            "39; may be given several times.",
        ),
    ] = None,
    out: options.Folder = Path("leaderboard"),
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with what the folder holds. Without it, a folder that holds results of "
            "these suites is refused, so that old numbers are not taken for new ones.",
        ),
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Say what each suite asks and who the methods are.")
    ] = False,
) -> None:
    """Compare methods that look for invariance, by one rule for all, where the truth is known.

    Hyper-parameters are chosen on training environments left out; test environments are new.
    """
    from elinvar.cli._bench import list_suites, run

    if list_:
        list_suites(suites or [], methods)
    else:
        run(
            suites or [],
            methods=methods,
            seeds=seeds,
            workers=workers,
            quick=quick,
            tables=tables or [],
            out=out,
            resume=resume,
        )
