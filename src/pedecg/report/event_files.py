"""Learning curves as event files for TensorBoard.

Time is the epoch, and the file has one name, so that the same curves give the same bytes.
"""

from pathlib import Path

import pandas as pd

from pedecg.core import tables
from pedecg.core.errors import PedecgError

NAME = "events.out.tfevents.0.pedecg"
_VERSION = "brain.Event:2"


def write(curves: pd.DataFrame, folder: Path) -> Path:
    """Write every column of learning curves against its column ``epoch``; return the file.

    Raises
    ------
    PedecgError
        TensorBoard, an extra of pedecg, is not installed.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError:
        raise PedecgError(
            "TensorBoard is not installed; expected: pip install 'pedecg[tensorboard]'"
        ) from None
    names = [name for name in curves.columns if name != "epoch"]
    events = [Event(wall_time=0.0, file_version=_VERSION)]
    for row in curves.to_dict("records"):
        epoch = int(row["epoch"])
        values = [Summary.Value(tag=name, simple_value=row[name]) for name in names]
        events.append(Event(wall_time=epoch, step=epoch, summary=Summary(value=values)))
    with tables.replacing(folder / NAME) as temporary, temporary.open("wb") as file:
        writer = RecordWriter(file)
        for event in events:
            writer.write(event.SerializeToString(deterministic=True))
    return folder / NAME
