"""How a figure comes in: round → submission → entry. Entries are drafts and never show outside the chain."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from indicators.models.definitions import Dated, Indicator, PriceBasis, RankPool, Source, one_at_a_time
from indicators.models.fields import FigureField, PeriodColumns, period_constraints
from indicators.models.figures import Comparator, NullReason, RankBy, VintageStatus
from lvyuan.accounts.models import Department, District, Role, User
from lvyuan.audit.triggers import INTERNAL, REPORTING, recorded, recorded_append_only
from lvyuan.imports.models import ImportJob


class RoundSchedule(Dated):
    """When the rounds of a district open, fall due and close, counted in days from the month's last day."""

    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))
    opens_after = models.PositiveSmallIntegerField(_("月末后第几天开始"), default=1)
    due_after = models.PositiveSmallIntegerField(_("月末后第几天应报"), default=12)
    closes_after = models.PositiveSmallIntegerField(_("月末后第几天关闭"), default=20)
    hour = models.PositiveSmallIntegerField(_("应报和关闭的钟点"), default=18)
    instructions = models.TextField(_("填报说明"), blank=True)

    class Meta:
        verbose_name = _("填报日程")
        verbose_name_plural = _("填报日程")
        ordering = ["district", "valid_from"]
        constraints = [
            models.CheckConstraint(
                name="roundschedule_dates_ordered",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                violation_error_message=_("填报日程的止期不得早于起期。"),
            ),
            models.CheckConstraint(
                name="roundschedule_days_ordered",
                condition=Q(opens_after__gte=1, opens_after__lte=F("due_after"), due_after__lte=F("closes_after")),
                violation_error_message=_("开始、应报、关闭须依次先后。"),
            ),
            models.CheckConstraint(
                name="roundschedule_hour",
                condition=Q(hour__gte=1, hour__lte=23),
                violation_error_message=_("钟点在1至23之间。"),
            ),
            one_at_a_time("roundschedule_one_at_a_time", "district", message=_("同一区同一天只能有一份填报日程。")),
        ]
        triggers = recorded(topic=INTERNAL)

    def __str__(self) -> str:
        return f"{self.district} {self.valid_from}"


