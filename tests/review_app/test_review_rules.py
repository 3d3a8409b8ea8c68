"""Blinding, undo, the queue of several readers, consensus: the rules of a review."""

import pytest

from pedecg.cohorts import label_decisions
from pedecg.core.errors import PedecgError
from pedecg.review_app import decision_file, reading_queue, review_summary, worklist
from pedecg.review_app.journal_file import ConflictError
from pedecg.review_app.review_session import RefusedError

A1, A2, HOSTILE, B1, A1_ABNORMAL, B1_ABNORMAL = range(6)


def answer(review, number, reader, word, expected=None, **more):
    label = review.item(number).label
    return review.answer(number, reader, {label: word}, expected=expected, **more)


# ---- blinding ------------------------------------------------------------------------------


def test_nothing_is_shown_before_the_answer_and_all_of_it_after(review):
    running = review()
    answer(running, A1, "Ben", "absent", reason="No hypertrophy")
    before = running.view(A1, "Anna")
    assert before["recorded"] is None
    assert before["votes"] is None
    assert "0.04" not in str(before)
    saved = answer(running, A1, "Anna", "present")
    assert saved.blinded
    after = running.view(A1, "Anna")
    assert after["recorded"]["given"] == 1
    assert after["recorded"]["probability"] == 0.04
    assert after["recorded"]["decision"] == "keep"
    assert after["votes"] == [
        {"reader": "Ben", "answer": "absent", "reason": "No hypertrophy", "blinded": True}
    ]


def test_the_statements_of_the_source_wait_for_all_questions_on_the_record(review):
    running = review()
    answer(running, A1, "Anna", "present")
    assert running.view(A1, "Anna")["recorded"]["statements"] is None
    answer(running, A1_ABNORMAL, "Anna", "present")
    assert running.view(A1, "Anna")["recorded"]["statements"] == ["Atrial septal defect", "L155"]


def test_a_change_after_the_label_was_shown_is_not_blinded(review):
    running = review()
    first = answer(running, A1, "Anna", "absent")
    second = answer(running, A1, "Anna", "keep", expected=first.id)
    assert second.answers["chd"] == "present"
    assert not second.blinded
    found = review_summary.summary(running.worklist, running.answers)
    assert found["readers"]["Anna"] == {"answered": 1, "blinded": 1, "changed_after_reveal": 1}


def test_a_reason_added_later_leaves_the_answer_blinded(review):
    running = review()
    first = answer(running, A1, "Anna", "absent")
    assert answer(running, A1, "Anna", "absent", expected=first.id, reason="Typical").blinded


def test_undo_does_not_make_the_reader_blind_again(review):
    running = review()
    answer(running, A1, "Anna", "absent")
    running.undo("Anna")
    assert running.view(A1, "Anna")["recorded"]["given"] == 1
    assert not answer(running, A1, "Anna", "present").blinded
    assert running.answers.first_blinded(("A1", "chd")) == {}


def test_an_answer_on_a_label_that_was_seen_elsewhere_is_not_blinded(review):
    running = review()
    answer(running, A1_ABNORMAL, "Anna", "present")
    running.undo("Anna")
    saved = running.answer(A1, "Anna", {"chd": "present", "abnormal": "absent"}, expected=None)
    assert not saved.blinded
    assert running.answers.first_blinded(("A1", "abnormal")) == {}


def test_keep_and_change_need_the_label_in_view(review):
    running = review()
    with pytest.raises(RefusedError, match="is shown"):
        answer(running, A1, "Anna", "keep")
    open_review = review(blinded=False)
    assert answer(open_review, A1, "Anna", "change").answers == {"chd": "absent"}
    assert not open_review.answers.standing(("A1", "chd"), "Anna").blinded
    found = review_summary.summary(open_review.worklist, open_review.answers)
    assert found["agreement"]["all"]["kappa"] is None


# ---- answers -------------------------------------------------------------------------------


