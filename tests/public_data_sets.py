"""Fake data sets in the layouts of public ones, a few records each, with the truth about them.

Each writer has the quirks of its original: padding, misprints, orders of leads and rows, ages that
stand for something else. The ECGs are sums of Gaussian waves.
"""

import csv
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from pedecg.core.records import LEADS, Sex

Labels = dict[str, int | None]
Signal = NDArray[np.float64]
SUPERCLASSES = ("mi", "sttc", "cd", "hyp")
KINDS = ("normal", "cd", "hyp", "mi", "rate", "sttc", "rhythm", "unnamed")
_AGES = (34, 4, 61, 12, 17, 70, 9, 45)  # years
_WIDTHS = {"cd": 0.05, "mi": 0.03}  # s, of QRS
_GAINS = np.array([0.8, 1.1, 0.5, 0.9, 1.3, 1.5, 1.2, 0.9])  # of I, II and V1 to V6


@dataclass(frozen=True)
class Person:
    """One record to write."""

    number: int
    years: int
    sex: Sex
    kind: str

    @property
    def days(self) -> int:
        return round(self.years * 365.25)


@dataclass(frozen=True)
class Truth:
    """What a reader must say of a record; `signal_mv` in the order of `LEADS`."""

    patient_id: str
    age_days: int | None
    sex: Sex | None
    labels: Labels
    signal_mv: Signal
    fs_hz: float
    tolerance_mv: float


@dataclass
class Made:
    """What a writer made: the truth by record id, and records that must end in quarantine."""

    records: dict[str, Truth] = field(default_factory=dict)
    quarantined: dict[str, str] = field(default_factory=dict)
    unknown_codes: dict[str, int] = field(default_factory=dict)


