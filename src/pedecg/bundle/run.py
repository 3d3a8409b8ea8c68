"""Apply a bundled model to ECGs: ``python run.py ECG… [--age-days N] [--sex F|M]``.

Needs this folder, Python 3.11, numpy, scipy and onnxruntime; wfdb too for WFDB records. One JSON
object per ECG on standard output. Research only: not a medical device.

An ECG is a WFDB record (with or without .hea), a CSV of millivolts whose header names the leads
(one row per sample), or a .npy of millivolts, shape (leads, samples), in the order of ``--leads``.
CSV and .npy need ``--fs-hz``.

    from run import Bundle
    bundle = Bundle("bundle/")
    answer = bundle.predict(signal_mv, 500.0, ("I", "II", …), age_days=400, sex="female")
"""

import argparse
import hashlib
import importlib.util
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from scipy import special

SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}
SEX_CODES = {"female": 0, "male": 1}  # unknown: -1
STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
CODE = ("filters", "inference_steps", "input_checks")  # modules next to this file
MOST_COUNTS = 32767  # microvolts; the signal store holds int16

Floats = NDArray[np.float64]


class RefusedError(Exception):
    """The ECG is outside the model's validated range, or the bundle is incomplete; one line."""


@dataclass(frozen=True)
class Subject:
    """Whose ECG it is: what a network reads besides the signal; None where unknown."""

    mask: NDArray[np.bool_]
    age_days: float | None
    sex: str | None
    features: dict[str, float] | None
    length: int

    def inputs(self, n: int, about: dict[str, Any]) -> dict[str, NDArray[Any]]:
        """Return the inputs of `n` windows for the network that `about` describes."""
        known = self.features or {}
        values = [known.get(name, math.nan) for name in about["feature_names"]]
        scaled = (np.array(values) - about["feature_mean"]) / about["feature_sd"]
        return {
            "lead_mask": np.tile(self.mask.astype(np.float32), (n, 1)),
            "length": np.full(n, min(self.length, about["crop"]), np.int64),
            "age_days": np.full(
                n, math.nan if self.age_days is None else self.age_days, np.float32
            ),
            "sex": np.full(n, -1 if self.sex is None else SEX_CODES[self.sex], np.int64),
            "features": np.tile(scaled.astype(np.float32), (n, 1)),
        }


