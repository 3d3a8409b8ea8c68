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
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}
KNOWN_LEADS = (
    "I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6",
    "V1R", "V2R", "V3R", "V4R", "V5R", "V6R", "V7R", "V7", "V8", "V9",
)  # fmt: skip
HERE = Path(__file__).resolve().parent
CODE = (  # modules beside this file
    "filters", "inference_steps", "graph_answers", "input_checks", "bundle_form", "ecg_files",
)  # fmt: skip
ABOUT, CALIBRATION = "bundle.json", "calibration.json"
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
MOST_COUNTS = 32767  # microvolts; the signal store holds int16

Floats = NDArray[np.float64]


class RefusedError(Exception):
    """The ECG is outside the model's validated range, or the bundle is incomplete; one line."""


class Bundle:
    """A model that answers for itself.

    Attributes
    ----------
    about : what ``bundle.json`` says.

    Parameters
    ----------
    code : modules by the names of `CODE` in place of the files next to this one.
    digest : see `verified`.

    Raises
    ------
    RefusedError
        A file is absent, unknown, or not the one that was bundled.
    """

    def __init__(
        self,
        folder: str | Path = HERE,
        threads: int = 1,
        code: Mapping[str, ModuleType] | None = None,
        digest: str | None = None,
    ) -> None:
        self.folder = Path(folder)
        contents = verified(self.folder, digest)
        own = code or _modules(contents if self.folder.resolve() == HERE else {})
        self.filters, self.steps, self.graphs, self.checks, form, self.files = (
            own[name] for name in CODE
        )
        self.about: dict[str, Any] = _json(ABOUT, contents[ABOUT])
        self.calibration: dict[str, Any] = _json(CALIBRATION, contents[CALIBRATION])
        fault = form.fault(self.about, self.calibration, set(contents))
        if fault:
            raise RefusedError(fault)
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.networks, self.tables = (
            [self._opened(contents[one["file"]]) for one in self.about[kind]]
            for kind in ("networks", "tables")
        )

    @property
    def feature_names(self) -> list[str]:
        """Names of the features that its graphs read, each once."""
        ends = (*self.about["networks"], *self.about["tables"])
        return list(dict.fromkeys(name for one in ends for name in one["feature_names"]))

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
        if np.asarray(signal_mv).dtype.kind not in "fiu":
            raise RefusedError("the signal is no array of real numbers")
        signal = np.asarray(signal_mv, np.float32)
        named = self._leads(signal, leads)
        flags = self._check(signal, fs_hz, named, age_days, sex)
        asked = self.feature_names
        if features is None and "rules" in self.about["reads"]:
            raise RefusedError(
                f"the model reads {len(asked)} rule features, which this runner does not measure; "
                "`pedecg predict --model BUNDLE` measures them and answers"
            )
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
        subject = self.graphs.Subject(mask, age_days, sex, features, counts.shape[1])
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
        signal : shape (n_channels, n_samples), mV; NaN where there is no value.

        Returns
        -------
        Signal of shape (n_leads, n_samples) at the rate of the model, µV; shape (n_leads,), which
        leads were recorded.
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

    def probabilities(self, counts: NDArray[np.int16], subject: Any) -> Floats:
        """Return raw probabilities, averaged over the trainings, shape (n_targets,).

        Parameters
        ----------
        subject : a `graph_answers.Subject`.
        """
        signal, targets = counts.astype(np.float32) / np.float32(1000), self.about["targets"]
        raw = {}
        for session, one in zip(self.networks, self.about["networks"], strict=True):
            raw[one["file"]] = self.graphs.of_network(session, one, signal, subject, self.steps.cut)
        for session, one in zip(self.tables, self.about["tables"], strict=True):
            raw[one["file"]] = self.graphs.of_table(session, one, subject)
        if not all(np.isfinite(p).all() for p in raw.values()):
            raise RefusedError("the model gives no number; its weights are damaged")
        for one in (*self.about["networks"], *self.about["tables"]):
            order = [one["targets"].index(target) for target in targets]
            raw[one["file"]] = raw[one["file"]][order]
        each = [self.steps.combined(node, raw, targets) for node in self.about["trainings"]]
        return np.asarray(np.mean(each, axis=0))

    def calibrated(self, raw: Floats) -> Floats:
        """Return calibrated probabilities of raw ones, shape (n_targets,)."""
        curves = self.calibration["curves"]["mean"]
        chosen = [curves[target] for target in self.about["targets"]]
        pairs = zip(raw.tolist(), chosen, strict=True)
        p = np.array([self.steps.corrected(x, c["method"], c["parameters"]) for x, c in pairs])
        return np.asarray(p / p.sum()) if self.calibration["exclusive"] else p

    def _opened(self, graph: bytes) -> Any:
        try:
            return onnxruntime.InferenceSession(
                graph, self.options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # onnxruntime's exceptions have no class of their own to catch.
            raise RefusedError(f"a graph cannot be opened ({type(error).__name__})") from None

    def _leads(self, signal: NDArray[np.float32], names: Sequence[str]) -> dict[str, int]:
        """Return the row of each lead, in the model's spelling."""
        if signal.ndim != 2 or len(signal) != len(names):
            raise RefusedError(
                f"signal of shape {signal.shape}; expected ({len(names)} leads, samples)"
            )
        known = {lead.lower(): lead for lead in KNOWN_LEADS}
        unknown = [name for name in names if name.strip().lower() not in known]
        if unknown:
            raise RefusedError(
                f"unknown lead {unknown[0]!r}; expected some of {' '.join(KNOWN_LEADS)}"
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
        if sex is not None and sex not in self.graphs.SEX_CODES:
            raise RefusedError(f"sex {sex!r}; expected female, male or none")
        carries = self.filters.carries(fs_hz, self.about["preprocess"]["high_hz"])
        refusal, flags = self.checks.judge(
            self.about, fs_hz, signal.shape[1], named, age_days, sex, carries
        )
        if refusal:
            raise RefusedError(refusal)
        return list(flags)

    def _decide(self, p: Floats, cuts: list[float | None]) -> list[int | None]:
        """Return 1 from the threshold on, 0 below it, None without one.

        Of classes the one of the largest probability, times the class's weight if there is one.
        """
        if self.calibration["exclusive"]:
            weights = self.calibration.get("class_weights", {}).get("mean", [1.0] * len(p))
            best = (p * np.array(weights)).argmax()
            return [int(k == best) for k in range(len(p))]
        return [
            None if cut is None else int(value >= cut) for value, cut in zip(p, cuts, strict=True)
        ]


def verified(folder: Path, digest: str | None = None) -> dict[str, bytes]:
    """Return the content of every file of a bundle, each the one that was bundled.

    ``manifest.json`` names every file and its SHA-256; ``manifest.sha256`` holds that of the
    manifest, which `pedecg bundle` prints. Whoever alters a file can alter both: name the digest
    that its author published, to be sure.

    Parameters
    ----------
    digest : the SHA-256 of ``manifest.json`` that must be there.

    Raises
    ------
    RefusedError
        A file is absent, altered or unknown, or the manifest is no manifest.
    """
    manifest = _content(folder / MANIFEST)
    found = hashlib.sha256(manifest).hexdigest()
    if found != _content(folder / SEAL).decode("ascii", "replace").strip():
        raise RefusedError(f"{MANIFEST}: is not the file that was bundled ({SEAL} differs)")
    if digest is not None and found != digest.strip().lower():
        raise RefusedError(f"{MANIFEST}: another bundle than the one that was named ({found})")
    files = _json(MANIFEST, manifest)
    if not isinstance(files, dict) or not {ABOUT, CALIBRATION} <= set(files):
        raise RefusedError(f"{MANIFEST}: does not list the files of a bundle")
    there = {entry.name for entry in folder.iterdir()} - {MANIFEST, SEAL, "__pycache__"}
    for name in sorted(there ^ set(files)):
        what = "not a file of this bundle" if name in there else "is absent"
        raise RefusedError(f"{name}: {what}")
    contents = {name: _content(folder / name) for name in files}
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != files[name]:
            raise RefusedError(f"{name}: is not the file that was bundled (SHA-256 differs)")
    return contents


def _content(file: Path) -> bytes:
    try:
        if file.is_symlink():
            raise RefusedError(f"{file}: a link; expected a file of the bundle")
        return file.read_bytes()
    except OSError as error:
        raise RefusedError(f"{file}: {error.strerror}") from None


def _json(name: str, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise RefusedError(f"{name}: is not JSON") from None


def _modules(contents: Mapping[str, bytes]) -> dict[str, ModuleType]:
    """Return the modules next to this file, made of the very bytes that were verified.

    Code is run from the folder of this file alone, never from the folder of another bundle.
    """
    found = {}
    for name in CODE:
        file = Path(__file__).with_name(f"{name}.py")
        code = contents.get(file.name) if file.parent == HERE else None
        module = ModuleType(f"bundled_{name}")
        exec(compile(code or _content(file), str(file), "exec"), module.__dict__)
        found[name] = module
    return found


def main() -> int:
    """Answer for each ECG; one that is refused costs a line on stderr and exit status 1."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ecgs", nargs="+", type=Path, metavar="ECG")
    parser.add_argument("--age-days", help="age of the child(ren), days")
    parser.add_argument("--sex", type=str.lower, choices=SEXES, help="sex of the child(ren)")
    parser.add_argument("--fs-hz", help="samples per second of CSV and .npy files")
    parser.add_argument("--leads", help="lead names of .npy files, joined by commas")
    parser.add_argument("--features", type=Path, help="JSON of features by name, for one ECG")
    parser.add_argument("--digest", help="SHA-256 of manifest.json that the bundle must have")
    parser.add_argument("--threads", type=int, default=1, help="processor threads")
    arguments = parser.parse_args()
    refused, plain = 0, "utf" not in (sys.stdout.encoding or "").lower()
    try:
        bundle = Bundle(threads=arguments.threads, digest=arguments.digest)
    except RefusedError as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    leads = arguments.leads.split(",") if arguments.leads else None
    for path in arguments.ecgs:
        try:
            fs_hz, age = map(bundle.files.number, (arguments.fs_hz, arguments.age_days))
            features = bundle.files.features(arguments.features)
            signal, fs_hz, names = bundle.files.read(path, fs_hz, leads)
            answer = bundle.predict(signal, fs_hz, names, age, SEXES.get(arguments.sex), features)
            print(json.dumps({"ecg": str(path)} | answer, ensure_ascii=plain))
        except Exception as fault:  # wfdb and numpy raise anything on damaged bytes
            refused += 1
            known = isinstance(fault, RefusedError | OSError | ValueError)
            said = str(fault) if known else f"cannot be read ({type(fault).__name__})"
            print(f"error: {path}: {' '.join(said.split())}", file=sys.stderr)
    return int(refused > 0)


if __name__ == "__main__":
    sys.exit(main())
