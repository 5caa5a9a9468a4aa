"""The import of figures: rows of a file → staged figures → one submission that a reviewer approves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from indicators.actions import publish_staged, submit_staged
from indicators.imports.lines import known_to, rank_text
from indicators.imports.shape import FigureLayout, layout_of
from indicators.imports.staging import stage_figures
from indicators.imports.standing import approved_words, figure_words, has_moved
from indicators.imports.undo import undo, undo_obstacles
from indicators.models import Indicator, RankPool, Source, StagedFigure, Submission, VintageStatus
from indicators.refusals import Conflict, Refused
from lvyuan.accounts.models import District, Role, User
from lvyuan.imports.book import Book
from lvyuan.imports.mappings import remembered
from lvyuan.imports.models import ImportJob, RowStatus, StagedRow
from lvyuan.imports.registry import Answers, ImportConflict, ImportRefused, Layout, PreviewOutdated, Progress, ShownRow
from lvyuan.imports.working import joining_sets
from lvyuan.numbers import format_figure
from lvyuan.ui.words import period_label


class Observations:
    """Figures: approved as a whole by a reviewer, after which nobody loses what stood there before."""

    code = "observations"
    label = _("数据")
    about = _("指标在各时期的数值、增速和位次；审核员通过后才生效。")
    is_reviewed = True

    def may_import(self, user: User) -> bool:
        return user.has_role(Role.ADMIN)

    def layout(self, book: Book, answers: Answers, user: User) -> Layout:
        kept = remembered(user, self.code, book.tables) if user.pk else {}
        told = {**kept, **answers}
        return layout_of(book.tables, told, known_to(user), remembered=kept.keys() - answers.keys())

    def stage(self, job: ImportJob, book: Book, layout: Layout, user: User, progress: Progress) -> None:
        assert isinstance(layout, FigureLayout)
        stage_figures(job, book, layout, user.department_id, progress)

    def staged(self, job: ImportJob) -> QuerySet[Any]:
        return StagedFigure.objects.filter(job=job)

    def shown(self, rows: Iterable[StagedRow], user: User) -> list[ShownRow]:
        """Four queries: what stood there, ranks, and the names of districts and indicators."""
        figures = [row for row in rows if isinstance(row, StagedFigure)]
        before = approved_words(figures)
        names = dict(Indicator.objects.filter(pk__in={row.indicator_id for row in figures}).values_list("pk", "name"))
        districts = District.objects.in_bulk({row.district_id for row in figures if row.district_id})
        pools = RankPool.objects.in_bulk({row.rank_pool_id for row in figures if row.rank_pool_id})
        return [_shown(row, before, names, districts, pools) for row in figures]

    def commit(self, job: ImportJob, by: User | None) -> object:
        """Hands the changed figures to the reviewers; what the operator of the server brings in holds at once."""
        with joining_sets():
            is_outdated = has_moved(job)
        if is_outdated:
            raise PreviewOutdated(
                gettext("预览之后系统里的数据有了变化，没有导入。下面是重新核对的结果，请看过后再确认。")
            )
        try:
            return submit_staged(by=by, job=job) if by else publish_staged(job=job, source=_source_of(job))
        except Conflict as conflict:
            raise ImportConflict(str(conflict)) from conflict
        except Refused as refused:
            raise ImportRefused(str(refused)) from refused

    def undo_obstacles(self, job: ImportJob, user: User) -> list[str]:
        return undo_obstacles(job, user)

    def undo(self, job: ImportJob, by: User, reason: str) -> object:
        return undo(job, by, reason)

    def outcomes(self, jobs: Collection[ImportJob], user: User) -> Mapping[int, Model]:
        """The submissions that imports became, as far as this person may see them."""
        found = Submission.objects.visible_to(user).filter(import_job__in=jobs)
        return {submission.import_job_id: submission for submission in found}


OBSERVATIONS = Observations()


def _source_of(job: ImportJob) -> Source:
    named = Source.of_import(job)
    Source.objects.bulk_create([named], ignore_conflicts=True)
    return Source.objects.get(code=named.code)


def _shown(
    row: StagedFigure, before: Any, names: dict[int, str], districts: dict[int, District], pools: dict[int, RankPool]
) -> ShownRow:
    title = names.get(row.indicator_id or 0, "")
    district = districts.get(row.district_id or 0)
    if title and district and district.code != settings.HOME_DISTRICT:
        title = gettext("%(indicator)s（%(district)s）") % {"indicator": title, "district": district}
    value = format_figure(row.value, unit=row.unit, comparator=row.comparator, printed=row.printed)  # type: ignore[arg-type]
    rank = (
        rank_text(pools[row.rank_pool_id], row.rank_place, row.rank_by) if row.rank_pool_id and row.rank_place else ""
    )
    new, old = figure_words(value, row.text, row.growth, rank), ""
    if row.status == RowStatus.REFUSED and not new:
        new = row.note  # as written
    was = before.get(row.before_id)
    if was is not None and was.vintage.status != VintageStatus.WITHDRAWN:
        old = was.text
        if row.figure_status and row.figure_status != was.vintage.status:
            old += gettext("（%(label)s）") % {"label": VintageStatus(was.vintage.status).label}
            new += gettext("（%(label)s）") % {"label": VintageStatus(row.figure_status).label}
    return ShownRow(
        place=_place(row),
        key=row.key,
        title=title,
        period=period_label(row.period) if row.period_end else "",
        old=old,
        new=new,
        status=row.status,
    )


def _place(row: StagedFigure) -> str:
    return row.locator or (
        (gettext("工作表“%(sheet)s”") % {"sheet": row.sheet} if row.sheet else "")
        + gettext("第%(line)s行") % {"line": row.line}
        + (gettext("%(column)s列") % {"column": row.column} if row.column else "")
    )
