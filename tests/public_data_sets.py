"""Fake data sets in the layouts of public ones, a few records each, with the truth about them.

Each writer has the quirks of its original: padding, misprints, orders of leads and rows, ages that
stand for something else.
"""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import wfdb

from fake_patients import (
    Labels,
    Made,
    Person,
    Signal,
    Truth,
    ecg,
    expected,
    people,
    write_table,
    write_wfdb,
)
from pedecg.core.records import LEADS, Sex

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
# Of each record in turn: its annotations, and what they say; None: no file.
_BEATS: tuple[tuple[list[tuple[str, str]], dict[str, int | None]] | None, ...] = (
    ([("+", "(N"), ("N", ""), ("V", ""), ("X", "AVNRT"), ("X", "avnrt")],
     {"premature_ventricular": 1, "avnrt": 1}),
    ([("N", "N-Prex"), ("X", "AVRT"), ("/", "")], {"preexcited": 1, "avrt": 1, "paced": 1}),
    ([("N", ""), ("X", "VT"), ("X", "IVR"), ("R", "")], {"vt": 1, "right_bundle_branch_block": 1}),
    None,
    # A tachycardia of an unknown name: none of those that have one can be denied.
    ([("N", ""), ("X", "XYZ"), ("X", "AFIB")],
     {"af": 1, "avrt": None, "avnrt": None, "vt": None, "flutter": None}),
)  # fmt: skip
_BEAT_LABELS = ("avrt", "avnrt", "vt", "af", "flutter", "preexcited", "paced",
                "premature_ventricular", "right_bundle_branch_block")  # fmt: skip


def _annotated(root: Path, name: str, number: int) -> Labels:
    """Write a record's annotations; return the labels that follow."""
    beats = _BEATS[number % len(_BEATS)]
    if beats is None:
        return {f"{label}_beats": None for label in _BEAT_LABELS}
    marks, says = beats
    samples = 300 + 700 * np.arange(len(marks))
    # X is no symbol of the format: the file defines it, or it stands in a comment.
    custom = None if number % 2 else [(42, "X", "tachycardia")]
    wfdb.wrann(
        name, "atr", samples, [symbol for symbol, _ in marks], custom_labels=custom,
        aux_note=[text for _, text in marks], write_dir=str(root),
    )  # fmt: skip
    return {f"{label}_beats": says.get(label, 0) for label in _BEAT_LABELS}


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
        labels = labels | _annotated(root, name, person.number)
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
