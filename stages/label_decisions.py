"""Apply the reviewers' decisions to the labels of training and validation records."""

from pedecg.cohorts import label_decisions
from pedecg.core import errors, params, tables


def main() -> None:
    settings = params.load("labels", label_decisions.LabelSettings)
    labels = tables.read("data/interim/labels.parquet", tables.LABELS)
    splits = tables.read("data/interim/splits.parquet", tables.SPLITS)

    if settings.use_decisions:
        labels = label_decisions.apply(labels, splits, not_from_ecg=settings.not_from_ecg)

    tables.write(labels, "data/interim/training_labels.parquet", tables.LABELS)


if __name__ == "__main__":
    errors.one_line(main)
