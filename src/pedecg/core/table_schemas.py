"""The columns of every table of the pipeline: what they hold, in which unit and range.

`pedecg.core.tables` reads and writes the tables and checks them against these schemas.
"""

import pandera.pandas as pa

SPLITS_IN_ORDER = ("train", "validation", "test")
WAVES_IN_ORDER = ("P", "QRS", "T")
_LEAD = "(i|ii|iii|av[rlf]|v[1-9]|v[1-7]r)"  # in the name of a measure of one lead


def _id(description: str, unique: bool = False) -> pa.Column:
    check = pa.Check.str_length(min_value=1)
    return pa.Column("string", check, unique=unique, description=description)


def _number(description: str, low: float | None = None, high: float | None = None) -> pa.Column:
    checks = []
    if low is not None:
        checks.append(pa.Check.ge(low))
    if high is not None:
        checks.append(pa.Check.le(high))
    return pa.Column("float64", checks, nullable=True, description=description)


def _some(description: str, low: float | None = None) -> pa.Column:
    checks = [] if low is None else [pa.Check.ge(low)]
    return pa.Column(
        "float64", checks, nullable=True, regex=True, required=False, description=description
    )


def _text(description: str, nullable: bool = True) -> pa.Column:
    return pa.Column("string", nullable=nullable, description=description)


RECORDS = pa.DataFrameSchema(
    {
        "record_id": _id("identifier of the record", unique=True),
        "patient_id": _id("identifier of the patient"),
        "path": _id("relative to the cohort's root, as its reader opens it"),
        "fs_hz": pa.Column("float64", pa.Check.gt(0), description="samples per second, Hz"),
        "n_samples": pa.Column("int64", pa.Check.gt(0), description="samples per lead"),
        "leads": _id("canonical names, joined by a space"),
        "age_days": pa.Column("Int64", pa.Check.ge(0), nullable=True, description="days"),
        "sex": pa.Column("string", pa.Check.isin(["female", "male"]), nullable=True),
        "acquired_at": _text("date and time of acquisition as the source writes it"),
        "fold": pa.Column("Int64", nullable=True, description="the data set's own fold"),
        "source_split": _text("the data set's own split, train, validation or test"),
        "split_group": pa.Column(
            "string",
            nullable=True,
            required=False,
            description="patients that may be one person (see `same_patient`): kept in one split",
        ),
        r"^x_.+$": pa.Column(
            "float64",
            nullable=True,
            regex=True,
            required=False,
            description="a further number of the manifest",
        ),
    },
    strict=True,
    coerce=True,
    name="records",
)

# One nullable column per target: 1 present, 0 absent, null where the source cannot tell.
LABELS = pa.DataFrameSchema(
    {
        "record_id": _id("identifier of the record", unique=True),
        r"^(?!record_id$).+$": pa.Column(
            "Int8",
            pa.Check.isin([0, 1]),
            nullable=True,
            regex=True,
            required=False,
            description="target",
        ),
    },
    coerce=True,
    name="labels",
)

QUARANTINE = pa.DataFrameSchema(
    {
        "record_id": _id("one examination, or the row or file that names it"),
        "reason": _id("reason code, e.g. corrupt-signal"),
        "detail": _id("one line: file, lead or column; found; expected"),
    },
    strict=True,
    coerce=True,
    name="quarantine",
)

FINDINGS = pa.DataFrameSchema(
    {
        "record_id": _id("identifier of the record"),
        "vocabulary": _id("aha, chn, icd10, scp, …"),
        "code": _id("the code, or the prose where the vocabulary has none"),
        "modifiers": _text("modifiers of this code, joined by +"),
        "description": _text("in words; null where the code is in no table"),
        "likelihood": _number("percent, where the source grades it; 0 means not graded", 0, 100),
    },
    strict=True,
    coerce=True,
    name="findings",
)