def test_further_labels_of_the_record_are_saved_with_the_answer(review):
    running = review()
    running.answer(
        A1, "Anna", {"abnormal": "absent", "chd": "absent"}, expected=None,
        findings=["Long QTc"], reason=" line\nbreak\x00 ",
    )  # fmt: skip
    assert running.answers.final(("A1", "abnormal")).decision == "flip"
    saved = running.answers.standing(("A1", "chd"), "Anna")
    assert saved.reason == "line break"
    assert saved.findings == ("Long QTc",)
    assert A1_ABNORMAL not in running.queue.open_cases("Anna")
    running.undo("Anna")
    assert running.answers.cases() == []


@pytest.mark.parametrize(
    ("answers", "reported"),
    [
        ({"abnormal": "present"}, "no answer on chd"),
        ({"chd": "perhaps"}, "answer 'perhaps'; expected present, absent"),
        ({"chd": "present", "weather": "present"}, "'weather' is not a target"),
        ({"chd": "present", "abnormal": "keep"}, "is shown"),
    ],
)
def test_a_wrong_answer_is_refused_and_not_written(review, answers, reported):
    running = review()
    with pytest.raises(RefusedError, match=reported):
        running.answer(A1, "Anna", answers, expected=None)
    assert running.journal.entries == []


def test_two_windows_of_one_reader_do_not_overwrite_each_other(review):
    running = review()
    first = answer(running, A1, "Anna", "present")
    with pytest.raises(ConflictError):
        answer(running, A1, "Anna", "absent", expected=None)
    assert running.answers.standing(("A1", "chd"), "Anna") == first
    assert len(running.journal.entries) == 1


def test_undo_goes_back_action_by_action_and_reader_by_reader(review):
    running = review()
    first = answer(running, A1, "Anna", "present")
    answer(running, B1, "Ben", "present")
    answer(running, A1, "Anna", "absent", expected=first.id)
    running.skip(A2, "Anna")
    assert running.undo("Anna") == (A2, False)
    assert running.undo("Anna") == (A1, False)
    assert running.answers.standing(("A1", "chd"), "Anna").answers["chd"] == "present"
    assert running.undo("Anna") == (A1, False)
    with pytest.raises(RefusedError, match="nothing to undo"):
        running.undo("Anna")
    assert running.answers.standing(("B1", "chd"), "Ben") is not None


def test_a_restart_brings_everything_back(review):
    running = review(overlap=1.0)
    answer(running, A1, "Anna", "present", reason="Typical")
    answer(running, A2, "Anna", "absent")
    running.undo("Anna")
    running.skip(A2, "Anna")
    before = (running.view(A1, "Anna"), running.queue.open_cases("Anna"))
    again = review(overlap=1.0)
    assert (again.view(A1, "Anna"), again.queue.open_cases("Anna")) == before
    assert again.queue.open_cases("Anna")[-1] == A2, "skipped comes last"


# ---- several readers -----------------------------------------------------------------------


def test_a_name_is_one_reader_in_any_case_and_spacing(review):
    running = review(senior=("Dr. Chief",))
    answer(running, A1, running.reader("  Anna   Müller "), "present")
    assert running.reader("anna müller") == "Anna Müller"
    assert running.reader("dr. chief") == "Dr. Chief"
    for name in ("", "  ", "<b>x</b>", "=cmd()", "a" * 41, "x\u202ey"):
        with pytest.raises(RefusedError):
            running.reader(name)
    with pytest.raises(RefusedError, match="not one of the readers"):
        review(readers=("Anna",)).reader("Ben")


def test_without_overlap_each_case_has_one_reader(review):
    running = review(overlap=0.0)
    first, second = running.next("Anna", None), running.next("Ben", None)
    assert {first, second} == {0, 1}
    answer(running, first, "Anna", "present")
    assert first not in running.queue.open_cases("Ben")
    assert running.next("Anna", None) == 2


def test_a_case_that_was_left_open_is_free_after_a_while(review, monkeypatch):
    running = review(overlap=0.0)
    assert running.next("Anna", None) == 0
    assert running.next("Ben", None) == 1
    monkeypatch.setattr(reading_queue, "LEASE_S", -1.0)
    assert running.next("Ben", None) == 0


