"""Every file of the corpus through the whole pipeline: the right figures, the right question, or a clear refusal.

Whatever the file, nothing is written, and everything that refuses names its place and what to do.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from indicators.models import Entry, Observation, StagedFigure, Submission, Vintage
from lvyuan.imports import actions, pipeline
from lvyuan.imports.book import Book
from lvyuan.imports.models import ImportJob
from lvyuan.imports.registry import ImportRefused
from tests.imports.corpus import Case, Fact, cases

pytestmark = pytest.mark.django_db
WRITTEN = (Entry, Observation, Submission, Vintage)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_file(case: Case, cast, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    settings.IMPORT_LIMIT = 1 << 30  # the upload's own limit has its test; here the readers' are tried
    path = tmp_path / case.name
    case.write(path)
    before = [model.objects.count() for model in WRITTEN]
    try:
        with pipeline.received_path(path) as file:
            book = pipeline.read(file.path, file.suffix)
            job = staged(case, file, book, {}, cast.admin)
            if case.asks:
                assert sorted(one.code for one in open_questions(job)) == sorted(case.asks)
                assert not StagedFigure.objects.filter(job=job).exists()
            if case.answers:
                job = staged(case, file, book, dict(case.answers), cast.admin)
    except ImportRefused as refused:
        said = str(refused)
        assert case.refused, said
        assert case.refused in said
        assert said.endswith("。")
        assert ImportJob.objects.count() == 0
    else:
        check(case, job)
    assert [model.objects.count() for model in WRITTEN] == before


def staged(case: Case, file: pipeline.Received, book: Book, answers: dict[str, str], by) -> ImportJob:
    return actions.stage_book(by=by, file=file, kind=case.kind, book=book, answers=answers)


def open_questions(job: ImportJob) -> list:
    return [one for one in pipeline.questions_of(job) if not one.told]


def check(case: Case, job: ImportJob) -> None:
    """What was understood of a file that could be read."""
    found = list(job.problems.all())
    for problem in found:
        assert problem.message
        assert problem.remedy, problem.message
        assert problem.line or problem.sheet or case.suffix in (".csv", ".tsv", ".txt", ".json"), problem.message
    if case.refused:
        told = [(p.message, p.sheet, p.line, p.column) for p in found if p.severity in pipeline.REFUSING]
        matching = [place for message, *place in told if case.refused in message]
        assert matching, told
        assert case.place is None or list(case.place) in matching, told
        assert not pipeline.is_ready(job)
    if case.figures is not None:
        assert [one.text for one in open_questions(job)] == []
        assert facts(job) == list(case.figures), found


def facts(job: ImportJob) -> list[Fact]:
    """The figures that were understood, those included that a check refuses, in the file's order."""
    rows = StagedFigure.objects.filter(job=job, period_end__isnull=False).select_related("indicator", "district")
    return [
        Fact(
            row.indicator.code,
            row.district.code,
            row.period.code,
            None if row.value is None else str(row.value),
            None if row.growth is None else str(row.growth),
        )
        for row in rows
        if row.value is not None or row.growth is not None or row.status != "refused"
    ]


def test_corpus_is_large_enough() -> None:
    assert len(cases()) >= 80


def test_names_are_file_names(tmp_path: Path) -> None:
    assert all(Path(case.name).name == case.name for case in cases())
