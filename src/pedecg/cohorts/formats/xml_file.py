"""Safe parsing of untrusted XML: size limits, no entities, no external references."""

import base64
import binascii
import codecs
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pedecg.cohorts.formats.numbers import number
from pedecg.cohorts.record_faults import RecordFault

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MUSE_DTD = "restecg.dtd"  # every MUSE file names it; it is never fetched
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_EXPAT_READS = ("utf-8", "utf-16", "iso8859-1", "ascii")
# Python's codecs of characters by name; it has others, as hex, zlib and idna, that are none.
_CHARACTER_SETS = (
    "iso8859", "cp", "gb", "big5", "euc", "shift", "koi8", "mac", "hz", "johab", "tis", "latin",
)  # fmt: skip
_FINEST, _COARSEST = 1e-6, 1e6  # units per count: beyond them a field is damaged
_MOST_TAGS = 200_000  # vendors' files have up to 20,000; 20 MB of empty tags would take a minute
_DEEPEST = 100  # elements within elements; aECG has 15


def starts_with_tag(start: bytes) -> bool:
    """Return whether the first character of a file opens a tag, in any of the usual encodings."""
    for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        start = start.removeprefix(mark)
    return start.replace(b"\0", b"").lstrip().startswith(b"<")


def parse(file: Path) -> "Element":
    """Return the root element; namespaces are taken off all names.

    Raises
    ------
    RecordFault
        unsafe-xml (it declares entities or names another file), oversized-file (more tags than any
        ECG has), malformed-xml. No message quotes the file: it may hold names.
    """
    from defusedxml import DefusedXmlException

    raw = file.read_bytes()
    if raw.count(b"<") > _MOST_TAGS:
        raise RecordFault(
            "oversized-file", f"{file.name}: over {_MOST_TAGS} tags; more than any ECG file has"
        )
    try:
        data, encoding = _readable(raw)
        parser = _parser(encoding)
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException:
        raise RecordFault(
            "unsafe-xml", f"{file.name}: declares entities or names another file; expected none"
        ) from None
    except _TooDeepError:
        raise RecordFault(
            "malformed-xml", f"{file.name}: over {_DEEPEST} nested elements"
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


class _TooDeepError(Exception):
    """Elements nest deeper than in any ECG."""


def text(element: "Element | None", path: str = ".") -> str:
    """Return the text of an element below, without blanks around it; "" where there is none."""
    found = element.find(path) if element is not None else None
    return (found.text or "").strip() if found is not None else ""


def require_number(cell: str, what: str, place: str) -> float:
    """Read a number that the format requires; `what` names it in the fault."""
    value = number(cell)
    if value is None:
        detail = "absent" if not cell else "no number"
        raise RecordFault("bad-field", f"{place}: {what} is {detail}")
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
    if not _FINEST <= scale <= _COARSEST:
        raise RecordFault(
            "zero-gain", f"{place}: {what} {scale:g}; expected {_FINEST:g} to {_COARSEST:g}"
        )
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

    Philips writes UTF-16; tools that store such a file as UTF-8 often leave the declaration, others
    store UTF-8's declaration as UTF-16. Hospitals of the Far East declare encodings of several
    bytes, which expat refuses.
    """
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
                       (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")):  # fmt: skip
        if data.startswith(mark):
            return data.decode(name).removeprefix("\ufeff").encode("utf-8"), "utf-8"
    found = _DECLARED.match(data.removeprefix(codecs.BOM_UTF8))
    if found is None:
        return data, None
    declared = codecs.lookup(found[1].decode("ascii")).name
    if declared.startswith("utf-16") or declared in ("utf-8", "utf-8-sig"):
        return data, "utf-8"
    if declared in _EXPAT_READS:
        return data, None
    if not declared.startswith(_CHARACTER_SETS):
        raise LookupError(declared)
    return data.decode(declared, errors="replace").encode("utf-8"), "utf-8"


def _parser(encoding: str | None) -> Any:
    from xml.etree.ElementTree import TreeBuilder

    from defusedxml.common import DTDForbidden
    from defusedxml.ElementTree import DefusedXMLParser

    class Builder(TreeBuilder):
        """Refuse elements nested deeper than in any ECG: 200,000 levels overflow Python's stack."""

        depth = 0

        def start(self, tag: Any, attrs: Any, /) -> "Element":
            self.depth += 1
            if self.depth > _DEEPEST:
                raise _TooDeepError
            return super().start(tag, attrs)

        def end(self, tag: Any, /) -> "Element":
            self.depth -= 1
            return super().end(tag)

    class Parser(DefusedXMLParser):  # type: ignore[misc]
        """Refuses every document type but the bare name of MUSE's own."""

        def defused_start_doctype_decl(
            self, name: str, sysid: str | None, pubid: str | None, has_internal_subset: int
        ) -> None:
            named = sysid is None or sysid.lower() == _MUSE_DTD
            if has_internal_subset or pubid is not None or not named:
                raise DTDForbidden(name, None, None)

    return Parser(target=Builder(), encoding=encoding, forbid_dtd=True)