def test_with_full_overlap_everybody_reads_everything(review):
    running = review(overlap=1.0)
    for reader in ("Anna", "Ben"):
        for number in range(6):
            assert running.next(reader, None) == number
            answer(running, number, reader, "absent")
        assert running.next(reader, None) is None
    assert running.overview("Anna")["progress"] == (6, 6)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_of_common_cases_is_the_parameter(share):
    cases = [(f"r{k}", "chd") for k in range(4000)]
    shared = [reading_queue.is_shared(case, share, seed=0) for case in cases]
    assert sum(shared) / 4000 == pytest.approx(share, abs=0.025)
    assert shared == [reading_queue.is_shared(case, share, seed=0) for case in cases]
    if share == 0.3:
        assert shared != [reading_queue.is_shared(case, share, seed=1) for case in cases]


def test_a_consensus_settles_a_disagreement(review):
    running = review(senior=("Chief",))
    answer(running, A1, "Anna", "present")
    answer(running, A1, "Ben", "absent")
    assert running.answers.disagreements() == [("A1", "chd")]
    assert decision_file.rows(running.answers) == []
    assert running.overview("Anna")["disagreements"] is None
    listed = running.overview("Chief")["disagreements"]
    assert [one["number"] for one in listed] == [A1]
    view = running.view(A1, "Chief", consensus=True)
    assert {vote["reader"] for vote in view["votes"]} == {"Anna", "Ben"}
    assert view["recorded"] is None, "still blind for the recorded label"
    with pytest.raises(RefusedError, match="senior"):
        answer(running, A1, "Anna", "absent", consensus=True)
    answer(running, A1, "Chief", "absent", consensus=True, reason="No shunt")
    row = decision_file.rows(running.answers)[0]
    assert (row["decision"], row["reviewer"], row["reason"]) == (
        "flip", "Chief (consensus)", "No shunt",
    )  # fmt: skip
    assert running.undo("Chief") == (A1, True)
    assert running.answers.disagreements() == [("A1", "chd")]


# ---- labels/decisions.csv ------------------------------------------------------------------


def test_the_pipeline_applies_what_the_readers_decided(review, ward, tmp_path):
    running = review()
    answer(running, A1, "Anna", "absent")
    answer(running, A1, "Ben", "absent")
    answer(running, A2, "Anna", "uncertain")
    answer(running, 2, "Anna", "present")
    splits = ward.records[["record_id", "patient_id"]].assign(
        split=[ward.splits[r] for r in ward.records["record_id"]]
    )
    cleaned = label_decisions.apply(ward.labels, splits, tmp_path / "decisions.csv")
    chd = cleaned.set_index("record_id")["chd"]
    assert chd["A1"] == 0
    assert chd.isna()["A2"]
    assert chd.drop(["A1", "A2"]).equals(
        ward.labels.set_index("record_id")["chd"].drop(["A1", "A2"])
    )


def test_rows_written_by_hand_stay_and_rows_of_the_review_follow_it(review, tmp_path):
    file = tmp_path / "decisions.csv"
    file.write_text(
        "record_id,label,decision,reviewer,reason\nA1,chd,keep,By hand,\nE1,chd,unknown,By hand,\n"
    )
    running = review()
    answer(running, A1, "Anna", "absent")
    answer(running, B1, "Anna", "present", reason="=HYPERLINK(1)")
    decided = label_decisions.read(file).set_index(["record_id", "label"])
    assert decided.loc[("A1", "chd"), "decision"] == "keep"
    assert decided.loc[("E1", "chd"), "reviewer"] == "By hand"
    assert decided.loc[("B1", "chd"), "decision"] == "flip"
    assert decided.loc[("B1", "chd"), "reason"] == "=HYPERLINK(1)"
    assert ",'=HYPERLINK(1)," in file.read_text()  # a spreadsheet shows it and computes nothing
    header, *lines = file.read_text().splitlines()
    assert header == "record_id,label,decision,reviewer,reason,time,blinded,version"
    assert any(",yes,pedecg " in line for line in lines)
    running.undo("Anna")
    assert len(label_decisions.read(file)) == 2


