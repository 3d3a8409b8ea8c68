"""The report and the model card say what the run's files say, in one file that needs no other."""

import doctest
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from ruamel.yaml import YAML

from pedecg.commands import headline
from pedecg.core import params, tables
from pedecg.report import content_blocks, html_page, model_card, section_list
from pedecg.report.report_settings import ReportSettings
from pedecg.report.run_files import RunFiles

Change = Callable[[str, Callable[[Any], None]], RunFiles]
EMPTY = {"meta", "link", "img", "br", "rect", "path"}


class Page(HTMLParser):
    """A page as a browser reads it: tags in balance, and all attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, attribute: str) -> list[str]:
        return [value or "" for _, a in self.seen for key, value in a.items() if key == attribute]


def words(html: str) -> str:
    """Return a page without tags, style and pictures."""
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    return " ".join(text.split())


def test_goals_and_published_figures_are_shown(change: Change, settings: ReportSettings) -> None:
    figure = {"value": 0.8574, "low": 0.81, "high": 0.9, "records": 260, "positives": 201}
    paper = {"target": "chd", "metric": "auroc", "value": 0.915, "on": "other children",
             "source": "a paper", "differs": "other labels", "comparable": False}  # fmt: skip

    def edit(compared: Any) -> None:
        shared = {"metric": "auroc", "goal": 0.93, "cohort": "simulated"}
        compared["goals"] = {
            "abnormal": shared
            | figure
            | {"model": "hybrid", "met": False, "interval": "below the goal"},
            "myocarditis": shared | {"met": None, "why": "too few positives"},
        }
        compared["published"] = [paper]

    run = change("compare", edit)
    page = words(html_page.write(run, settings))
    for text in (
        "0.857", "not met", "below the goal", "201 of 260", "too few positives",
        "not comparable: other labels", "simulated children, not patients",
        "specification of this project",
    ):  # fmt: skip
        assert text in page
    lines = list(headline.goals(run.root / "metrics/compare.json"))
    assert lines[0] == (
        "goal abnormal auroc > 0.93: not met, hybrid .857 (.81-.90) on 260 test records "
        "(201 positive) of cohort simulated; interval below the goal"
    )
    assert lines[1].endswith("not known, too few positives")
    assert lines[2].endswith("(not comparable: other labels)")


def test_a_changed_metric_changes_the_page_and_the_card(
    change: Change, settings: ReportSettings
) -> None:
    def edit(evaluated: Any) -> None:
        evaluated["test"]["targets"]["chd"]["auroc"]["value"] = 0.12345

    run = change("evaluate/resnet1d", edit)
    described = model_card.describe(run, settings)
    assert "0.123" in html_page.write(run, settings)
    assert "0.123" in model_card.markdown(described)
    assert described["models"]["resnet1d"]["test"]["targets"]["chd"]["auroc"]["value"] == 0.12345


@pytest.mark.parametrize(
    ("name", "edit", "stated"),
    [
        ("ingest", lambda m: m.update(quarantined=4321), "4,321 quarantined"),
        ("ingest", lambda m: m["excluded"].update(too_old=77), "too_old: 77"),
        ("split", lambda m: m["test"].update(patients=6543), "6,543 patients"),
        ("summary", lambda m: m["best"].update(low=0.111), "0.111 to"),
        ("noise_review", lambda m: m.update(flagged=7654), "7,654 of"),
        ("noise_truth", lambda m: m["first_50"].update(wrong=49), "49"),
        ("atlas", lambda m: m["targets"]["chd"].update(among_all=0.9876), "98.8%"),
        (
            "external/second_hospital",
            lambda m: m["external"].update(patients=8765),
            "8,765 patients",
        ),
    ],
)  # fmt: skip
def test_every_section_reads_its_file(
    change: Change, settings: ReportSettings, name: str, edit: Any, stated: str
) -> None:
    assert stated in words(html_page.write(change(name, edit), settings))


def test_the_same_files_give_the_same_bytes(run: RunFiles, settings: ReportSettings) -> None:
    again = RunFiles(run.root)
    assert html_page.write(run, settings) == html_page.write(again, settings)
    assert model_card.describe(run, settings) == model_card.describe(again, settings)


def test_the_order_of_sections_in_the_parameters_changes_nothing(
    run: RunFiles, settings: ReportSettings
) -> None:
    before = html_page.write(run, settings)
    file = run.root / "params.yaml"
    values = params.read_file(file)
    with file.open("w", encoding="utf-8") as stream:
        YAML().dump(dict(reversed(values.items())), stream)
    assert html_page.write(RunFiles(run.root), settings) == before


def test_the_page_needs_no_other_file(run: RunFiles, settings: ReportSettings) -> None:
    seen = Page(html_page.write(run, settings))
    assert not [tag for tag, _ in seen.seen if tag in ("script", "iframe", "object")]
    assert seen.all("src")
    assert all(uri.startswith("data:") for uri in seen.all("src"))
    assert all(uri.startswith(("data:", "#")) for uri in seen.all("href"))


def test_every_link_leads_to_a_section(run: RunFiles, settings: ReportSettings) -> None:
    seen = Page(html_page.write(run, settings))
    ids = seen.all("id")
    assert len(ids) == len(set(ids))
    assert {uri[1:] for uri in seen.all("href") if uri.startswith("#")} <= set(ids)


def test_every_picture_has_a_text(run: RunFiles, settings: ReportSettings) -> None:
    pictures = [a for tag, a in Page(html_page.write(run, settings)).seen if tag == "img"]
    assert len(pictures) == 3
    assert all(len(a.get("alt") or "") > 20 for a in pictures)


def test_what_a_source_writes_is_text_not_html(run: RunFiles, settings: ReportSettings) -> None:
    html = html_page.write(run, settings)
    assert "<b>QRS" not in html
    assert "&lt;b&gt;QRS" in html


def test_simulated_is_stated_where_results_are(run: RunFiles, settings: ReportSettings) -> None:
    html = html_page.write(run, settings)
    for one in section_list.build(run):
        if one.section.result:
            start = html.index(f'id="{one.section.id}"')
            assert "imulated" in words(html[start : start + 300])
    assert "Simulated data" in model_card.markdown(model_card.describe(run, settings))


def test_real_patients_are_not_called_simulated(run: RunFiles, settings: ReportSettings) -> None:
    run.parameters["cohort"]["name"] = "zzu"
    assert 'class="simulated"' not in html_page.write(run, settings)
    assert not model_card.describe(run, settings)["simulated"]
    assert "Simulated data" not in model_card.markdown(model_card.describe(run, settings))


def test_a_section_without_its_files_is_left_out(run: RunFiles, settings: ReportSettings) -> None:
    """The same stage serves pipelines that explain, review and validate nothing."""
    with_all = {one.section.id for one in section_list.build(run)}
    for name in ("explain", "atlas", "noise_review", "external/second_hospital", "subgroups"):
        (run.root / f"metrics/{name}.json").unlink()
    shutil.rmtree(run.root / "data")
    left = {one.section.id for one in section_list.build(RunFiles(run.root))}
    gone = {"explanations", "atlas", "label-noise", "external", "subgroups", "errors"}
    assert with_all - left == gone
    Page(html_page.write(RunFiles(run.root), settings))


def test_a_target_with_too_few_cases_says_so(change: Change, settings: ReportSettings) -> None:
    def edit(evaluated: Any) -> None:
        figures = evaluated["test"]["targets"]["kawasaki"]
        evaluated["test"]["targets"]["kawasaki"] = {
            key: figures[key] for key in ("n", "positives", "prevalence")
        } | {"too_few": "1 positives"}

    run = change("evaluate/resnet1d", edit)
    assert content_blocks.TOO_FEW in words(html_page.write(run, settings))
    assert content_blocks.TOO_FEW in model_card.markdown(model_card.describe(run, settings))


def test_pictures_beyond_the_size_of_the_page_are_named(
    run: RunFiles, settings: ReportSettings
) -> None:
    html = html_page.write(run, settings.model_copy(update={"max_mb": 1e-6}))
    assert "<img" not in html
    assert "Not shown, for the size of this page: plots/compare/forest.png" in html


def test_the_card_is_json(run: RunFiles, settings: ReportSettings) -> None:
    described = model_card.describe(run, settings)
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert described["parameters"]["split"]["seed"] == run.parameters["split"]["seed"]


def test_numbers_are_written_as_documented() -> None:
    checked = doctest.testmod(content_blocks)
    assert checked.attempted
    assert not checked.failed


def test_sections_have_names_of_their_own() -> None:
    ids = [section.id for section in section_list.SECTIONS]
    assert len(ids) == len(set(ids))


def test_criteria_are_set_against_the_codes_of_the_readers(
    run: RunFiles, settings: ReportSettings
) -> None:
    share = {"value": 0.8712, "low": 0.82, "high": 0.91, "hits": 205, "of": 235}
    entry = {
        "codes": ["C21"], "criteria": ["sinus_tachycardia"], "records": 1299, "positives": 235,
        "unknown": 3, "sensitivity": share, "specificity": share, "score": "high z_heart_rate",
        "auroc": None,
    }  # fmt: skip
    run = with_agreement(run, {"sinus_tachycardia": entry})
    text = words(html_page.write(run, settings))
    assert "sinus tachycardia C21 235 of 1,299 0.871 (0.820 to 0.910)" in text
    run = with_agreement(run, {})  # a cohort that nobody read in these codes
    assert "235 of 1,299" not in words(html_page.write(run, settings))


def with_agreement(run: RunFiles, agreement: dict[str, Any]) -> RunFiles:
    """Return the run with these figures of the criteria."""
    tables.write_metrics(agreement, run.root / "metrics/reader_agreement.json")
    return RunFiles(run.root)
