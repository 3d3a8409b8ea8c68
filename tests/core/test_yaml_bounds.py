"""A file of parameters that is no such file is one line, at once, and takes no memory."""

import time

import pytest

from pedecg.core import params
from pedecg.core.errors import PedecgError

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{p: *{before}, q: *{before}, r: *{before}, s: *{before}}}\n"
    for before, name in zip("abcdefghijklmn", "bcdefghijklmno", strict=True)
)
AT_MOST_S = 20.0  # on a busy machine; the bomb took over 60 s and all memory


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (BOMB.encode(), "aliases repeat more than"),
        (MERGED.encode(), "aliases repeat more than"),
        (b"a: " + b"[" * 50_000, "50000 brackets"),
        (b"a: " + b"{b: " * 5_000, "not valid YAML"),
        ("a: Größe".encode("latin-1"), "not UTF-8 (byte 0xf6 at 5); save it as UTF-8"),
        ("a: 1".encode("utf-16"), "not UTF-8"),
        (b"a: " + b"1" * 5_000, "not valid YAML"),
        (b"#" * 2_000_000, "2000000 characters; expected at most"),
        (b"a: \x00", "not valid YAML"),
        (b"- 1", "must hold sections"),
        (b"", "must hold sections"),
        (b"a: &a [*a]", "must hold keys"),
        (b"a: !!python/object/apply:os.system ['touch PWNED']", "not valid YAML"),
    ],
)
def test_a_hostile_file_is_one_line(tmp_path, content, told):
    file = tmp_path / "params.yaml"
    file.write_bytes(content)
    began = time.monotonic()
    with pytest.raises(PedecgError) as caught:
        params.load("a", params.Section, file)
    assert time.monotonic() - began < AT_MOST_S
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "\0" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_few_aliases_and_a_byte_order_mark_are_fine(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: &a [1, 2]\nb: *a\nc: {x: *a}\n")
    assert params.read_file(file) == {"a": [1, 2], "b": [1, 2], "c": {"x": [1, 2]}}