# Measured by us on the raw signal at ingest, besides what the source itself states.
QUALITY = pa.DataFrameSchema(
    {
        "record_id": _id("identifier of the record"),
        "lead": _id("canonical name"),
        "usable": pa.Column("bool", description="False: mask this lead"),
        "flaw": _text(
            "flat, saturated, not-finite: not usable; partly-saturated: usable; null: none"
        ),
        "peak_mv": _number("largest absolute deviation from the median, mV", 0),
        "saturated_fraction": _number("share of samples at the recorder's limit", 0, 1),
        "flat_fraction": _number("share of samples in flat segments", 0, 1),
        "nonfinite_fraction": _number("share of samples without a value", 0, 1),
        "psqi": _number("power 5-15 Hz over 5-40 Hz", 0, 1),
        "bassqi": _number("1 - power 0-1 Hz over 0-40 Hz", 0, 1),
        "source_psqi": _number("the source's own pSQI", 0, 1),
        "source_bassqi": _number("the source's own basSQI", 0, 1),
        "source_bsqi": _number("the source's own bSQI", 0, 1),
    },
    strict=True,
    coerce=True,
    name="quality",
)

# What a reader must know of a record that is used all the same, one row per note.
NOTES = pa.DataFrameSchema(
    {
        "record_id": _id("identifier of the record"),
        "kind": _id("paced, clipped-high, clipped-low, mains-hum, limb-leads, electrodes"),
        "leads": _text("canonical names, joined by a space; null: not of single leads"),
        "detail": _id("one line"),
        "from_middle_s": _text(
            "times that it is about, s from the middle of the recording, joined by a space"
        ),
    },
    strict=True,
    coerce=True,
    name="notes",
)

SPLITS = pa.DataFrameSchema(
    {
        "record_id": _id("identifier of the record", unique=True),
        "patient_id": _id("identifier of the patient"),
        "split": pa.Column("string", pa.Check.isin(SPLITS_IN_ORDER)),
    },
    strict=True,
    coerce=True,
    name="splits",
)

WAVES = pa.DataFrameSchema(
    {
        "record_id": _id("identifier of the record"),
        "lead": _id(
            "canonical name; 'global': all leads together; 'any_lead': the same waves from the "
            "earliest onset to the latest offset in any lead"
        ),
        "wave": pa.Column("string", pa.Check.isin(WAVES_IN_ORDER)),
        "onset_s": _number("seconds from the record's start", 0),
        "peak_s": _number("seconds from the record's start", 0),
        "offset_s": _number("seconds from the record's start", 0),
        "confidence": _number("0 to 1; null where the method gives none", 0, 1),
    },
    strict=True,
    coerce=True,
    name="waves",
)