class Bundle:
    """A model that answers for itself.

    Attributes
    ----------
    about : what ``bundle.json`` says.

    Parameters
    ----------
    code : modules by the names of `CODE` in place of the folder's own files.

    Raises
    ------
    RefusedError
        A file is absent, or is not the one that was bundled.
    """

    def __init__(
        self,
        folder: str | Path = Path(__file__).parent,
        threads: int = 1,
        code: Mapping[str, ModuleType] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.about: dict[str, Any] = json.loads(self._read("bundle.json"))
        for name, digest in self.about["sha256"].items():
            if hashlib.sha256(self._read(name)).hexdigest() != digest:
                raise RefusedError(f"{name}: is not the file that was bundled (SHA-256 differs)")
        self.calibration = json.loads(self._read("calibration.json"))
        own = code or {name: _module(self.folder / f"{name}.py") for name in CODE}
        self.filters, self.steps, self.checks = (own[name] for name in CODE)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.networks = [
            onnxruntime.InferenceSession(
                self.folder / one["file"], options, providers=["CPUExecutionProvider"]
            )
            for one in self.about["networks"]
        ]

    def predict(
        self,
        signal_mv: NDArray[np.floating[Any]],
        fs_hz: float,
        leads: Sequence[str],
        age_days: float | None = None,
        sex: str | None = None,
        features: dict[str, float] | None = None,
    ) -> dict[str, Any]:
        """Return calibrated probabilities, thresholds, decisions and warnings.

        Parameters
        ----------
        signal_mv : shape (n_leads, n_samples), mV; NaN where there is no value.
        leads : a name per row, in any case and order.
        features : by name, for models that read numbers besides the ECG; NaN or left out: unknown.

        Raises
        ------
        RefusedError
            Unknown or too few leads, too short, too slow a rate, no features.
        """
        signal = np.asarray(signal_mv, np.float32)
        named = self._leads(signal, leads)
        flags = self._check(signal, fs_hz, named, age_days, sex)
        asked = self.about["networks"][0]["feature_names"]
        if features is None and asked:
            raise RefusedError(f"the model reads the features {', '.join(asked)}; give them")
        good = self.steps.usable(signal, fs_hz, self.about["lead_limits"])
        used = {lead: row for lead, row in named.items() if good[row]}
        counts, mask = self.prepare(signal, fs_hz, used)
        refusal = self.checks.too_few(self.about, np.array(self.about["leads"])[mask].tolist())
        if refusal:
            raise RefusedError(refusal)
        flags += self.checks.amplitude(self.about, self.steps.swing_mv(counts, mask))
        lost = [lead for lead in named if not mask[self.about["leads"].index(lead)]]
        if lost:
            flags.append(f"not usable (flat, saturated or without values): {', '.join(lost)}")
        subject = Subject(mask, age_days, sex, features, counts.shape[1])
        p = self.calibrated(self.probabilities(counts, subject))
        curves = self.calibration["curves"]["mean"]
        cuts = [curves[target]["threshold"] for target in self.about["targets"]]
        return {
            "model": self.about["model"],
            "probabilities": dict(zip(self.about["targets"], p.tolist(), strict=True)),
            "thresholds": dict(zip(self.about["targets"], cuts, strict=True)),
            "decisions": dict(zip(self.about["targets"], self._decide(p, cuts), strict=True)),
            "at_threshold": [
                target
                for target, value, cut in zip(self.about["targets"], p, cuts, strict=True)
                if not self.calibration["exclusive"] and self.steps.at_threshold(value, cut)
            ],
            "flags": flags,
        }

    def prepare(
        self, signal: NDArray[np.float32], fs_hz: float, used: dict[str, int]
    ) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
        """Bridge, filter and resample: microvolts of every lead of the model, and which are there.

        Parameters
        ----------
        used : lead -> row of the signal.
        """
        values, order = self.about["preprocess"], self.about["leads"]
        present = [lead for lead in order if lead in used]
        raw = signal[[used[lead] for lead in present]]
        gaps = self.filters.no_signal(raw, fs_hz, values["spike_mv"], values["spike_margin_s"])
        has_signal = ~gaps.all(axis=1)
        band = self.filters.band_pass(
            self.filters.bridge(raw[has_signal], gaps[has_signal]),
            fs_hz, values["low_hz"], values["high_hz"], values["order"],
        )  # fmt: skip
        kept = self.filters.resample(band, fs_hz, values["fs_hz"])
        if values["length_s"] is not None:
            kept = self.steps.middle(kept, round(values["length_s"] * values["fs_hz"]))
        mask = np.isin(order, np.array(present, str)[has_signal])
        counts = np.zeros((len(order), kept.shape[1]), np.int16)
        counts[mask] = np.rint(kept * 1000).clip(-MOST_COUNTS - 1, MOST_COUNTS)
        return counts, mask

    def probabilities(self, counts: NDArray[np.int16], subject: "Subject") -> Floats:
        """Return raw probabilities, averaged over the trainings, shape (n_targets,)."""
        signal, mask = counts.astype(np.float32) / np.float32(1000), subject.mask[:, None]
        raw = []
        for network, one in zip(self.networks, self.about["networks"], strict=True):
            mean, sd = (np.array(one[key], np.float32)[:, None] for key in ("mean_mv", "sd_mv"))
            scaled = ((signal - mean) / np.where(sd > 0, sd, 1) * mask).astype(np.float32)
            logits = [
                network.run(["logits"], {"signal": windows} | subject.inputs(len(windows), one))[0]
                for windows in self.steps.cut(scaled, one["crop"], one["window_overlap"])
            ]
            shifted = np.concatenate(logits).mean(axis=0, dtype=np.float64) - one["logit_shift"]
            exclusive = self.about["task"] == "multiclass"
            raw.append(special.softmax(shifted) if exclusive else special.expit(shifted))
        return np.asarray(np.mean(raw, axis=0))

    def calibrated(self, raw: Floats) -> Floats:
        """Return calibrated probabilities of raw ones, shape (n_targets,)."""
        curves = self.calibration["curves"]["mean"]
        chosen = [curves[target] for target in self.about["targets"]]
        pairs = zip(raw.tolist(), chosen, strict=True)
        p = np.array([self.steps.corrected(x, c["method"], c["parameters"]) for x, c in pairs])
        return np.asarray(p / p.sum()) if self.calibration["exclusive"] else p

    def _leads(self, signal: NDArray[np.float32], names: Sequence[str]) -> dict[str, int]:
        """Return the row of each lead, in the model's spelling."""
        if signal.ndim != 2 or len(signal) != len(names):
            raise RefusedError(
                f"signal of shape {signal.shape}; expected ({len(names)} leads, samples)"
            )
        known = {lead.lower(): lead for lead in STANDARD}
        unknown = [name for name in names if name.strip().lower() not in known]
        if unknown:
            raise RefusedError(
                f"unknown lead {unknown[0]!r}; expected some of {' '.join(STANDARD)}"
            )
        named = [known[name.strip().lower()] for name in names]
        if len(set(named)) < len(named):
            raise RefusedError(f"a lead is there twice: {' '.join(names)}")
        return {lead: row for row, lead in enumerate(named) if lead in self.about["leads"]}

    def _check(
        self,
        signal: NDArray[np.float32],
        fs_hz: float,
        named: dict[str, int],
        age_days: float | None,
        sex: str | None,
    ) -> list[str]:
        """Refuse what the model was not made for; return what is only doubtful."""
        if sex is not None and sex not in SEX_CODES:
            raise RefusedError(f"sex {sex!r}; expected female, male or none")
        carries = self.filters.carries(fs_hz, self.about["preprocess"]["high_hz"])
        refusal, flags = self.checks.judge(
            self.about, fs_hz, signal.shape[1], named, age_days, sex, carries
        )
        if refusal:
            raise RefusedError(refusal)
        return list(flags)

    def _decide(self, p: Floats, cuts: list[float | None]) -> list[int | None]:
        """Return 1 from the threshold on, 0 below it, None without one; classes: the likeliest."""
        if self.calibration["exclusive"]:
            return [int(k == p.argmax()) for k in range(len(p))]
        return [
            None if cut is None else int(value >= cut) for value, cut in zip(p, cuts, strict=True)
        ]

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise RefusedError(f"{self.folder / name}: {error.strerror}") from None


def _module(file: Path) -> ModuleType:
    """Import a module by its file, so that no other of its name is taken."""
    spec = importlib.util.spec_from_file_location(f"bundled_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise RefusedError(f"{file}: not a module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(
    path: Path, fs_hz: float | None, leads: Sequence[str] | None
) -> tuple[NDArray[np.float32], float, tuple[str, ...]]:
    """Open an ECG: signal in mV of shape (n_leads, n_samples), its rate, its leads."""
    if path.suffix.lower() not in (".csv", ".npy"):
        return _read_wfdb(path)
    if fs_hz is None:
        raise RefusedError("a CSV or .npy file holds no sampling rate; give it with --fs-hz")
    if path.suffix.lower() == ".npy":
        if leads is None:
            raise RefusedError("a .npy does not name its leads; name them with --leads I,II,…")
        return np.load(path, allow_pickle=False), fs_hz, tuple(leads)
    with path.open(encoding="utf-8-sig") as file:
        names = [name.strip() for name in file.readline().split(",")]
        rows = np.genfromtxt(file, delimiter=",", dtype=np.float32, ndmin=2)
    if rows.shape[1] != len(names):
        raise RefusedError(f"{len(names)} names in the header, {rows.shape[1]} columns")
    return rows.T, fs_hz, tuple(names)


def _read_wfdb(path: Path) -> tuple[NDArray[np.float32], float, tuple[str, ...]]:
    """Read a WFDB record; what the package wfdb would assume without a word is refused."""
    try:
        import wfdb
    except ImportError:
        raise RefusedError("WFDB records need the package wfdb") from None
    header = path if path.suffix == ".hea" else Path(f"{path}.hea")
    _check_header(header.read_text(encoding="latin-1"))
    record = wfdb.rdrecord(str(header.with_suffix("")), physical=False)
    per_mv = {"mv": 1.0, "uv": 1e3, "v": 1e-3}
    unknown = [unit for unit in record.units if unit.lower() not in per_mv]
    if unknown:
        raise RefusedError(f"unit {unknown[0]!r}; expected mV, uV or V")
    found = [int(value) & 0xFFFF for value in record.calc_checksum()]
    for lead, stated, sums in zip(record.sig_name, record.checksum, found, strict=True):
        if stated is not None and int(stated) & 0xFFFF != sums:
            raise RefusedError(f"lead {lead}: the samples do not fit the checksum in the header")
    signal = record.dac(return_res=32)
    scale = np.array([per_mv[unit.lower()] for unit in record.units])
    return (signal / scale).T.astype(np.float32), float(record.fs), tuple(record.sig_name)


def _check_header(text: str) -> None:
    """Refuse a header without a sampling rate (wfdb assumes 250 Hz) or a gain (it assumes 200)."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    lines = [fields for fields in lines if not fields[0].startswith("#")]
    if not lines or len(lines[0]) < 3 or not _positive(re.split("[/(]", lines[0][2])[0]):
        raise RefusedError("the header states no sampling rate above 0 Hz")
    for fields in lines[1:]:
        if len(fields) < 3 or not _positive(re.split("[(/]", fields[2])[0]):
            name = fields[8] if len(fields) > 8 else fields[0]
            raise RefusedError(f"{name}: no gain above 0; how high its waves are is not known")


def _positive(text: str) -> bool:
    return bool(re.fullmatch(r"\+?[0-9.]+([eE][-+]?[0-9]+)?", text)) and float(text) > 0


def main() -> int:
    """Answer for each ECG; one that is refused costs a line on stderr and exit status 1."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ecgs", nargs="+", type=Path, metavar="ECG")
    parser.add_argument("--age-days", type=float, help="age of the child(ren), days")
    parser.add_argument("--sex", type=str.lower, choices=SEXES, help="sex of the child(ren)")
    parser.add_argument("--fs-hz", type=float, help="samples per second of CSV and .npy files")
    parser.add_argument("--leads", help="lead names of .npy files, joined by commas")
    parser.add_argument("--features", type=Path, help="JSON of features by name, for one ECG")
    parser.add_argument("--threads", type=int, default=1, help="processor threads")
    arguments = parser.parse_args()
    refused = 0
    try:
        bundle = Bundle(threads=arguments.threads)
    except RefusedError as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    leads = arguments.leads.split(",") if arguments.leads else None
    features = json.loads(arguments.features.read_bytes()) if arguments.features else None
    for path in arguments.ecgs:
        try:
            ecg = read(path, arguments.fs_hz, leads)
            answer = bundle.predict(*ecg, arguments.age_days, SEXES.get(arguments.sex), features)
            print(json.dumps({"ecg": str(path)} | answer, ensure_ascii=False))
        except (RefusedError, OSError, ValueError) as fault:
            refused += 1
            print(f"error: {path}: {fault}", file=sys.stderr)
    return int(refused > 0)


if __name__ == "__main__":
    sys.exit(main())
