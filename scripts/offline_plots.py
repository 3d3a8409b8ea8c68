"""Let `dvc plots` draw without a network: a page that carries Vega instead of loading it.

DVC's own page loads three scripts from a CDN. This writes a page with the bundle that vl-convert
ships, below DVC's folder for temporary files, and names it in the local configuration of the
repository. `make env` runs it; git sees neither file.
"""

import sys
from pathlib import Path

import vl_convert
from dvc.config import Config

PAGE = Path("tmp/plots_page.html")  # below .dvc, as DVC resolves it
TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
    {refresh_tag}
    <meta charset="utf-8">
    <title>DVC plots</title>
    <style>body { font-family: sans-serif; } table { border-spacing: 15px; }</style>
    <script>(() => { SCRIPT })();</script>
</head>
<body>
    {plot_divs}
</body>
</html>
"""


def page() -> str:
    """Return DVC's template of a page, with Vega, Vega-Lite and Vega-Embed inside."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # An end tag within a string of the bundle would end the script.
    return TEMPLATE.replace("SCRIPT", bundle.replace("</script", "<\\/script"))


def main() -> None:
    """Write the page and name it in `.dvc/config.local`."""
    folder = Path(".dvc")
    if not folder.is_dir():
        sys.exit(f"{Path.cwd()}: no DVC repository; run this in the root of the project")
    (folder / PAGE).parent.mkdir(exist_ok=True)
    (folder / PAGE).write_text(page(), encoding="utf-8")
    with Config(dvc_dir=str(folder.resolve())).edit("local") as settings:
        settings.setdefault("plots", {})["html_template"] = str(PAGE)


if __name__ == "__main__":
    main()
