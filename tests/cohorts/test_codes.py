"""Every code is parsed, none is dropped, and prefixes keep their meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedecg.cohorts import code_vocabularies

token = st.text(
    st.characters(codec="utf-8", exclude_characters="'", exclude_categories=("Cc", "Zs", "Zl")),
    min_size=1,
).filter(lambda text: text.strip() == text)
base = st.from_regex(r"[A-Z]\(?[0-9]{1,3}( ?\+ ?[0-9]{1,3}){0,2}\)|[A-Z][0-9]{1,3}", fullmatch=True)
base = base.filter(lambda text: ("(" in text) == (")" in text) and ("+" not in text or "(" in text))
modifier = st.sampled_from(["Modifier308", "Occasional", "Depression"])


@given(st.lists(token, max_size=8))
def test_a_cell_reads_back_as_it_was_written(tokens):
    cell = ";".join(f"'{token}'" for token in tokens)
    assert code_vocabularies.split_cell(cell) == tokens


@given(base, st.lists(modifier, max_size=3))
def test_modifiers_split_off_and_composite_codes_stay_whole(code, modifiers):
    assert code_vocabularies.split_token("+".join([code, *modifiers])) == (code, tuple(modifiers))


@given(st.text())
def test_no_cell_breaks_the_parser(cell):
    for finding in [*code_vocabularies.findings(cell, "aha"), *code_vocabularies.diagnoses(cell)]:
        assert finding.code or finding.modifiers


@pytest.mark.parametrize("cell", ["", " ", "Null", "N/A", "nan"])
def test_an_empty_cell_holds_no_finding(cell):
    assert code_vocabularies.findings(cell, "aha") == []


@pytest.mark.parametrize(
    ("vocabulary", "token", "code", "modifiers", "words"),
    [
        ("aha", "C23", "C23", (), "Sinus arrhythmia"),
        ("aha", "D30+Modifier308", "D30", ("Modifier308",), "Atrial premature complex(es)"),
        ("chn", "D21+Occasional", "D21", ("Occasional",), "Atrial premature complex(es)"),
        ("chn", "L121+Depression", "L121", ("Depression",), "ST deviation"),
        ("chn", "J(111+112+113)", "J(111+112+113)", (), "Low voltage"),
        ("chn", "N(143 + 144)", "N(143 + 144)", (), "Pacing rhythm"),
        ("aha", "First-degree AV block", "First-degree AV block", (), "First-degree AV block"),
        ("aha", "Suggests211", "Suggests211", (), "Hypokalemia or drug effect"),
    ],
)
def test_codes_of_both_vocabularies_are_described(vocabulary, token, code, modifiers, words):
    [finding] = code_vocabularies.findings(f"'{token}'", vocabulary)
    assert finding == code_vocabularies.Finding(vocabulary, code, modifiers, words)


@pytest.mark.parametrize("token", ["F64", "Z999", "C23+Modifier999", "never heard of"])
def test_an_unknown_code_is_kept_and_marked(token):
    [finding] = code_vocabularies.findings(f"'{token}'", "chn")
    assert not finding.known
    assert "+".join((finding.code, *finding.modifiers)) == token


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("(F) I40.0", "Myocarditis"),
        ("(V)I40.0", "Myocarditis"),
        ("I40.0", None),
        ("(FO) Q21.1", "Congenital heart disease"),
        ("(OSD) Q21.1", "Congenital heart disease"),
        ("Q24.8", "Cardiomyopathy"),
        ("Q24.9", None),
        ("I37.0", "Congenital heart disease"),
        ("M30.3", "Kawasaki disease"),
        ("See attribute dictionary file", None),
    ],
)
def test_a_diagnosis_is_matched_with_its_study_prefix(code, group):
    disease = code_vocabularies.disease_of(code)
    assert (disease.group if disease else None) == group


def test_nineteen_diseases_keep_nineteen_names():
    keys = "(F) I40.0;(V) I40.0;I40.9;I51.4;I42.0;I42.2;I42.9;Q24.8;M30.3;Q21.0;Q21.1;(FO) Q21.1;"
    keys += "(OSD) Q21.1;Q21.2;Q21.3;Q22.1;Q25.0;Q25.6;I37.0"
    diseases = [code_vocabularies.disease_of(key) for key in keys.split(";")]
    assert len({disease.name for disease in diseases if disease}) == 19


def test_diagnoses_beyond_the_study_are_known_by_their_form():
    found = code_vocabularies.diagnoses("'I50.9';'R18';'(XY) Q21.1';'heart'")
    assert [finding.known for finding in found] == [True, True, False, False]


def test_both_vocabularies_lead_to_one_key():
    expected = {("'C23'", "aha"): "C23", ("'C15'", "chn"): "C23"}
    expected["'J106'", "chn"] = "Left ventricular high voltage"
    for (cell, vocabulary), key in expected.items():
        (finding,) = code_vocabularies.findings(cell, vocabulary)
        assert code_vocabularies.finding_key(finding) == key
