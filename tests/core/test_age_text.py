"""Ages are written as paediatricians count them."""

import pytest

from pedecg.core import age_groups, age_text


@pytest.mark.parametrize(
    ("days", "words"),
    [(0, "0 days"), (1, "1 day"), (59, "59 days"), (60, "1 month"), (365, "11 months"),
     (366, "12 months"), (731, "2 years"), (6574.5, "18 years"), (36525, "100 years")],
)  # fmt: skip
def test_completed_days_months_and_years_are_counted(days, words):
    assert age_text.in_words(days) == words


def test_a_mean_age_has_a_decimal():
    assert age_text.mean_in_words(2300.0) == "6.3 years"


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [(3, 4, "day 3"), (8, 31, "8-30 days"), (91, 182, "3-6 months"), (365, 1096, "1-3 years")],
)
def test_a_range_is_written_in_the_unit_of_its_ages(first, last, words):
    assert age_text.range_in_words(first, last) == words


def test_the_names_of_age_groups_are_written_in_words():
    words = [age_text.group_in_words(name) for name in age_groups.names([28, 365, 1826, 3652])]
    assert words == ["0-27 days", "1-12 months", "1-5 years", "5-10 years", "10 years and older"]
    assert age_text.group_in_words("28-364 d, positive") == "1-12 months, positive"
    assert [age_text.group_in_words(name) for name in ("unknown", "all")] == ["unknown", "all"]
