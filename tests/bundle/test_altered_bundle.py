"""A bundle that is not as it was written is refused, and code of it is never run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alone import alone

from pedecg.bundle import assemble, run
from pedecg.predict.loaded_model import BUNDLE_CODE


def test_an_altered_file_is_refused(bundle, tmp_path):
    out = shutil.copytree(bundle, tmp_path / "bundle")
    (out / "calibration.json").write_text((out / "calibration.json").read_text() + " ")
    found = alone(out, "x.csv")
    assert found.returncode == 1
    assert found.stderr.startswith("error: calibration.json: is not the file that was bundled")
    assert "Traceback" not in found.stderr


def reseal(folder: Path) -> None:
    """Write hashes that fit, as someone does who alters a bundle on purpose."""
    (folder / "manifest.json").unlink()
    (folder / "manifest.sha256").unlink()
    assemble._seal(folder)


ALTERED = {
    "an unknown file": lambda out: (out / "more.py").write_text("print(1)"),
    "code with a line added": lambda out: (out / "inference_steps.py").write_text(
        (out / "inference_steps.py").read_text() + "\nopen('PWNED', 'w')\n"
    ),
    "a file that is absent": lambda out: (out / "limits.csv").unlink(),
    "no manifest": lambda out: (out / "manifest.json").unlink(),
    "no seal": lambda out: (out / "manifest.sha256").unlink(),
    "a manifest that names less": lambda out: (out / "manifest.json").write_text("{}"),
    "a link": lambda out: (out / "README.md").unlink() or (out / "README.md").symlink_to("x"),
}


NONSENSE = {
    "not JSON": "{",
    "a list": "[]",
    "empty": "{}",
    "deep": "[" * 100_000,
    "not UTF-8": "\udcff",
    "null": "null",
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
def test_a_bundle_that_is_not_as_it_was_written_is_refused(bundle, tmp_path, change, monkeypatch):
    out = shutil.copytree(bundle, tmp_path / "bundle")
    change(out)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(run.RefusedError):
        run.Bundle(out, code=BUNDLE_CODE)
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("name", ["bundle.json", "calibration.json"])
@pytest.mark.parametrize("text", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_with_hashes_that_fit_is_refused_in_one_line(bundle, tmp_path, name, text):
    out = shutil.copytree(bundle, tmp_path / "bundle")
    (out / name).write_bytes(text.encode(errors="surrogateescape"))
    reseal(out)
    with pytest.raises(run.RefusedError) as caught:
        run.Bundle(out, code=BUNDLE_CODE)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("networks", 0, "file"), "../bundle/network_seed0.onnx", "none of the graphs"),
        (("networks", 0, "mean_mv", 0), float("nan"), "finite numbers"),
        (("networks", 0, "crop"), 0, "windows"),
        (("targets",), [], "no networks or tables, targets"),
        (("networks", 0, "targets"), ["other"], "targets: not those of the bundle"),
        (("tables",), [{"file": "run.py"}], "tables: seed is absent"),
        (("trainings", 0), "run.py", "trainings: none of the graphs"),
        (("trainings", 0), {"combine": "import", "of": ["network_seed0.onnx"]}, "unknown comb"),
        (("trainings", 0), {"combine": "mean", "of": []}, "a combination of nothing"),
        (
            ("trainings", 0),
            {"combine": "fusion", "of": ["network_seed0.onnx"], "exclusive": False,
             "prior": [0] * 4, "bias": [0] * 4, "weights": [[1, 1, 1, float("nan")]]},
            "fusion: expected 4 finite",
        ),
        (
            ("trainings", 0),
            {"combine": "calibrated_mean", "of": ["network_seed0.onnx"], "curves": [{}]},
            "a curve of each target",
        ),
        (("preprocess", "fs_hz"), "fast", "fs_hz: expected float"),
        (("schema_version",), 1, "schema_version 1; this runner reads 4"),
    ],
)  # fmt: skip
def test_a_card_that_makes_no_sense_is_refused(bundle, tmp_path, place, value, told):
    out = shutil.copytree(bundle, tmp_path / "bundle")
    about = json.loads((out / "bundle.json").read_text())
    inner = about
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (out / "bundle.json").write_text(json.dumps(about))
    reseal(out)
    with pytest.raises(run.RefusedError, match=told):
        run.Bundle(out, code=BUNDLE_CODE)


def test_code_of_another_bundle_is_never_run(bundle, tmp_path):
    """The runner of one bundle opens another one: with its own code, not with that one's."""
    out = shutil.copytree(bundle, tmp_path / "other")
    script = f"open({str(tmp_path / 'PWNED')!r}, 'w')\n"
    for name in run.CODE:
        (out / f"{name}.py").write_text(script)
    reseal(out)
    call = f"import run; run.Bundle({str(out)!r})"
    done = subprocess.run(
        [sys.executable, "-c", call], cwd=bundle, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "PWNED").exists()


def test_another_bundle_than_the_one_named_is_refused(bundle):
    digest = assemble.digest(bundle)
    run.Bundle(bundle, code=BUNDLE_CODE, digest=digest.upper())
    with pytest.raises(run.RefusedError, match=f"another bundle .* \\({digest}\\)"):
        run.Bundle(bundle, code=BUNDLE_CODE, digest="0" * 64)
