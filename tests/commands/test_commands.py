"""`pedecg delineate`, `measure` and `tokens` do every recording that they can, and say the rest."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedecg import cli
from pedecg.commands import options
from pedecg.core.errors import PedecgError
from pedecg.core.records import LEADS
from pedecg.waves import delineate

COLUMNS = ["record", "lead", "wave", "onset_s", "peak_s", "offset_s", "confidence"]


HEAVY = {"torch", "pandas", "numpy", "scipy", "sklearn", "matplotlib", "pyarrow", "dvc"}


@pytest.fixture(scope="module")
def commands():
    return [command.name for command in cli.app.registered_commands]


def test_help_of_every_command_imports_no_heavy_library(commands):
    """Seconds to import torch are seconds until the help appears; a clock would be flaky."""
    code = (
        "import sys; from pedecg.cli import app\n"
        "for command in sys.argv[1:]:\n"
        "    app([*command.split(), '--help'], standalone_mode=False)\n"
        "print('imported:', *sys.modules)"
    )
    arguments = [sys.executable, "-c", code, "", *commands]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    help_text, imported = done.stdout.split("imported:")
    assert help_text.count("Usage:") == 1 + len(commands)
    assert "pedecg.commands" in imported.split()
    assert not HEAVY & set(imported.split())


def test_every_command_has_a_help_text_and_the_list_names_it(pedecg, commands):
    overview = pedecg("--help").output
    for name in commands:
        shown = pedecg(name, "--help")
        assert shown.exit_code == 0
        assert re.search(rf"Usage: \w+ {name} ", shown.output), name
        assert re.search(rf"^\W*{name}\s+\w", overview, flags=re.MULTILINE), name


def test_the_methods_are_those_of_the_delineator():
    assert set(options.Method) == {*delineate.WHOLE, *delineate.METHODS}


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_waves_of_every_lead_are_written(pedecg, ecgs, child, tmp_path, suffix):
    out = tmp_path / f"waves{suffix}"
    found = pedecg("delineate", ecgs / "twelve", ecgs / "holter.hea", "--out", out)
    assert found.exit_code == 0, found.output
    table = pd.read_parquet(out) if suffix == ".parquet" else pd.read_csv(out)
    assert list(table.columns) == COLUMNS
    assert set(table[table["record"] == "twelve"]["lead"]) == {*LEADS, "global", "any_lead"}
    assert set(table[table["record"] == "holter"]["lead"]) == {"ch1", "ch2", "global", "any_lead"}
    truth = child.fiducials.query("wave == 'QRS' and onset_s > 1 and offset_s < 9")
    mine = table.query("record == 'twelve' and lead == 'II' and wave == 'QRS'")
    nearest = [np.abs(mine["onset_s"] - onset).min() for onset in truth["onset_s"]]
    assert max(nearest) < 0.04


def test_a_broken_record_is_named_and_the_others_are_written(pedecg, ecgs, tmp_path):
    out = tmp_path / "waves.csv"
    found = pedecg("delineate", ecgs, tmp_path / "absent", "--out", out)
    assert found.exit_code == 1
    faults = [line for line in found.stderr.splitlines() if line.startswith("error:")]
    assert len(faults) == 2
    assert "absent" in faults[0]
    assert "empty-header" in faults[1]
    assert set(pd.read_csv(out)["record"]) == {"twelve", "nine", "one", "holter"}


def test_nothing_readable_writes_no_table(pedecg, ecgs, tmp_path):
    out = tmp_path / "waves.csv"
    assert pedecg("delineate", ecgs / "broken", "--out", out).exit_code == 1
    assert not out.exists()


def test_a_table_of_another_kind_is_refused_before_any_work(pedecg, ecgs, tmp_path):
    found = pedecg("delineate", ecgs, "--out", tmp_path / "waves.xlsx")
    assert isinstance(found.exception, PedecgError)
    assert ".parquet or .csv" in str(found.exception)


def test_measures_come_with_units_limits_and_reasons(pedecg, ecgs, child):
    found = pedecg("measure", "--json", ecgs / "twelve")
    assert found.exit_code == 0, found.output
    answer = json.loads(found.stdout)
    assert {
        "record", "age_days", "sex", "fs_hz", "length_s", "leads", "unusable_leads",
        "other_channels", "measurements", "rules_fired", "rules_not_met", "rules_unknown", "notes",
    } <= answer.keys()  # fmt: skip
    rate = answer["measurements"]["heart_rate_bpm"]
    assert rate["unit"] == "bpm"
    assert abs(rate["value"] - child.rate_bpm) < 6
    assert rate["p2"] < rate["p50"] < rate["p98"]
    assert answer["measurements"]["qrs_ms"]["unit"] == "ms"
    assert (answer["age_days"], answer["sex"], answer["notes"]) == (1000, "female", [])
    reported = {*answer["rules_not_met"], *answer["rules_unknown"]}
    assert not reported & {rule["rule"] for rule in answer["rules_fired"]}


def test_an_age_on_the_command_line_counts_and_fires_rules_with_reasons(pedecg, ecgs):
    found = pedecg("measure", "--json", "--age-days", "5000", "--sex", "f", ecgs / "twelve")
    fired = {rule["rule"]: rule["reason"] for rule in json.loads(found.stdout)["rules_fired"]}
    assert "98th percentile" in fired["tachycardia"]


def test_without_an_age_limits_are_not_applied_and_it_says_so(pedecg, ecgs):
    answer = json.loads(pedecg("measure", "--json", ecgs / "one").stdout)
    assert "age unknown: limits by age are not applied" in answer["notes"]
    assert "p98" not in answer["measurements"]["heart_rate_bpm"]
    assert "tachycardia" in answer["rules_unknown"]
    assert answer["measurements"]["qrs_axis_deg"]["value"] is None


def test_one_object_stands_on_each_line_and_a_reader_gets_a_table(pedecg, ecgs):
    found = pedecg("measure", "--json", ecgs / "nine", ecgs / "one", ecgs / "broken")
    assert found.exit_code == 1
    assert [json.loads(line)["record"] for line in found.stdout.splitlines()] == ["nine", "one"]
    text = pedecg("measure", ecgs / "nine").stdout
    assert "nine: girl of 2 years" in text
    assert "QTc (Bazett)" in text


def test_tokens_are_one_line_for_each_recording(pedecg, ecgs):
    found = pedecg("tokens", ecgs / "twelve", ecgs / "one")
    names, symbols = zip(*(line.split("\t") for line in found.stdout.splitlines()), strict=True)
    assert names == ("twelve", "one")
    assert all(set(line) <= set("_pqrstw*") and line.count("r") > 15 for line in symbols)
    timed = pedecg("tokens", "--format", "timed", ecgs / "one").stdout.split("\t")[1]
    assert len(timed) > 400
    answer = json.loads(pedecg("tokens", "--format", "json", "--lead", "v1", ecgs / "nine").stdout)
    assert answer["lead"] == "V1"
    assert sum(event["ms"] for event in answer["events"]) == 10_000


def test_a_lead_that_is_not_there_is_a_fault_of_that_recording(pedecg, ecgs):
    found = pedecg("tokens", "--lead", "V2", ecgs / "nine", ecgs / "twelve")
    assert found.exit_code == 1
    assert "no lead 'V2'" in found.stderr
    assert found.stdout.startswith("twelve\t")


def test_pictures_go_to_a_folder_or_to_one_file(pedecg, ecgs, tmp_path):
    out = ("--out", tmp_path / "w.csv")
    pedecg("delineate", ecgs / "nine", ecgs / "one", *out, "--plot", tmp_path / "pictures")
    assert {file.name for file in (tmp_path / "pictures").iterdir()} == {"nine.png", "one.png"}
    pedecg("measure", ecgs / "one", "--plot", tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "pictures/one.png").read_bytes()
    two = pedecg("measure", ecgs / "one", ecgs / "nine", "--plot", tmp_path / "two.png")
    assert isinstance(two.exception, PedecgError)
    assert "name a folder" in str(two.exception)


def test_a_flat_recording_has_no_waves_and_no_measures(pedecg, ecgs, tmp_path):
    flat = tmp_path / "flat"
    for suffix in (".hea", ".dat"):
        text = (ecgs / f"one{suffix}").read_bytes()
        flat.with_suffix(suffix).write_bytes(text if suffix == ".hea" else bytes(len(text)))
    header = flat.with_suffix(".hea")
    fields = header.read_text().replace("one", "flat").split("\n")
    line = fields[1].split()
    line[5:7] = ["0", "0"]
    header.write_text("\n".join([fields[0], " ".join(line), ""]))
    found = pedecg("delineate", flat, "--out", tmp_path / "w.csv")
    assert found.exit_code == 0
    assert "flat: no heartbeat found" in found.stderr
    assert len(pd.read_csv(tmp_path / "w.csv")) == 0
    measured = pedecg("measure", "--json", flat)
    assert measured.exit_code == 1
    assert "no-usable-lead" in measured.stderr


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_ctrl_c_while_the_wave_table_is_written_leaves_the_old_table(
    pedecg, ecgs, tmp_path, monkeypatch, suffix
):
    """The same for SIGKILL: tests/core/test_interrupted_writes.py."""
    out = tmp_path / f"waves{suffix}"
    assert pedecg("delineate", ecgs / "one", "--out", out).exit_code == 0
    before = out.read_bytes()
    interrupted = []

    def write_half_then_ctrl_c(written, file, *arguments, **options):
        with open(file, "wb") as stream:  # noqa: PTH123 - Path.open is not what is replaced here
            stream.write(before[: len(before) // 2])
        interrupted.append(file)
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_parquet", write_half_then_ctrl_c)
    monkeypatch.setattr(
        Path, "write_text", lambda file, text, **options: write_half_then_ctrl_c(text, file)
    )
    assert pedecg("delineate", ecgs / "nine", "--out", out).exit_code != 0
    assert len(interrupted) == 1
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]