class Round(models.Model):
    """A call for figures of one month. A backfill round (补报) has no due date and is never late.

    Due and closing differ: after the first a form is late, after the second it cannot be changed.
    """

    class Kind(models.TextChoices):
        REGULAR = "regular", _("定期")
        BACKFILL = "backfill", _("补报")

    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))
    code = models.SlugField(_("代码"), max_length=20)
    month = models.DateField(_("报告期"), help_text=_("报告期最后一天"))
    kind = models.CharField(_("类别"), max_length=10, choices=Kind, default=Kind.REGULAR)
    opens_at = models.DateTimeField(_("开始填报"))
    due_at = models.DateTimeField(_("应报时间"), null=True, blank=True)
    closes_at = models.DateTimeField(_("关闭时间"), null=True, blank=True)
    instructions = models.TextField(_("填报说明"), blank=True)

    class Meta:
        verbose_name = _("填报任务")
        verbose_name_plural = _("填报任务")
        ordering = ["-month"]
        constraints = [
            models.UniqueConstraint(fields=["district", "code"], name="round_code_unique"),
            models.CheckConstraint(
                name="round_dates_ordered",
                condition=(
                    (Q(due_at__isnull=True) | Q(due_at__gt=F("opens_at")))
                    & (Q(closes_at__isnull=True) | Q(closes_at__gt=F("opens_at")))
                    & (Q(due_at__isnull=True) | Q(closes_at__isnull=True) | Q(closes_at__gte=F("due_at")))
                ),
                violation_error_message=_("开始、应报、关闭时间须依次先后。"),
            ),
            models.CheckConstraint(
                name="round_month_end",
                condition=Q(month__month_end=True),
                violation_error_message=_("报告期须是月末日期。"),
            ),
            models.CheckConstraint(
                name="round_regular_is_due",
                condition=Q(kind="backfill", due_at__isnull=True) | Q(kind="regular", due_at__isnull=False),
                violation_error_message=_("定期任务须有应报时间，补报任务没有。"),
            ),
        ]
        triggers = recorded(topic=REPORTING, moments=("opens_at", "due_at", "closes_at"))

    def __str__(self) -> str:
        month = date_format(self.month, gettext("Y年n月"))
        if self.kind != self.Kind.BACKFILL:
            return month
        return gettext("%(month)s%(kind)s") % {"month": month, "kind": self.get_kind_display()}

    def get_absolute_url(self) -> str:
        return reverse("indicators:round-detail", args=[self.code])

    def is_open(self, now: dt.datetime) -> bool:
        return self.opens_at <= now and not self.is_closed(now)

    def is_closed(self, now: dt.datetime) -> bool:
        return self.closes_at is not None and self.closes_at <= now

    def is_due(self, now: dt.datetime) -> bool:
        """Whether the due moment has passed."""
        return self.due_at is not None and self.due_at <= now


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def visible_to(self, user: User) -> SubmissionQuerySet:
        """Staff see their department's, reviewers and auditors all, admins the imports they made, leaders none."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.role in (Role.REVIEWER, Role.AUDITOR):
            return self.all()
        if user.role == Role.STAFF:
            return self.filter(department=user.department)
        if user.role == Role.ADMIN:
            return self.filter(import_job__created_by=user)
        return self.none()


class Submission(models.Model):
    """One department's form in a round, or the figures of one import; approved as a whole."""

    class State(models.TextChoices):
        NOT_STARTED = "not_started", _("未开始")
        DRAFT = "draft", _("填报中")
        SIGNING = "signing", _("待签发")
        SUBMITTED = "submitted", _("待审核")
        RETURNED = "returned", _("已退回")
        APPROVED = "approved", _("已通过")
        EXCUSED = "excused", _("免报")

    # What the department still owes; overdue when its round's due moment has passed.
    UNREPORTED = (State.NOT_STARTED, State.DRAFT, State.SIGNING, State.RETURNED)

    round = models.ForeignKey(
        Round, models.PROTECT, null=True, blank=True, related_name="submissions", verbose_name=_("填报任务")
    )
    import_job = models.OneToOneField(
        ImportJob, models.PROTECT, null=True, blank=True, related_name="submission", verbose_name=_("导入任务")
    )
    department = models.ForeignKey(
        Department, models.PROTECT, null=True, blank=True, related_name="submissions", verbose_name=_("填报单位")
    )
    state = models.CharField(_("状态"), max_length=12, choices=State, default=State.NOT_STARTED)
    row_version = models.PositiveIntegerField(_("修改次数"), default=0)
    submitted_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("提交人")
    )
    submitted_at = models.DateTimeField(_("提交时间"), null=True, blank=True)
    reviewed_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("审核人")
    )
    reviewed_at = models.DateTimeField(_("审核时间"), null=True, blank=True)
    created_at = models.DateTimeField(_("建立时间"), db_default=Now(), editable=False)

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        verbose_name = _("报送")
        verbose_name_plural = _("报送")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["round", "department"],
                condition=Q(round__isnull=False),
                name="submission_one_per_round",
                violation_error_message=_("每个单位在一次任务中只有一份报送。"),
            ),
            models.CheckConstraint(
                name="submission_has_one_origin",
                condition=Q(round__isnull=False, import_job__isnull=True, department__isnull=False)
                | Q(round__isnull=True, import_job__isnull=False),
                violation_error_message=_("报送来自一次填报任务或一次导入。"),
            ),
            models.CheckConstraint(
                name="submission_two_persons",
                condition=(
                    Q(submitted_by__isnull=True) | Q(reviewed_by__isnull=True) | ~Q(submitted_by=F("reviewed_by"))
                ),
                violation_error_message=_("提交人与审核人不能是同一人。"),
            ),
            models.CheckConstraint(
                name="submission_submitted_pair",
                condition=Q(submitted_by__isnull=True, submitted_at__isnull=True)
                | Q(submitted_by__isnull=False, submitted_at__isnull=False),
                violation_error_message=_("提交人和提交时间须同时填写。"),
            ),
            models.CheckConstraint(
                name="submission_reviewed_pair",
                condition=Q(reviewed_by__isnull=True, reviewed_at__isnull=True)
                | Q(reviewed_by__isnull=False, reviewed_at__isnull=False),
                violation_error_message=_("审核人和审核时间须同时填写。"),
            ),
            models.CheckConstraint(
                name="submission_state_told",
                condition=(
                    Q(state__in=["not_started", "draft", "signing"])
                    | Q(state="submitted", submitted_by__isnull=False)
                    | Q(state__in=["returned", "approved"], submitted_by__isnull=False, reviewed_by__isnull=False)
                    | Q(state="excused", reviewed_by__isnull=False)
                ),
                violation_error_message=_("已提交须有提交人，已审核须有审核人。"),
            ),
        ]
        indexes = [models.Index(fields=["state", "-submitted_at"], name="submission_queue")]
        triggers = recorded(topic=REPORTING, unseen=("row_version",))

    def __str__(self) -> str:
        return (
            f"{self.round} {self.department}"
            if self.round
            else gettext("导入 %(import_job)s") % {"import_job": self.import_job}
        )

    def get_absolute_url(self) -> str:
        return reverse("indicators:review-detail", args=[self.pk])

    @property
    def is_editable(self) -> bool:
        return self.state in (self.State.NOT_STARTED, self.State.DRAFT, self.State.RETURNED)

    def is_overdue(self, now: dt.datetime) -> bool:
        """Whether it should have been handed in and was not; derived, never stored."""
        return self.round is not None and self.round.is_due(now) and self.state in self.UNREPORTED


