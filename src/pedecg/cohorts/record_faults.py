"""Why a record cannot be used: one table of reason codes, one exception that carries them."""

REASONS: dict[str, str] = {
    # the row that describes a record
    "missing-record-id": "the row names no record",
    "missing-patient-id": "no patient: the record could not be kept on one side of a split",
    "missing-age": "the age is empty, and the cohort requires one",
    "invalid-age": "the age has no unit, is negative, beyond a lifetime or no number",
    "unknown-sex": "neither female nor male, and the cohort requires one",
    "bad-cell": "a cell of the row cannot be read",
    "bad-label": "a label is neither 0, 1 nor empty",
    "unknown-class": "the label is none of the data set's classes",
    "duplicate-row": "a repeated row; the first is kept",
    "conflicting-rows": "rows that share a record or its file differ; which is true is unknown",
    "unlisted-record": "files that no row describes",
    "conflicting-labels": "records of one patient contradict each other in a label",
    # the files of a record
    "missing-file": "the row's file does not exist",
    "path-outside-root": "a path that leads out of the cohort's folder",
    "missing-header": "the row's header file does not exist",
    "unreadable-file": "the operating system refuses to open a file",
    "oversized-file": "larger than ingest.max_xml_mb, or more samples than a reader takes",
    "damaged-file": "the content breaks its format in a place that the reader does not name",
    "unsafe-xml": "declares entities or names another file: refused unread",
    "malformed-xml": "not well-formed: cut off, altered, or no XML at all",
    "unknown-vendor": "XML, JSON or another file of none of the formats that have a reader",
    "bad-field": "an element that the format requires is absent or cannot be read",
    "no-rhythm": "no rhythm strip: a median beat alone has no rate",
    "no-ecg": "no channel is an ECG, by its name and unit",
    "empty-signal": "the file holds no sample",
    "empty-header": "the header holds nothing but blanks and comments",
    "bad-header": "the header breaks the WFDB syntax",
    "unsupported-format": "leads of several rates, or a storage format without a reader",
    "missing-signal": "the header's signal file does not exist",
    "bad-matrix": "the .mat file holds no matrix of channels by samples, as the header says",
    "truncated-signal": "the signal file is shorter than the header says",
    "overlong-signal": "the signal file is longer than the header says",
    "corrupt-signal": "a lead fails the header's checksum",
    "zero-rate": "the sampling rate is missing, zero or negative",
    "unusable-rate": "too slow to show a QRS, or faster than any ECG recorder",
    "implausible-scale": "by the file's scale, or for want of one, no heart is as tall as this ECG",
    "zero-gain": "a gain is missing or zero: WFDB calls such a lead uncalibrated",
    "unknown-unit": "a lead is given in a unit that is no voltage",
    "duplicate-lead": "two channels have the same name",
    "unknown-lead": "a channel is none of the twelve leads and not in ingest.ignore_channels",
    "sample-count-mismatch": "the row and the header disagree on the number of samples",
    "lead-count-mismatch": "the row and the header disagree on the number of leads",
    "missing-lead": "a lead of ingest.required_leads is absent or cannot be used",
    "outside-model": "the model that is asked was not made for such a record",
    "no-usable-lead": "every lead is flat, saturated or without values",
}


class RecordFault(Exception):  # noqa: N818 - the data is at fault, not the program
    """One record cannot be used.

    Attributes
    ----------
    reason : a key of `REASONS`.
    detail : one line: the place, what was found, what was expected.
    """

    def __init__(self, reason: str, detail: str) -> None:
        if reason not in REASONS:
            raise KeyError(reason)
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = " ".join(detail.split())