def test_a_decision_file_that_cannot_be_written_loses_no_answer(review, tmp_path):
    running = review()
    (tmp_path / "decisions.csv").write_text("damaged while the review runs\n")
    answer(running, A1, "Anna", "absent")
    assert "saved, but" in running.view(A1, "Anna")["warning"]
    assert len(running.journal.entries) == 1
    (tmp_path / "decisions.csv").unlink()
    answer(running, A2, "Anna", "absent")
    assert running.view(A2, "Anna")["warning"] == ""
    assert len(label_decisions.read(tmp_path / "decisions.csv")) == 2


def test_a_decision_file_of_another_form_stops_the_start(review, tmp_path):
    (tmp_path / "decisions.csv").write_text("record,label\n")
    with pytest.raises(PedecgError, match="record_id"):
        review()


# ---- worklists -----------------------------------------------------------------------------


def test_a_list_of_records_asks_one_target_or_its_own(ward, tmp_path):
    file = tmp_path / "list.csv"
    file.write_text("record_id\nE1\nA1\nE1\n")
    cases = worklist.from_list(ward.labels, ward.records, 10, file, "abnormal")
    assert [(i.rank, i.record_id, i.given) for i in cases.items] == [(1, "E1", 0), (2, "A1", 1)]
    file.write_text("record_id,label,probability\nPULSE,chd,0.5\n")
    item = worklist.from_list(ward.labels, ward.records, 10, file).items[0]
    assert (item.given, item.probability) == (None, 0.5)


def test_mistakes_come_in_order_of_their_rank(ward, tmp_path):
    file = tmp_path / "mistakes.csv"
    file.write_text(
        "target,kind,rank,record_id,patient_id,probability\n"
        "chd,false_positive,1,E1,E,0.9\nchd,false_positive,2,B1,B,0.8\n"
        "abnormal,false_negative,1,A1,A,0.1\n"
    )
    cases = worklist.from_mistakes(ward.labels, ward.records, 10, file)
    assert [i.case for i in cases.items] == [("E1", "chd"), ("A1", "abnormal"), ("B1", "chd")]


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("record_id\nA1\n", "no column label"),
        ("record,label\nA1,chd\n", "column 'record_id' not found"),
        ("record_id,label\nZ9,chd\n", "record Z9 is not in this cohort"),
        ("record_id,label\nA1,chf\n", "label 'chf' is not a target; targets are abnormal, chd"),
        ("record_id,label,probability\nA1,chd,high\n", "line 2: probability 'high'"),
        ("record_id,label,probability\nA1,chd,1.5\n", "probability 1.5 of A1; expected 0 to 1"),
        ("record_id,label\n", "no record in it"),
    ],
)
def test_a_faulty_list_is_reported_in_one_line(ward, tmp_path, text, reported):
    file = tmp_path / "list.csv"
    file.write_text(text)
    with pytest.raises(PedecgError) as fault:
        worklist.from_list(ward.labels, ward.records, 10, file)
    assert reported in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_decision_on_an_unknown_label_is_kept_in_the_journal_alone(ward, review, tmp_path):
    running = review()
    running.answer(A2, "Anna", {"chd": "present", "abnormal": "present"}, expected=None)
    pulse = worklist.from_list(
        ward.labels, ward.records, 1, _one(tmp_path, "PULSE"), "chd"
    )  # fmt: skip
    running.worklist = pulse
    running.answer(0, "Anna", {"chd": "present"}, expected=None)
    rows = decision_file.rows(running.answers)
    assert ("PULSE", "chd") not in {(row["record_id"], row["label"]) for row in rows}


def _one(folder, record_id):
    file = folder / "one.csv"
    file.write_text(f"record_id\n{record_id}\n")
    return file