class Entry(PeriodColumns):
    """One drafted figure of a submission. What was typed stays as typed until it is understood."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="entries", verbose_name=_("报送"))
    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="entries", verbose_name=_("指标"))

    value = FigureField(_("数值"), null=True, blank=True)
    comparator = models.CharField(_("精确程度"), max_length=2, choices=Comparator, default=Comparator.EQUAL)
    unit = models.CharField(_("单位"), max_length=20, blank=True)
    printed = models.CharField(_("原文写法"), max_length=60, blank=True)
    null_reason = models.CharField(_("无数值的原因"), max_length=20, choices=NullReason, blank=True)
    growth = FigureField(_("同比增长（%）"), null=True, blank=True)
    growth_basis = models.CharField(_("增速口径"), max_length=20, choices=PriceBasis, blank=True)
    text = models.CharField(_("定性表述"), max_length=200, blank=True)
    rank_pool = models.ForeignKey(RankPool, models.PROTECT, null=True, blank=True, verbose_name=_("位次范围"))
    rank_place = models.PositiveSmallIntegerField(_("位次"), null=True, blank=True)
    rank_by = models.CharField(_("排序依据"), max_length=10, choices=RankBy, blank=True)
    status = models.CharField(_("数据状态"), max_length=12, choices=VintageStatus, default=VintageStatus.FLASH)
    source = models.ForeignKey(Source, models.PROTECT, null=True, blank=True, verbose_name=_("来源"))
    locator = models.CharField(_("出处"), max_length=80, blank=True)
    note = models.TextField(_("说明"), blank=True)
    reason = models.CharField(_("修订理由"), max_length=300, blank=True)
    # Field by field, what was typed and is no figure; it stays as typed until it is mended.
    unread = models.JSONField(_("看不懂的内容"), default=dict, blank=True)
    edited_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("填报人"))
    edited_at = models.DateTimeField(_("填报时间"))

    class Meta:
        verbose_name = _("填报记录")
        verbose_name_plural = _("填报记录")
        ordering = ["submission", "indicator__order", "indicator__code"]
        constraints = [
            models.UniqueConstraint(
                fields=["submission", "district", "indicator", "period_kind", "period_end", "period_start"],
                name="entry_unique",
                nulls_distinct=False,
                violation_error_message=_("同一报送中每个指标每个时期只填一次。"),
            ),
            models.CheckConstraint(
                name="entry_rank_complete",
                condition=Q(rank_place__isnull=True) | Q(rank_place__gte=1, rank_pool__isnull=False) & ~Q(rank_by=""),
                violation_error_message=_("填写位次时须注明范围和排序依据。"),
            ),
            *period_constraints("entry"),
        ]
        triggers = recorded(topic=INTERNAL)

    def __str__(self) -> str:
        return f"{self.submission} {self.indicator}"

    @property
    def is_blank(self) -> bool:
        """Whether nothing was said that could become a figure."""
        return self.value is None and self.growth is None and self.rank_place is None and not self.text


class Transition(models.Model):
    """One step of a submission from state to state; the reason of a return stands here."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="transitions", verbose_name=_("报送"))
    from_state = models.CharField(_("原状态"), max_length=12, choices=Submission.State)
    to_state = models.CharField(_("新状态"), max_length=12, choices=Submission.State)
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("操作人"))
    at = models.DateTimeField(_("时间"), db_default=Now(), editable=False)
    reason = models.CharField(_("理由"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("流转")
        verbose_name_plural = _("流转")
        ordering = ["submission", "id"]
        constraints = [
            models.CheckConstraint(
                name="transition_return_has_reason",
                # Back to the department, excused, or no longer excused: each asks why.
                condition=~(Q(to_state__in=["returned", "excused"]) | Q(from_state__in=["approved", "excused"]))
                | ~Q(reason=""),
                violation_error_message=_("退回、重开、免报和撤销免报必须写明理由。"),
            ),
        ]
        triggers = recorded_append_only(topic=REPORTING)

    def __str__(self) -> str:
        return f"{self.get_from_state_display()} → {self.get_to_state_display()}"


class ReturnedCell(models.Model):
    """A single cell that a return speaks about; a return without any speaks about the whole form."""

    class Field(models.TextChoices):
        LINE = "line", _("整行")
        VALUE = "value", _("数值")
        GROWTH = "growth", _("同比增长")
        RANK = "rank_place", _("位次")
        NOTE = "note", _("说明")

    transition = models.ForeignKey(Transition, models.PROTECT, related_name="cells", verbose_name=_("流转"))
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="returns", verbose_name=_("填报记录"))
    field = models.CharField(_("单元格"), max_length=12, choices=Field, default=Field.LINE)
    reason = models.CharField(_("理由"), max_length=300)

    class Meta:
        verbose_name = _("退回的单元格")
        verbose_name_plural = _("退回的单元格")
        ordering = ["transition", "id"]
        constraints = [
            models.UniqueConstraint(fields=["transition", "entry", "field"], name="returnedcell_unique"),
            models.CheckConstraint(
                name="returnedcell_has_reason",
                condition=~Q(reason=""),
                violation_error_message=_("退回必须写明理由。"),
            ),
        ]
        triggers = recorded_append_only(topic=INTERNAL)

    def __str__(self) -> str:
        return f"{self.entry.indicator} {self.get_field_display()}"


class Chase(models.Model):
    """A reminder that a person sent to a late department (催报)."""

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="chases", verbose_name=_("报送"))
    by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("催报人"))
    at = models.DateTimeField(_("时间"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("催报")
        verbose_name_plural = _("催报")
        ordering = ["submission", "id"]
        triggers = recorded_append_only(topic=INTERNAL)

    def __str__(self) -> str:
        return f"{self.submission} {self.by}"


class LockExceptionQuerySet(models.QuerySet["LockException"]):
    def in_force(self, now: dt.datetime) -> LockExceptionQuerySet:
        """Exceptions that neither expired nor were ended; nothing needs to relock."""
        return self.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=now), granted_at__lte=now, expires_at__gt=now)


