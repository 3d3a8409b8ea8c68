"""Whether ``bundle.json`` and ``calibration.json`` have the form that `run.py` reads.

Copied into every bundle, so it imports nothing but the standard library. Hashes show that files are
the ones that were bundled, not that they make sense.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

VERSION, KEY = 4, "schema_version"  # as in core/schema_versions.py, which is not in a bundle
_ABOUT: Mapping[str, type] = {
    KEY: int, "model": str, "task": str, "targets": list, "leads": list, "reads": list,
    "preprocess": dict, "lead_limits": dict, "required_leads": list, "min_fs_hz": float,
    "max_fs_hz": float, "trained_on": dict, "training_data": dict, "networks": list,
    "tables": list, "trainings": list,
}  # fmt: skip
_TABLE: Mapping[str, type] = {
    "file": str, "seed": int, "targets": list, "feature_names": list,
}  # fmt: skip
_NETWORK: Mapping[str, type] = {
    **_TABLE, "task": str, "crop": int, "window_overlap": float, "mean_mv": list, "sd_mv": list,
    "logit_shift": list, "feature_mean": list, "feature_sd": list,
}  # fmt: skip
_PREPROCESS: Mapping[str, type] = dict.fromkeys(
    ("fs_hz", "low_hz", "high_hz", "order", "spike_mv", "spike_margin_s"), float
)
_LIMITS: Mapping[str, type] = dict.fromkeys(
    ("saturation_mv", "flat_s", "max_gap_fraction", "max_gap_s", "flat_mv", "max_flat_fraction",
     "max_saturated_fraction"), float,
)  # fmt: skip
_DEEPEST = 8  # an ensemble of hybrids of means over folds has a depth of 3
_TRAINED_ON: Mapping[str, type] = {
    "length_s": list, "age_days": list, "leads": list, "fewest_leads": int, "sex": dict,
}  # fmt: skip
_CURVE: Mapping[str, tuple[str, ...]] = {  # the parameters of each method
    "none": (), "temperature": ("slope", "intercept"), "platt": ("slope", "intercept"),
    "isotonic": ("raw", "calibrated"),
}  # fmt: skip


def fault(about: Any, calibration: Any, files: Collection[str]) -> str | None:
    """Return what is wrong with the two files in one line, or None.

    Parameters
    ----------
    files : names of the bundle's files.
    """
    wrong = _keys("bundle.json", about, _ABOUT)
    if wrong:
        return wrong
    for section, wanted in (
        ("preprocess", _PREPROCESS), ("lead_limits", _LIMITS), ("trained_on", _TRAINED_ON),
    ):  # fmt: skip
        wrong = _keys(f"bundle.json: {section}", about[section], wanted)
        if wrong:
            return wrong
    for key in ("length_s", "age_days"):
        pair = about["trained_on"][key]
        if len(pair) != 2 or not all(value is None or _is_number(value) for value in pair):
            return f"bundle.json: trained_on: {key}: expected the lowest and the highest"
    length_s = about["preprocess"].get("length_s", "absent")
    if length_s is not None and not _is_number(length_s):
        return "bundle.json: preprocess: length_s: expected seconds or null"
    if about[KEY] != VERSION:
        return f"bundle.json: {KEY} {about[KEY]}; this runner reads {VERSION}; write it again"
    ends = [*about["networks"], *about["tables"]]
    if not ends or not about["targets"] or not about["leads"] or not about["trainings"]:
        return "bundle.json: no networks or tables, targets, leads or trainings"
    for end in about["networks"]:
        wrong = _network(end, about, files)
        if wrong:
            return wrong
    for end in about["tables"]:
        wrong = _end("tables", end, _TABLE, about, files)
        if wrong:
            return wrong
    for node in about["trainings"]:
        wrong = _node(node, {end["file"] for end in ends}, about["targets"], _DEEPEST)
        if wrong:
            return f"bundle.json: trainings: {wrong}"
    return _calibration(calibration, about["targets"])


def _end(
    kind: str,
    end: Any,
    wanted: Mapping[str, type],
    about: Mapping[str, Any],
    files: Collection[str],
) -> str | None:
    wrong = _keys(f"bundle.json: {kind}", end, wanted)
    if wrong:
        return wrong
    if end["file"] not in files or not end["file"].endswith(".onnx"):
        return f"bundle.json: {kind}: file: none of the graphs of this bundle"
    for key in ("targets", "feature_names"):
        if not all(isinstance(name, str) for name in end[key]):
            return f"bundle.json: {kind}: {key}: expected names"
    if sorted(end["targets"]) != sorted(about["targets"]):
        return f"bundle.json: {kind}: targets: not those of the bundle"
    return None


def _network(network: Any, about: Mapping[str, Any], files: Collection[str]) -> str | None:
    wrong = _end("networks", network, _NETWORK, about, files)
    if wrong:
        return wrong
    if network["crop"] < 1 or not 0 <= network["window_overlap"] < 1:
        return "bundle.json: networks: windows of no length, or that never end"
    lengths = {
        "mean_mv": len(about["leads"]), "sd_mv": len(about["leads"]),
        "logit_shift": len(about["targets"]), "feature_mean": len(network["feature_names"]),
        "feature_sd": len(network["feature_names"]),
    }  # fmt: skip
    for key, length in lengths.items():
        if not _are_numbers(network[key]) or len(network[key]) != length:
            return f"bundle.json: networks: {key}: expected {length} finite numbers"
    return None


def _node(node: Any, files: Collection[str], targets: list[str], depth: int) -> str | None:
    """Return what is wrong with how graphs are joined, see `inference_steps.combined`."""
    if isinstance(node, str):
        return None if node in files else "none of the graphs of this bundle"
    wrong = _keys("a combination", node, {"combine": str, "of": list})
    if wrong:
        return wrong
    if not node["of"] or depth == 0:
        return "a combination of nothing, or too deep"
    for one in node["of"]:
        wrong = _node(one, files, targets, depth - 1)
        if wrong:
            return wrong
    n_targets = len(targets)
    if node["combine"] == "fusion":
        numbers = {"exclusive": bool, "prior": list, "weights": list, "bias": list}
        wrong = _keys("fusion", node, numbers)
        if wrong:
            return wrong
        rows = [node["prior"], node["bias"], *node["weights"]]
        if len(node["weights"]) != len(node["of"]) or not all(
            _are_numbers(row) and len(row) == n_targets for row in rows
        ):
            return f"fusion: expected {n_targets} finite numbers in each row"
        return None
    if node["combine"] == "calibrated_mean":
        curves = node.get("curves")
        if not isinstance(curves, list) or len(curves) != len(node["of"]):
            return "calibrated_mean: expected curves of each member"
        for own in curves:
            if not isinstance(own, dict) or set(own) != set(targets):
                return "calibrated_mean: expected a curve of each target"
            for target, curve in own.items():
                wrong = _curve(f"calibrated_mean: {target}", curve)
                if wrong:
                    return wrong
        return None
    return None if node["combine"] == "mean" else f"unknown combination {node['combine']!r}"


def _calibration(calibration: Any, targets: Collection[str]) -> str | None:
    wrong = _keys("calibration.json", calibration, {"curves": dict, "exclusive": bool})
    if wrong:
        return wrong
    weights = calibration.get("class_weights", {})
    mean: Any = weights.get("mean", [1.0] * len(targets)) if isinstance(weights, dict) else None
    if not _are_numbers(mean) or len(mean) != len(targets) or min(mean) <= 0:
        return "calibration.json: class_weights: expected a number above 0 per class"
    curves = calibration["curves"].get("mean")
    if not isinstance(curves, dict) or set(curves) != set(targets):
        return "calibration.json: mean: expected a curve of each target"
    for target, curve in curves.items():
        place = f"calibration.json: {target}"
        wrong = _curve(place, curve)
        if wrong:
            return wrong
        cut = curve.get("threshold")
        if cut is not None and not (_is_number(cut) and 0 <= cut <= 2):
            return f"{place}: threshold: expected 0 to 1, 2 for never, or null"
    return None


def _curve(place: str, curve: Any) -> str | None:
    wrong = _keys(place, curve, {"method": str, "parameters": dict})
    if wrong:
        return wrong
    expected = _CURVE.get(curve["method"])
    values = curve["parameters"]
    if expected is None or set(values) != set(expected):
        return f"{place}: no method with such parameters"
    if not all(isinstance(one, list) and one and _are_numbers(one) for one in values.values()):
        return f"{place}: parameters that are no finite numbers"
    if len({len(one) for one in values.values()}) > 1:
        return f"{place}: parameters of several lengths"
    return None


def _keys(place: str, values: Any, wanted: Mapping[str, type]) -> str | None:
    if not isinstance(values, dict):
        return f"{place}: expected keys and values"
    for key, kind in wanted.items():
        if key not in values:
            return f"{place}: {key} is absent"
        value = values[key]
        good = _is_number(value) if kind is float else type(value) is kind
        if not good:
            return f"{place}: {key}: expected {kind.__name__}"
    return None


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(map(_is_number, values))


def _is_number(value: Any) -> bool:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and abs(value) < 1e300 and math.isfinite(value)
