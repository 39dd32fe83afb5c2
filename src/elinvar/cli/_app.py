"""The commands; the work is imported when a command runs."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from elinvar.cli import _options as options
from elinvar.cli._console import guarded
from elinvar.cli._options import Missing, Unknown, names
from elinvar.cli._source import Source, are_moments

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
@options.with_notation
def diagnose(
    data: options.Sources,
    target: options.TargetOfRows = None,
    environment: options.EnvironmentOfRows = None,
    query: options.Query = None,
    features: options.Features = None,
    drop: options.Drop = None,
    categorical: options.Categorical = None,
    weight: options.Weight = None,
    missing: options.MissingValues = "error",
    intercept: options.InterceptKind = "shared",
    exclude_environments: options.ExcludeEnvironments = None,
    report: options.Report = None,
    figures: options.Figures = None,
    theory: Annotated[
        bool,
        typer.Option("--theory", help="Add what the paper's theory says: growth, gains and steps."),
    ] = False,
    json: options.Json = False,
    *,
    written: dict[str, Any],
) -> None:
    """Say, before any fit, whether a table can answer.

    Effects that stay the same are evidence only where something else changes. The verdict is "can
    answer", "can answer in part" or "cannot", with the reason; the exit status is 0 for all three.
    """
    from elinvar.cli._diagnose import run

    with guarded():
        run(
            _source(
                data,
                target,
                environment,
                features,
                drop,
                categorical,
                weight,
                missing,
                query=query,
                written=written,
            ),
            intercept=intercept,
            exclude_environments=names(exclude_environments),
            report=report,
            figures=figures,
            json=json,
            theory=theory,
        )


def _source(
    data: list[str],
    target: str | None,
    environment: list[str] | None,
    features: list[str] | None,
    drop: list[str] | None,
    categorical: list[str] | None,
    weight: str | None,
    missing: Missing | Literal["keep"],
    cluster: str | None = None,
    *,
    query: str | None = None,
    written: dict[str, Any],
) -> Source:
    """Return what to read, as it was asked for."""
    from elinvar.environments import Roles

    if not are_moments(data):
        for name, given in (("--target", target), ("--environment", environment)):
            if not given:
                raise typer.BadParameter(f"Missing option '{name}'.")
    roles = Roles(
        target=target or "",
        environment=tuple(environment or ()),
        features=names(features),
        drop=names(drop),
        categorical=names(categorical),
        sample_weight=weight,
        cluster=cluster,
        missing=missing,
        **written,
    )
    return Source(data=tuple(data), roles=roles, query=query)


@app.command()
@options.with_notation
def moments(
    data: options.Sources,
    out: Annotated[Path, typer.Option(metavar="FILE.moments", help="Where to write the moments.")],
    target: options.TargetOfRows = None,
    environment: options.EnvironmentOfRows = None,
    query: options.Query = None,
    features: options.Features = None,
    drop: options.Drop = None,
    categorical: options.Categorical = None,
    weight: options.Weight = None,
    missing: options.MissingValues = "error",
    exclude_environments: options.ExcludeEnvironments = None,
    min_count: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Refuse to write if an environment, or a level in one, has fewer rows.",
        ),
    ] = 5,
    *,
    written: dict[str, Any],
) -> None:
    """Write what a fit needs to know of a table, and no row: for sites that may not share rows.

    Of each environment the file holds the number of rows, means, variances and covariances, and
    the names of columns and levels. elinvar fit *.moments learns from the files of all sites.
    """
    from elinvar.cli._moments import run

    with guarded():
        run(
            _source(
                data,
                target,
                environment,
                features,
                drop,
                categorical,
                weight,
                missing,
                query=query,
                written=written,
            ),
            out=out,
            min_count=min_count,
            exclude_environments=names(exclude_environments),
        )


@app.command()
@options.with_notation
def fit(
    data: options.Sources,
    target: options.TargetOfRows = None,
    environment: options.EnvironmentOfRows = None,
    query: options.Query = None,
    features: options.Features = None,
    drop: options.Drop = None,
    categorical: options.Categorical = None,
    weight: options.Weight = None,
    cluster: options.Cluster = None,
    robust: options.Robust = False,
    missing: options.MissingValues = "error",
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
    *,
    written: dict[str, Any],
) -> None:
    """Find which effects hold in every environment of a table.

    A name with a comma in it is quoted: --features '"a,b",c'.
    """
    from elinvar.cli._fit import FitRequest, run

    with guarded():
        run(
            FitRequest(
                source=_source(
                    data,
                    target,
                    environment,
                    features,
                    drop,
                    categorical,
                    weight,
                    missing,
                    cluster,
                    query=query,
                    written=written,
                ),
                parameters={
                    "intercept": intercept,
                    "predictor": predictor,
                    "robust": robust,
                    "exclude_environments": names(exclude_environments),
                    "features_always": names(features_always),
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
@options.with_notation
def forecast(
    data: options.Data,
    target: options.Target,
    environment: options.Environment,
    features: options.Features = None,
    drop: options.Drop = None,
    categorical: options.Categorical = None,
    weight: options.Weight = None,
    premium: options.Premium = 1.15,
    classify: options.ClassifyForecast = False,
    workers: options.Workers = 1,
    report: options.Report = None,
    model: options.Model = None,
    figures: options.Figures = None,
    json: options.Json = False,
    *,
    written: dict[str, Any],
) -> None:
    """Forecast rows of an environment that the table has not seen, and say how good that is.

    Lines, curves, boosting and trees are mixed by their errors on environments left out. Missing
    values are taken as they are. The page shows the forecast beside what holds (elinvar fit).
    """
    from elinvar.cli._forecast import ForecastRequest, run

    with guarded():
        run(
            ForecastRequest(
                source=_source(
                    data,
                    target,
                    environment,
                    features,
                    drop,
                    categorical,
                    weight,
                    "keep",
                    written=written,
                ),
                parameters={"premium": premium, "n_jobs": workers},
                report=report,
                model=model,
                figures=figures,
                json=json,
                classify=classify,
            )
        )


@app.command()
@options.with_notation
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="What --model has written.")],
    data: options.Data,
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
    unknown: Annotated[
        Unknown | None,
        typer.Option(
            help="Levels not seen in training: refuse them, count them as none, or do that with a "
            "warning. If not given, forecasts warn and others refuse."
        ),
    ] = None,
    *,
    written: dict[str, Any],
) -> None:
    """Predict each row of a table, in its order: CSV with a column prediction.

    A classifier adds the probability of each class. Columns that the model does not need are
    ignored. A model with an intercept for each environment uses the environment columns if the data
    have them, and the average intercept otherwise.
    """
    from elinvar.cli._predict import run

    with guarded():
        run(
            model,
            tuple(data),
            out=out,
            interval=interval,
            unknown=unknown,
            keep=names(keep),
            written=written,
        )


@app.command()
@options.with_notation
def adapt(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="What fit, forecast or adapt has written.")
    ],
    data: options.Data,
    out: Annotated[
        Path, typer.Option(metavar="FILE.json", help="Write the model of the place, for predict.")
    ],
    place: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="What the place is called; the file's name if not given."
        ),
    ] = None,
    unknown: Annotated[
        Unknown | None,
        typer.Option(
            help="Levels not seen in training: refuse them, count them as none, or do that with a "
            "warning. If not given, forecasts warn and others refuse."
        ),
    ] = None,
    *,
    written: dict[str, Any],
) -> None:
    """Move a model to a new place with a few labelled rows of it.

    What differed between the environments that the model learnt from says what may differ there,
    so that ten or twenty rows suffice. Adapting the result again adds rows of the same place.
    """
    from elinvar.cli._adapt import run

    with guarded():
        run(model, tuple(data), out=out, place=place, unknown=unknown, written=written)


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for pictures and pages; made if needed.")
    ] = Path("demo"),
) -> None:
    """Fit two real tables and a simulated one, and say what was found."""
    from elinvar.cli._demo import run

    with guarded():
        run(out)


@app.command()
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

    with guarded():
        if page:
            options_given = {"--list": list_, "--quick": quick, "--cluster": cluster is not None}
            write_page(out, others=[*(studies or []), *filter(options_given.get, options_given)])
        elif list_:
            list_studies(studies or [], workers=workers)
        else:
            run(studies or [], out=out, workers=workers, quick=quick, cluster=cluster)


@app.command()
def bench(
    suites: Annotated[
        list[str] | None,
        typer.Argument(metavar="SUITE", help="Suites to run; all if none is named."),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Methods to run besides constant, pooled, oracle and elinvar's two; all if not "
            "given.",
        ),
    ] = None,
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

    wanted = [methods] if methods else None
    with guarded():
        if list_:
            list_suites(suites or [], names(wanted))
        else:
            run(
                suites or [],
                methods=names(wanted),
                seeds=seeds,
                workers=workers,
                quick=quick,
                tables=tables or [],
                out=out,
                resume=resume,
            )