class LockException(models.Model):
    """Opens one lock of a round for a while: the closing date, or a figure's publication."""

    class Lock(models.TextChoices):
        CLOSED = "closed", _("已关闭")
        PUBLISHED = "published", _("已发布")

    class State(models.TextChoices):
        OPEN = "open", _("有效")
        EXPIRED = "expired", _("已到期")
        ENDED = "ended", _("已锁回")

    lock = models.CharField(_("开放哪种锁定"), max_length=10, choices=Lock)
    round = models.ForeignKey(Round, models.PROTECT, related_name="exceptions", verbose_name=_("填报任务"))
    department = models.ForeignKey(Department, models.PROTECT, related_name="+", verbose_name=_("填报单位"))
    indicator = models.ForeignKey(
        Indicator,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("指标"),
        help_text=_("不选为该单位的全部指标。"),
    )
    reason = models.CharField(_("理由"), max_length=300)
    granted_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("批准人"))
    granted_at = models.DateTimeField(_("批准时间"))
    expires_at = models.DateTimeField(_("到期自动锁回"))
    ended_at = models.DateTimeField(_("提前锁回"), null=True, blank=True)

    objects = LockExceptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("临时开放")
        verbose_name_plural = _("临时开放")
        ordering = ["-granted_at"]
        constraints = [
            models.CheckConstraint(
                name="lockexception_expires_later",
                condition=Q(expires_at__gt=F("granted_at")),
                violation_error_message=_("到期时间须晚于批准时间。"),
            ),
            models.CheckConstraint(
                name="lockexception_has_reason",
                condition=~Q(reason=""),
                violation_error_message=_("临时开放必须写明理由。"),
            ),
        ]
        indexes = [models.Index(fields=["round", "department"], name="lockexception_scope")]
        triggers = recorded(topic=INTERNAL)

    def __str__(self) -> str:
        return f"{self.round} {self.department}{f' {self.indicator}' if self.indicator else ''}"

    def state(self, now: dt.datetime) -> State:
        """Derived, never stored: it locks again by itself."""
        if self.ended_at is not None and self.ended_at <= now:
            return self.State.ENDED
        return self.State.OPEN if now < self.expires_at else self.State.EXPIRED


class EvidenceQuerySet(models.QuerySet["Evidence"]):
    def visible_to(self, user: User) -> EvidenceQuerySet:
        """Evidence may be seen by whoever may see its submission."""
        return self.filter(entry__submission__in=Submission.objects.visible_to(user))


class Evidence(models.Model):
    """A file that proves an entry; stored outside the web root under its hash."""

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="evidence", verbose_name=_("填报记录"))
    name = models.CharField(_("文件名"), max_length=160)
    content_type = models.CharField(_("类型"), max_length=100)
    size = models.PositiveIntegerField(_("大小"))
    sha256 = models.CharField(_("指纹"), max_length=64)
    added_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("上传人"))
    added_at = models.DateTimeField(_("上传时间"), db_default=Now(), editable=False)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("佐证材料")
        verbose_name_plural = _("佐证材料")
        ordering = ["entry", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "sha256"],
                name="evidence_once",
                violation_error_message=_("这份文件已经上传过。"),
            ),
        ]
        triggers = recorded(topic=REPORTING)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("indicators:evidence-detail", args=[self.pk])
