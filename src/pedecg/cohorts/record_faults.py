"""Why a record cannot be used: one table of reason codes, one exception that carries them."""

from pedecg.core import names

REASONS: dict[str, str] = {
    # the row that describes a record
    "missing-record-id": "the row names no record",
    "missing-patient-id": "no patient identifier: the record cannot be assigned to one split",
    "bad-identifier": "the identifier of a record or patient is too long or has control characters",
    "missing-age": "the age is empty, and the cohort requires one",
    "invalid-age": "the age has no unit, is negative, above the longest lifetime or not a number",
    "unknown-sex": "neither female nor male, and the cohort requires one",
    "bad-cell": "a cell of the row cannot be read",
    "bad-label": "a label is neither 0, 1 nor empty",
    "unknown-class": "the label is not one of the data set's classes",
    "duplicate-row": "a repeated row; the first is kept",
    "conflicting-rows": "rows of the same record or file differ; the correct one is unknown",
    "unlisted-record": "files that no row describes",
    "conflicting-labels": "records of one patient contradict each other in a label",
    # the files of a record
    "missing-file": "the row's file does not exist",
    "path-outside-root": "a path outside the cohort's folder",
    "missing-header": "the row's header file does not exist",
    "unreadable-file": "the operating system refuses to open a file",
    "oversized-file": "larger than ingest.max_xml_mb, or more samples than a reader takes",
    "damaged-file": "the content violates its format; the reader does not report where",
    "unsafe-xml": "declares entities or names another file: refused unread",
    "malformed-xml": "not well-formed: truncated, altered or not XML",
    "unknown-vendor": "XML, JSON or another file in a format without a reader",
    "bad-field": "a required element is absent or cannot be read",
    "no-rhythm": "no rhythm strip: a median beat alone has no rate",
    "no-ecg": "no channel is an ECG, by its name and unit",
    "empty-signal": "the file contains no sample",
    "empty-header": "the header contains only blanks and comments",
    "bad-header": "the header violates the WFDB syntax",
    "unsupported-format": "leads of several rates, or a storage format without a reader",
    "missing-signal": "the header's signal file does not exist",
    "bad-matrix": "the .mat file does not contain the matrix that the header states",
    "truncated-signal": "the signal file is shorter than stated in the header",
    "overlong-signal": "the signal file is longer than stated in the header",
    "corrupt-signal": "a lead fails the header's checksum",
    "zero-rate": "the sampling rate is missing, zero or negative",
    "unusable-rate": "sampling rate too low to resolve a QRS, or above that of any ECG recorder",
    "implausible-scale": "the amplitude is outside the physiological range: wrong or missing scale",
    "zero-gain": "a gain is missing or zero: WFDB calls such a lead uncalibrated",
    "unknown-unit": "the unit of a lead is not a voltage",
    "duplicate-lead": "two channels have the same name",
    "unknown-lead": "a channel is no lead and not in ingest.ignore_channels",
    "sample-count-mismatch": "the row and the header disagree on the number of samples",
    "lead-count-mismatch": "the row and the header disagree on the number of leads",
    "missing-lead": "a lead of ingest.required_leads is absent or cannot be used",
    "outside-validated-range": "length, rate or leads outside the model's validated range",
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
        self.detail = names.visible(" ".join(detail.split()))
