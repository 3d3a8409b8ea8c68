"""Opening an XML file that a stranger wrote: whole, checked and without looking outside it."""

import base64
import binascii
import codecs
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.record_faults import RecordFault

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_MB = 20.0  # vendors' files hold 10 s in 0.1 to 0.5 MB
_MEGABYTE = 1_000_000
_MUSE_DTD = "restecg.dtd"  # every MUSE file names it; it is never fetched
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_EXPAT_READS = ("utf-8", "utf-16", "iso8859-1", "ascii")


def looks_like_xml(file: Path) -> bool:
    """Say whether the first character of a file opens a tag, in any of the usual encodings."""
    with file.open("rb") as stream:
        start = stream.read(512)
    for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        start = start.removeprefix(mark)
    return start.replace(b"\0", b"").lstrip().startswith(b"<")


def parse(file: Path, max_mb: float = MAX_MB) -> "Element":
    """Return the root element; namespaces are taken off all names.

    Raises
    ------
    RecordFault
        oversized-file, unsafe-xml (it declares entities or names another file), malformed-xml.
        No message quotes the file: it may hold names.
    """
    from defusedxml import DefusedXmlException

    size = file.stat().st_size
    if size > max_mb * _MEGABYTE:
        raise RecordFault(
            "oversized-file",
            f"{file.name}: {size / _MEGABYTE:.1f} MB; expected at most {max_mb:g} "
            "(ingest.max_xml_mb)",
        )
    data, encoding = _readable(file.read_bytes())
    parser = _parser(encoding)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException:
        raise RecordFault(
            "unsafe-xml", f"{file.name}: declares entities or names another file; expected none"
        ) from None
    except SyntaxError as error:  # ParseError
        line, column = getattr(error, "position", (0, 0))
        raise RecordFault(
            "malformed-xml", f"{file.name}: not well-formed at line {line}, column {column}"
        ) from None
    except (ValueError, LookupError):
        raise RecordFault("malformed-xml", f"{file.name}: its encoding is unknown") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def text(element: "Element | None", path: str = ".") -> str:
    """Return the text of an element below, without blanks around it; "" where there is none."""
    found = element.find(path) if element is not None else None
    return (found.text or "").strip() if found is not None else ""


def number(cell: str) -> float | None:
    """Read ``4.88`` or ``4,88``; None where it is no finite number."""
    try:
        value = float(cell.replace(",", ".")) if cell.count(",") <= 1 else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def require_number(cell: str, what: str, place: str) -> float:
    """Read a number that the format requires; `what` names it in the fault."""
    value = number(cell)
    if value is None:
        said = "absent" if not cell else "no number"
        raise RecordFault("bad-field", f"{place}: {what} is {said}")
    return value


def require_rate(cell: str, what: str, place: str) -> float:
    """Read a sampling rate in Hz."""
    rate = require_number(cell, what, place)
    if rate <= 0:
        raise RecordFault("zero-rate", f"{place}: {what} {rate:g}; expected > 0 Hz")
    return rate


def require_scale(cell: str, what: str, place: str) -> float:
    """Read how much one count is."""
    scale = require_number(cell, what, place)
    if scale <= 0:
        raise RecordFault("zero-gain", f"{place}: {what} {scale:g}; expected > 0")
    return scale


def decode_base64(cell: str, place: str) -> bytes:
    """Return the bytes of a Base64 text that may be broken into lines."""
    try:
        return base64.b64decode("".join(cell.split()), validate=True)
    except (binascii.Error, ValueError):
        raise RecordFault("corrupt-signal", f"{place}: the waveform is not Base64") from None


def int16(raw: bytes) -> NDArray[np.int16]:
    """Return little-endian 16-bit counts, shape (n_samples,)."""
    return np.frombuffer(raw, "<i2")


def _readable(data: bytes) -> tuple[bytes, str | None]:
    """Return bytes in an encoding that expat knows, and its name where the file's own is wrong.

    Philips writes UTF-16; tools that store such a file as UTF-8 often leave the declaration.
    Hospitals of the Far East declare encodings of several bytes, which expat refuses.
    """
    found = _DECLARED.match(data.removeprefix(codecs.BOM_UTF8))
    if found is None:
        return data, None
    name = codecs.lookup(found[1].decode("ascii")).name if _known(found[1]) else ""
    if name.startswith("utf-16"):
        return data, "utf-8"
    if not name or name in _EXPAT_READS:
        return data, None
    return data.decode(name, errors="replace").encode("utf-8"), "utf-8"


def _known(name: bytes) -> bool:
    try:
        codecs.lookup(name.decode("ascii"))
    except LookupError:
        return False
    return True


def _parser(encoding: str | None) -> Any:
    from defusedxml.common import DTDForbidden
    from defusedxml.ElementTree import DefusedXMLParser

    class Parser(DefusedXMLParser):  # type: ignore[misc]
        """Refuses every document type but the bare name of MUSE's own."""

        def defused_start_doctype_decl(
            self, name: str, sysid: str | None, pubid: str | None, has_internal_subset: int
        ) -> None:
            named = sysid is None or sysid.lower() == _MUSE_DTD
            if has_internal_subset or pubid is not None or not named:
                raise DTDForbidden(name, None, None)

    return Parser(encoding=encoding, forbid_dtd=True)