# Each measure has its spread over the beats and whether it may be used. Further columns are the
# z-scores `z_<measure>`, the criteria `rule_<name>` and the points `score_<name>`.
RULES = pa.DataFrameSchema(
    {
        "record_id": _id("identifier of the record", unique=True),
        "heart_rate_bpm": _number("beats per minute", 10, 400),
        "qtc_rate_bpm": _number("rate by which QT is corrected, beats per minute", 10, 400),
        "longest_rr_ms": _number(
            "longest RR interval, or time without a beat at either end, ms", 0
        ),
        "shortest_rr_ms": _number("shortest RR interval, ms", 0),
        "rr_sd_ms": _number("robust spread of RR intervals, ms", 0),
        "sdnn_ms": _number("SD of normal RR intervals, ms", 0),
        "rmssd_ms": _number("root mean square of successive differences of normal RR, ms", 0),
        "rr_change": _number("median relative change from one RR to the next", 0),
        "p_share": _number("share of beats with a P wave", 0, 1),
        "rr_cv": _number("SD of RR over its mean", 0),
        "rr_p5_to_median": _number("5th percentile of RR over its median", 0, 1),
        "rr_p95_to_median": _number("95th percentile of RR over its median", 1),
        "rr_short_share": _number("share of RR below 0.85 of the preceding RR", 0, 1),
        "rr_turning_points": _number("turning points of RR, share of intervals", 0, 1),
        "rr_autocorrelation": _number("lag-1 autocorrelation of RR", -1, 1),
        "rr_entropy": _number("sample entropy of RR"),
        "ectopic_share": _number("share of premature beats", 0, 1),
        "ventricular_ectopic_share": _number("share of ventricular premature beats", 0, 1),
        "atrial_ectopic_share": _number("share of atrial premature beats", 0, 1),
        "bigeminy_share": _number("share of beats in runs of bigeminy", 0, 1),
        "trigeminy_share": _number("share of beats in runs of trigeminy", 0, 1),
        "base_rr_cv": _number("SD of RR over its mean, without premature beats", 0),
        "base_rr_change": _number("median relative change of RR, without premature beats", 0),
        "flutter": _number("1: flutter waves, 0: none", 0, 1),
        "flutter_regularity": _number("correlation of atrial waves after one and two cycles", 0, 1),
        "atrial_rate_bpm": _number("of repeating atrial waves, per minute", 0, 600),
        "blocked_p_share": _number("share of P waves that no QRS follows", 0, 1),
        "av_dissociation": _number("1: regular P waves without relation to regular QRS", 0, 1),
        "paced_share": _number("share of beats with a pacemaker spike", 0, 1),
        "ventricular_paced_share": _number("share of beats with a spike just before QRS", 0, 1),
        "p_ms": _number("P duration, ms", 0, 400),
        "pr_ms": _number("PR interval, ms", 0, 800),
        "qrs_ms": _number("QRS duration, ms", 0, 400),
        "qt_ms": _number("QT interval, ms", 0, 1000),
        "p_consensus_ms": _number("P duration of all leads together, ms", 0, 400),
        "pr_consensus_ms": _number("PR interval of all leads together, ms", 0, 800),
        "qrs_consensus_ms": _number("QRS duration of all leads together, ms", 0, 400),
        "qt_consensus_ms": _number("QT interval of all leads together, ms", 0, 1000),
        "qtc_bazett_ms": _number("QT / sqrt(RR), ms", 0, 1500),
        "qtc_fridericia_ms": _number("QT / cbrt(RR), ms", 0, 1500),
        "qtc_framingham_ms": _number("QT + 154 x (1 - RR), ms", 0, 1500),
        "qtc_hodges_ms": _number("QT + 1.75 x (rate - 60), ms", 0, 1500),
        "p_axis_deg": _number("frontal plane, -180 to 180 degrees", -180, 180),
        "qrs_axis_deg": _number("frontal plane, -180 to 180 degrees", -180, 180),
        "qrs_initial_axis_deg": _number("axis of the first 80 ms of QRS, degrees", -180, 180),
        "t_axis_deg": _number("frontal plane, -180 to 180 degrees", -180, 180),
        "qrs_t_angle_deg": _number("frontal angle between QRS and T axis, degrees", 0, 180),
        "qrs_limb_mv": _number("largest peak-to-peak QRS of the limb leads, mV", 0),
        "qrs_precordial_mv": _number("largest peak-to-peak QRS of the precordial leads, mV", 0),
        "sv1_rv6_mv": _number("S in V1 + R in V6, mV", 0),
        r"^p_(ii|v1)_mv$": _some("P amplitude, from the line between onset and offset, mV", 0),
        r"^p_terminal_v1_m[vs]$": _some("amplitude and duration of terminal negative P, mV, ms", 0),
        "p_terminal_force_v1_mvms": _some("P terminal force, mV ms", 0),
        "r2_v1_mv": _number("r' in V1, 0 where there is none, mV", 0),
        "paced": pa.Column(
            "boolean", nullable=True, required=False, description="pacemaker spikes were found"
        ),
        "delta_wave_ms": _number("duration of the delta wave (slurred upstroke), ms", 0, 400),
        rf"^(r|s|q)_{_LEAD}_mv$": _some("amplitude of R, S and Q, mV", 0),
        rf"^q_{_LEAD}_ms$": _some("duration of Q, or of a QS complex, ms", 0),
        rf"^rs_ratio_{_LEAD}$": _some("R over S", 0),
        rf"^qr_ratio_{_LEAD}$": _some("Q over R", 0),
        rf"^t_{_LEAD}_mv$": _some("T amplitude, signed, mV"),
        rf"^st_{_LEAD}_mv$": _some("ST 40 to 60 ms after J, mV"),
        r"^(j|st80)_v[12]_mv$": _some("level at J and 80 ms after it, mV"),
        r"^r_peak_(avl|v[156])_ms$": _some("from the onset of QRS to the peak of R, ms", 0),
        r"^strip_.+$": _some("of a recording of one lead: rhythm and noise, see `rhythm_strip`"),
        r"^spread_.+$": _some("robust SD over the beats, in the measure's unit", 0),
        r"^valid_.+$": pa.Column("bool", regex=True, required=False),
        r"^z_.+$": _some("SD from the median for age and sex"),
        r"^rule_.+$": pa.Column("boolean", nullable=True, regex=True, required=False),
        r"^score_.+$": _some("points", 0),
        "why": _text("one line per criterion that is met: value, limit, source"),
    },
    strict=True,
    coerce=True,
    name="rules",
)

