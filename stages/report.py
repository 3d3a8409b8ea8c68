"""Write the report and the model card of a run, from the files that its stages have made."""

import json

from pedecg.core import errors, params, tables
from pedecg.report import html_page, model_card
from pedecg.report.report_settings import ReportSettings
from pedecg.report.run_files import RunFiles


def main() -> None:
    settings = params.load("report", ReportSettings)
    run = RunFiles()

    described = model_card.describe(run, settings)

    tables.write_text(html_page.write(run, settings), "report/report.html")
    tables.write_text(model_card.markdown(described), "report/model_card.md")
    text = json.dumps(described, indent=2, ensure_ascii=False, allow_nan=False)
    tables.write_text(text + "\n", "report/model_card.json")


if __name__ == "__main__":
    errors.one_line(main)
