"""A table whose rows are not in memory as rows: in one bounded pass."""

from collections.abc import Iterator

from elinvar.environments._read_batches import FrameBatches
from elinvar.environments._read_frames import rows_of_frame
from elinvar.environments._roles import Roles
from elinvar.environments._rows import Rows
from elinvar.environments._streams import Stream
from elinvar.environments._survey import survey, surveyed_rows
from elinvar.errors import DataError


def read_stream(source: object, roles: Roles) -> Iterator[Rows]:
    """Read a table in one pass; in two, if what fills in missing values must be found first.

    Raises
    ------
    DataError
        If a column does not fit its role, or a value cannot be used.
    """
    stream = Stream(source, roles.notation)
    columns = roles.find(stream.names, stream.index)
    if roles.missing == "impute":
        if not stream.again:
            raise DataError(
                "A stream is read once, so missing must be 'error' or 'drop'; 'impute' needs the "
                "means first, from a frame, a query or files."
            )
        frames = stream.frames(columns.names)
        first = next(frames, None)
        kinds = {} if first is None else {name: first.kind(name) for name in columns.names}
        if first is not None:
            whole = surveyed_rows(stream.frames(columns.names), columns)
            schema = survey(whole, columns, kinds)
            for frame in stream.frames(columns.names):
                yield rows_of_frame(frame, columns, schema)
        return
    batches = FrameBatches(columns)
    for frame in stream.frames(columns.names):
        yield from batches.read(frame)
    batches.finish()
