"""The open questions of the paper: which studies answer them, and the page that tells it."""

import re
from pathlib import Path

from elinvar.studies import QUESTIONS, STUDIES, by_question, choose_studies

PAGE = Path(__file__).parents[2] / "docs" / "questions.md"


def test_questions_stand_for_all_studies_that_answer_one():
    chosen = choose_studies(["questions"])
    assert {study.question for study in chosen} <= set(QUESTIONS)
    assert {"optimizers", "few-shot"} < {study.name for study in chosen}
    assert "trajectories" not in {study.name for study in chosen}
    with_another = choose_studies(["trajectories", "questions"])
    assert [study.name for study in with_another] == [
        study.name for study in STUDIES.values() if study in chosen or study.name == "trajectories"
    ]


def test_studies_come_question_by_question_after_those_that_answer_none():
    groups = by_question(list(STUDIES.values()))
    assert groups[0][0] == ""
    numbers = [int(words.split()[0]) for words, _ in groups[1:]]
    assert numbers == sorted(numbers)
    assert sorted(study.name for _, group in groups for study in group) == sorted(STUDIES)


def test_every_question_has_a_picture_of_its_own():
    for number, section in enumerate(_sections(), start=1):
        (picture,) = re.findall(rf"!\[[^\]]+\]\((images/question-{number}\.png)\)", section)
        assert (PAGE.parent / picture).exists()


def _sections():
    return re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.M)[1:]


def test_the_page_tells_every_question_with_the_command_that_answers_it():
    sections = _sections()
    assert [section.splitlines()[0] for section in sections] == [
        f"{number} {words}" for number, words in QUESTIONS.items()
    ]
    for study in choose_studies(["questions"]):
        assert re.search(rf"elinvar reproduce [^`]*{study.name}", sections[study.question - 1])
