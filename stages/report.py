"""Write the report and the model card of a run, from the files that its stages have made."""

import json

from pedecg import errors, params, tables
from pedecg.report import card, page
from pedecg.report.evidence import Evidence
from pedecg.report.settings import ReportSettings


def main() -> None:
    settings = params.load("report", ReportSettings)
    run = Evidence()

    described = card.describe(run, settings)

    tables.write_text(page.write(run, settings), "report/report.html")
    tables.write_text(card.markdown(described), "report/model_card.md")
    text = json.dumps(described, indent=2, ensure_ascii=False, allow_nan=False)
    tables.write_text(text + "\n", "report/model_card.json")


if __name__ == "__main__":
    errors.one_line(main)