def people(n: int, kinds: Sequence[str] = KINDS) -> list[Person]:
    """Return people of all ages and kinds, girls and boys."""
    return [
        Person(i, _AGES[i % len(_AGES)], ("female", "male")[i // 2 % 2], kinds[i % len(kinds)])
        for i in range(n)
    ]


def ecg(person: Person, fs_hz: float, seconds: float) -> Signal:
    """Return twelve leads in mV, shape (12, n), that obey Einthoven and Goldberger."""
    rng = np.random.default_rng(person.number)
    time = np.arange(round(fs_hz * seconds)) / fs_hz
    rate_hz = 0.8 if person.kind == "rate" else rng.uniform(1.1, 1.6)
    phase = (time * rate_hz) % 1 / rate_hz
    width = _WIDTHS.get(person.kind, 0.012)
    height = 1.6 if person.kind == "hyp" else 1.0
    t_wave = -0.2 if person.kind in ("sttc", "mi") else 0.25
    p_wave = 0.0 if person.kind == "rhythm" else 0.1
    beat = (
        p_wave * np.exp(-(((phase - 0.10) / 0.02) ** 2))
        + height * np.exp(-(((phase - 0.25) / width) ** 2))
        + t_wave * np.exp(-(((phase - 0.48) / 0.05) ** 2))
    )
    rows = _GAINS[:, None] * beat + rng.normal(0, 0.01, (8, len(time)))
    one, two = rows[:2]
    return np.array(
        [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *rows[2:]]
    )


def expected(kind: str) -> Labels:
    """Return the labels of a kind where its code is the only one and every finding has one."""
    if kind == "unnamed":
        return dict.fromkeys(("abnormal", "abnormal_beyond_rate", "norm", *SUPERCLASSES))
    classes: Labels = dict.fromkeys(SUPERCLASSES, 0 if kind == "normal" else None)
    if kind == "normal":
        return {"abnormal": 0, "abnormal_beyond_rate": 0, "norm": 1, **classes}
    if kind == "rate":
        return {"abnormal": 1, "abnormal_beyond_rate": 0, "norm": None, **classes}
    absent = None if kind == "rhythm" else 0
    classes = {name: 1 if name == kind else absent for name in SUPERCLASSES}
    return {"abnormal": 1, "abnormal_beyond_rate": 1, "norm": 0, **classes}


def write_wfdb(
    stem: Path,
    names: Sequence[str],
    signal_mv: Signal,
    fs_hz: float,
    gain: int,
    comments: Iterable[str] = (),
    storage: str = "16",
    units: Sequence[str] = (),
) -> Signal:
    """Write a record of format 16, 24 or ``mat``; return the mV that its counts stand for."""
    counts = np.rint(signal_mv * gain).astype(np.int64)
    values = np.ascontiguousarray(counts.T)
    stem.parent.mkdir(parents=True, exist_ok=True)
    if storage == "24":
        data = values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    else:
        data = values.astype("<i2").tobytes()
    suffix, layout = ".dat", storage
    if storage == "mat":
        shape = (len(names), values.shape[0])
        data = struct.pack("<5i4s", 30, *shape, 0, 4, b"val\0") + data
        suffix, layout = ".mat", "16+24"
    stem.with_name(stem.name + suffix).write_bytes(data)
    lines = [f"{stem.name} {len(names)} {fs_hz:g} {values.shape[0]}"]
    for row, name in enumerate(names):
        total = int(counts[row].sum()) % 65536
        total -= 65536 * (total > 32767)  # as the challenges write it
        unit = units[row] if units else "mV"
        lines.append(
            f"{stem.name}{suffix} {layout} {gain}/{unit} 16 0 {counts[row, 0]} {total} 0 {name}"
        )
    stem.with_name(stem.name + ".hea").write_text("\n".join([*lines, *comments]) + "\n")
    return counts / gain


def write_table(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows as CSV, with the columns of the first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


_REPORTS = {
    "normal": ("Sinus rhythm", "Normal ECG"),
    "cd": ("Sinus rhythm with 1st degree A-V block.", "Abnormal ECG"),
    "hyp": ("Sinus rhythm", "Left ventricular hypertrophy", "", "Abnormal ECG"),
    "mi": ("Sinus rhythm", "Inferior infarct - age undetermined", "Abnormal ECG"),
    "sttc": ("--- Warning: data quality may affect interpretation ---", "Sinus rhythm",
             "Inferior/lateral ST-T changes are nonspecific", "Abnormal ECG"),
    "rhythm": ("Atrial fibrillation", "Abnormal ECG"),
    "unnamed": ("Sinus rhythm", "Possible left atrial abnormality", "Borderline ECG"),
}  # fmt: skip


def mimic_iv_ecg(root: Path, n: int) -> Made:
    """Lead order with aVF before aVL, two tables, shifted dates, a report over 18 columns."""
    made, listed, measured = Made(), [], []
    order = ("I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6")
    for person in people(n, list(_REPORTS)):
        study, subject = str(40_000_000 + person.number), str(10_000_000 + person.number // 2)
        path = f"files/p{subject[:4]}/p{subject}/s{study}/{study}"
        rows = [LEADS.index(lead) for lead in order]
        stored = write_wfdb(root / path, order, ecg(person, 500, 10)[rows], 500, 200, ["# fake"])
        listed.append(
            {"subject_id": subject, "study_id": study, "file_name": study,
             "ecg_time": "2180-07-23 08:44:00", "path": path}
        )  # fmt: skip
        report = _REPORTS[person.kind]
        lines = {f"report_{i}": report[i] if i < len(report) else "" for i in range(18)}
        measured.append(
            {"subject_id": subject, "study_id": study, "cart_id": "6848296",
             "ecg_time": "2180-07-23 08:44:00", **lines, "bandwidth": "0.005-150 Hz",
             "filtering": "60 Hz notch Baseline filter", "rr_interval": 800, "p_onset": 29999,
             "p_end": 29999, "qrs_onset": 180, "qrs_end": 274, "t_end": 600, "p_axis": 32767,
             "qrs_axis": -4, "t_axis": 19}
        )  # fmt: skip
        signal = stored[[order.index(lead) for lead in LEADS]]
        labels = expected(person.kind)
        made.records[study] = Truth(subject, None, None, labels, signal, 500, 0.001)
    write_table(root / "record_list.csv", listed)
    write_table(root / "machine_measurements.csv", measured[::-1])
    return made


_CODE15_FLAGS = {"normal": "normal_ecg", "cd": "LBBB", "rate": "SB", "rhythm": "AF", "unnamed": ""}


def _of_code15(kind: str) -> Labels:
    """Return the labels where findings without a column may be there as well."""
    if kind == "normal":
        return expected(kind)
    some = {"cd": 1 if kind == "cd" else None, "mi": None, "sttc": None, "hyp": None}
    named = kind in ("cd", "rhythm")
    return {"abnormal": 1, "abnormal_beyond_rate": 1 if named else None,
            "norm": 0 if named else None, **some}  # fmt: skip


def code15(root: Path, n: int) -> Made:
    """Two parts with a row of zeros, another order in the table, 7 s amid zeros, no follow-up."""
    made, rows = Made(), []
    parts: dict[int, list[tuple[int, Signal]]] = {0: [], 1: []}
    for person in people(n, list(_CODE15_FLAGS)):
        exam = 1_000_000 - 7 * person.number
        seconds = 7.0 if person.number % 3 == 0 else 10.0
        signal = ecg(person, 400, seconds).astype(np.float32).astype(np.float64)
        before = (4096 - signal.shape[1]) // 2
        stored = np.zeros((4096, 12))
        stored[before : before + signal.shape[1]] = signal.T
        part = person.number % 2
        parts[part].append((exam, stored))
        flags = {name: name == _CODE15_FLAGS[person.kind] for name in
                 ("1dAVb", "RBBB", "LBBB", "SB", "ST", "AF", "normal_ecg")}  # fmt: skip
        normal = flags.pop("normal_ecg")
        patient = str(500 + person.number // 2)
        rows.append(
            {"exam_id": exam, "age": person.years, "is_male": person.sex == "male",
             "nn_predicted_age": person.years + 2.5, **flags, "patient_id": patient,
             "death": "" if person.number % 3 else False, "timey": "" if person.number % 3 else 2.1,
             "normal_ecg": normal, "trace_file": f"exams_part{part}.hdf5"}
        )  # fmt: skip
        labels = _of_code15(person.kind)
        made.records[str(exam)] = Truth(patient, person.days, person.sex, labels, signal, 400, 1e-6)
    write_table(root / "exams.csv", rows)
    for part, exams in parts.items():
        with h5py.File(root / f"exams_part{part}.hdf5", "w") as file:
            padded = [*exams[::-1], (0, np.zeros((4096, 12)))]
            file["exam_id"] = np.array([exam for exam, _ in padded], np.int64)
            file["tracings"] = np.array([signal for _, signal in padded], np.float32)
    return made


def sami_trop(root: Path, n: int) -> Made:
    """One array of all tracings without ids: the order of the table is the only link."""
    made, rows, tracings = Made(), [], []
    for person in people(n, ["normal", "unnamed"]):
        exam = str(3629 + 11 * person.number)
        signal = ecg(person, 400, 10).astype(np.float32).astype(np.float64)
        stored = np.zeros((4096, 12))
        stored[48 : 48 + signal.shape[1]] = signal.T
        tracings.append(stored)
        rows.append(
            {"exam_id": exam, "age": person.years, "is_male": person.sex == "male",
             "normal_ecg": person.kind == "normal", "death": False, "timey": 2.0,
             "nn_predicted_age": 61.0}
        )  # fmt: skip
        labels = _of_code15(person.kind)
        made.records[exam] = Truth(exam, person.days, person.sex, labels, signal, 400, 1e-6)
    write_table(root / "exams.csv", rows)
    with h5py.File(root / "exams.hdf5", "w") as file:
        file["tracings"] = np.array(tracings, np.float32)
    return made


_SNOMED = {
    "normal": "426783006", "cd": "164909002", "hyp": "164873001,426783006",
    "mi": "164865005,164865005", "rate": "426177001", "sttc": "428750005",
    "rhythm": "164889003", "unnamed": "123456789",
}  # fmt: skip


def _challenge(
    root: Path, n: int, place: Callable[[Person], tuple[str, float]], sex_words: dict[Sex, str]
) -> Made:
    """Write headers with ``#Age``, ``#Sex`` and ``#Dx`` over MATLAB matrices."""
    made = Made()
    for person in people(n):
        path, fs_hz = place(person)
        age, days = str(person.years), person.days
        comments = (f"#Age: {age}", f"#Sex: {sex_words[person.sex]}",
                    f"#Dx: {_SNOMED[person.kind]}", "#Rx: Unknown", "#Hx: Unknown",
                    "#Sx: Unknown")  # fmt: skip
        signal = write_wfdb(
            root / path, LEADS, ecg(person, fs_hz, 10), fs_hz, 1000, comments, "mat"
        )
        name = path.rsplit("/", 1)[-1]
        made.records[name] = Truth(
            name, days, person.sex, expected(person.kind), signal, fs_hz, 0.0001
        )
        if person.kind == "unnamed":
            made.unknown_codes["123456789"] = made.unknown_codes.get("123456789", 0) + 1
    return made


def _restate(root: Path, made: Made, name: str, old: str, new: str) -> None:
    """Change the header of one record that is there."""
    (file,) = root.rglob(f"{name}.hea")
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    assert name in made.records


def cinc2021(root: Path, n: int) -> Made:
    """Several sources, rates and folders; ages that are NaN, 300 and -1; a misnamed record."""
    sources = (("georgia", "E", 500), ("ptb", "S", 1000), ("ningbo", "JS", 500),
               ("st_petersburg_incart", "I", 257), ("ptb-xl", "HR", 500))  # fmt: skip

    def place(person: Person) -> tuple[str, float]:
        source, letters, rate = sources[person.number % len(sources)]
        return f"training/{source}/g1/{letters}{person.number:05d}", rate

    made = _challenge(root, n, place, {"female": "Female", "male": "Male"})
    _hide_ages(root, made)
    return made


def cinc2020(root: Path, n: int) -> Made:
    """Write the challenge of 2021 in its first form: sexes of one letter in one source."""

    def place(person: Person) -> tuple[str, float]:
        if person.number % 4 == 3:
            return f"training/st_petersburg_incart/I{person.number:04d}", 257
        return f"training/georgia/E{person.number:05d}", 500

    made = _challenge(root, n, place, {"female": "F", "male": "M"})
    _hide_ages(root, made)
    return made


def _hide_ages(root: Path, made: Made) -> None:
    """Make one age hidden and two unknown; the two end in quarantine where ages are required."""
    first, second, third = list(made.records)[:3]
    for name, word in ((first, "300"), (second, "NaN"), (third, "-1")):
        years = round((made.records[name].age_days or 0) / 365.25)
        _restate(root, made, name, f"#Age: {years}\n", f"#Age: {word}\n")
        known = made.records.pop(name)
        if word == "300":
            made.records[name] = Truth(
                known.patient_id, None, known.sex, known.labels, known.signal_mv, known.fs_hz,
                known.tolerance_mv,
            )  # fmt: skip
        else:
            made.quarantined[name] = "missing-age"


def chapman_ningbo(root: Path, n: int) -> Made:
    """Folders of two levels below ``WFDBRecords``."""

    def place(person: Person) -> tuple[str, float]:
        return f"WFDBRecords/01/{10 + person.number // 4:03d}/JS{person.number + 1:05d}", 500

    return _challenge(root, n, place, {"female": "Female", "male": "Male"})


_AHA = {
    "normal": "1;1", "cd": "104", "hyp": "142", "mi": "161+332", "rate": "22", "sttc": "145",
    "rhythm": "50;60+310", "unnamed": "999",
}  # fmt: skip


def sph(root: Path, n: int) -> Made:
    """One HDF5 of half precision per record, lengths that differ, statements with modifiers."""
    made, rows = Made(), []
    (root / "records").mkdir(parents=True, exist_ok=True)
    for person in people(n):
        name, patient = f"A{person.number + 1:05d}", f"S{person.number // 2 + 1:05d}"
        signal = ecg(person, 500, 10 + person.number % 3).astype(np.float16)
        with h5py.File(root / "records" / f"{name}.h5", "w") as file:
            file["ecg"] = signal
        rows.append(
            {"ECG_ID": name, "AHA_Code": _AHA[person.kind], "Patient_ID": patient,
             "Age": person.years, "Sex": person.sex[0].upper(), "N": signal.shape[1],
             "Date": "2020-03-04"}
        )  # fmt: skip
        made.records[name] = Truth(
            patient, person.days, person.sex, expected(person.kind), signal.astype(np.float64),
            500, 1e-6,
        )  # fmt: skip
        if person.kind == "unnamed":
            made.unknown_codes["999"] = made.unknown_codes.get("999", 0) + 1
    write_table(root / "metadata.csv", rows)
    return made


_CATHETERS = (
    ("ABL12", "RVA12", "CS12", "CS34", "CS56", "CS78", "CS90"),
    ("RVA12", "CS12", "CS34", "CS56", "CS78", "CS90"),
    ("ART", "ABL12", "RVA12", "CS12", "CS34", "CS56", "CS78", "CS90"),
    ("ABL12", "ABL_uni", "RVA12", "CS12", "CS34", "CS56", "CS78", "CS90"),
)
_CHILDREN = {
    "AVNRT": {"avrt": 0, "avnrt": 1, "preexcitation": 0, "chd": None, "vt": None},
    "AVRT-WPW": {"avrt": 1, "avnrt": 0, "preexcitation": 1, "chd": None, "vt": None},
    "AVRT": {"avrt": 1, "avnrt": 0, "preexcitation": 0, "chd": None, "vt": None},
}
_ADULT: Labels = {"avrt": None, "avnrt": None, "preexcitation": None, "chd": 1, "vt": 1}


def leipzig(root: Path, n: int) -> Made:
    """977 Hz in 24 bits, catheters in several orders, a misprinted age, two tables."""
    made = Made()
    children: list[dict[str, str]] = []
    adults: list[dict[str, str]] = []
    for person in people(n):
        adult = person.years >= 18
        number = f"{100 + len(adults)}" if adult else f"00{len(children) + 1}"
        name, further = f"x{number}", _CATHETERS[person.number % len(_CATHETERS)]
        catheters = np.random.default_rng(person.number).normal(0, 2, (len(further), 9770))
        signal = write_wfdb(
            root / name, (*LEADS, *further), np.vstack([ecg(person, 977, 10), catheters]), 977,
            2000, storage="24",
        )  # fmt: skip
        age, days = f"{person.years}.25", round((person.years + 0.25) * 365.25)
        if not adult and not children:
            age, days = ".14.3", 5223  # as x007 of the original, meant as 14.3
        row = {"subject_id": number, "file_name": name, "gender": person.sex[0].upper(),
               "age": age}  # fmt: skip
        if adult:
            diagnosis, labels = "TOF with VT", _ADULT
            adults.append({**row, "diagnosis": diagnosis, "ecg_duration": "0:00:10.000"})
        else:
            diagnosis = list(_CHILDREN)[len(children) % len(_CHILDREN)]
            labels = dict(_CHILDREN[diagnosis])
            children.append(
                {**row, "diagnosis": diagnosis, "ap_loacation": "", "ecg_duration": "0:00:10.000"}
            )
        made.records[name] = Truth(number, days, person.sex, labels, signal[:12], 977, 0.001)
    write_table(root / "children-subject-info.csv", children)
    write_table(root / "adults-subject-info.csv", adults)
    return made


WRITERS: dict[str, Callable[[Path, int], Made]] = {
    "chapman_ningbo": chapman_ningbo,
    "cinc2020": cinc2020,
    "cinc2021": cinc2021,
    "code15": code15,
    "leipzig": leipzig,
    "mimic_iv_ecg": mimic_iv_ecg,
    "sami_trop": sami_trop,
    "sph": sph,
}