PREDICTIONS = pa.DataFrameSchema(
    {
        "record_id": _id("identifier of the record"),
        "split": pa.Column("string", pa.Check.isin([*SPLITS_IN_ORDER, "external"])),
        "seed": pa.Column("int64", description="seed of the training"),
        "label": _id("target"),
        "probability": pa.Column(
            "float64", pa.Check.in_range(0, 1), description="before calibration"
        ),
    },
    strict=True,
    coerce=True,
    name="predictions",
)

CANDIDATES = pa.DataFrameSchema(
    {
        "rank": pa.Column("int64", pa.Check.ge(1), unique=True, description="1 is most suspect"),
        "record_id": _id("identifier of the record"),
        "patient_id": _id("identifier of the patient"),
        "label": _id("target"),
        "given": pa.Column("int64", pa.Check.isin([0, 1]), description="the label as recorded"),
        "probability": pa.Column("float64", pa.Check.in_range(0, 1), description="out of fold"),
        "label_quality": pa.Column("float64", pa.Check.in_range(0, 1), description="low: suspect"),
        "flagged": pa.Column("bool", description="off-diagonal by confident learning"),
    },
    strict=True,
    coerce=True,
    name="candidates",
)

# Of simulated records only, written where the pipeline does not look. Further columns are
# `true_<target>` (0 or 1), `wrong_<target>` (does the written label differ from the true one),
# `severity_<disease>` (0 to 1) and true measurements with their unit in the name.
TRUTH = pa.DataFrameSchema(
    {
        "record_id": _id("identifier of the record", unique=True),
        "patient_id": _id("identifier of the patient"),
        r"^true_.+$": pa.Column("int8", pa.Check.isin([0, 1]), regex=True),
        r"^wrong_.+$": pa.Column("bool", regex=True),
        r"^severity_.+$": pa.Column("float64", pa.Check.in_range(0, 1), regex=True),
        "conditions": _text("name:severity of the simulated conditions, joined by ;"),
        "rhythm": _id("sinus, vpb, complete_block, …"),
        "heart_rate_bpm": _number("ventricles, beats per minute", 10, 400),
        "pr_ms": _number("PR interval, ms", 0),
        "qrs_ms": _number("QRS duration, ms", 0),
        "qt_ms": _number("QT interval, ms", 0),
        "qrs_axis_deg": _number("frontal plane, -180 to 180 degrees", -180, 180),
        r"^read_.+$": _some("true value of the measure, by the column of RULES"),
    },
    coerce=True,
    name="truth",
)
