"""An import is a job: the file as it came, what it would change, and what was done."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from lvyuan.accounts.models import Role, User
from lvyuan.audit.triggers import INTERNAL, recorded


class ImportJobQuerySet(models.QuerySet["ImportJob"]):
    def visible_to(self, user: User) -> ImportJobQuerySet:
        """Admins and auditors see all jobs but forms that came back, which are their departments'; nobody else any."""
        may_see = user.is_authenticated and user.has_role(Role.ADMIN, Role.AUDITOR)
        return self.exclude(kind="form") if may_see else self.none()


class ImportJob(models.Model):
    class State(models.TextChoices):
        READING = "reading", _("读取中")
        ASKING = "asking", _("待答复")
        PREVIEWED = "previewed", _("待确认")
        CONFIRMING = "confirming", _("导入中")
        CONFIRMED = "confirmed", _("已确认")
        CANCELLED = "cancelled", _("已放弃")
        UNDONE = "undone", _("已撤销")

    kind = models.CharField(_("内容"), max_length=20)
    file_name = models.CharField(_("文件名"), max_length=160)
    sha256 = models.CharField(_("指纹"), max_length=64)
    size = models.PositiveIntegerField(_("大小"))
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.READING)
    answers = models.JSONField(_("答复"), default=dict, blank=True)
    # What the pages show of the file: counts by status, columns and their use, questions, a fingerprint of it all.
    preview = models.JSONField(_("预览"), default=dict, blank=True)
    refusal = models.TextField(_("读不了的原因"), blank=True)
    progress = models.PositiveIntegerField(_("已处理行数"), default=0)
    total = models.PositiveIntegerField(_("总行数"), default=0)
    valid_only = models.BooleanField(_("只导入无误的行"), default=False)
    reason = models.CharField(_("理由"), max_length=300, blank=True)
    # Nobody: the operator of the server, by manage.py import_file.
    created_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="import_jobs", verbose_name=_("上传人")
    )
    created_at = models.DateTimeField(_("上传时间"), db_default=Now(), editable=False)
    confirmed_at = models.DateTimeField(_("确认时间"), null=True, blank=True)
    undone_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("撤销人")
    )
    undone_at = models.DateTimeField(_("撤销时间"), null=True, blank=True)
    undo_reason = models.CharField(_("撤销理由"), max_length=300, blank=True)

    objects = ImportJobQuerySet.as_manager()

    class Meta:
        verbose_name = _("导入任务")
        verbose_name_plural = _("导入任务")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="importjob_confirmed_pair",
                condition=Q(state__in=["confirmed", "undone"], confirmed_at__isnull=False)
                | (~Q(state__in=["confirmed", "undone"]) & Q(confirmed_at__isnull=True)),
                violation_error_message=_("确认状态与确认时间须一致。"),
            ),
            models.CheckConstraint(
                name="importjob_undone_whole",
                condition=Q(state="undone", undone_at__isnull=False, undone_by__isnull=False) & ~Q(undo_reason="")
                | ~Q(state="undone") & Q(undone_at__isnull=True, undone_by__isnull=True, undo_reason=""),
                violation_error_message=_("撤销须有撤销人、时间和理由。"),
            ),
            models.CheckConstraint(
                name="importjob_partial_has_reason",
                condition=Q(valid_only=False) | ~Q(reason=""),
                violation_error_message=_("只导入无误的行须写明理由。"),
            ),
        ]
        triggers = recorded(exclude=("preview", "progress", "total"), topic=INTERNAL)

    def __str__(self) -> str:
        return self.file_name

    def get_absolute_url(self) -> str:
        return reverse("imports:job-detail", args=[self.pk])


class RowStatus(models.TextChoices):
    NEW = "new", _("新增")
    CHANGED = "changed", _("更新")
    SAME = "same", _("未变")
    REFUSED = "refused", _("有误")


class StagedRow(models.Model):
    """One row of a file as it would be written. Staged rows come and go with their job; they have no history.

    A million of them are copied in at once, so their links are plain numbers to the database: what is written in the
    end is checked there.
    """

    job = models.ForeignKey(
        ImportJob, models.CASCADE, related_name="+", db_constraint=False, db_index=False, verbose_name=_("导入任务")
    )
    seq = models.PositiveIntegerField(_("顺序"))
    sheet = models.CharField(_("工作表"), max_length=80, blank=True)
    line = models.PositiveIntegerField(_("行"))
    column = models.CharField(_("列"), max_length=10, blank=True)
    key = models.CharField(_("键"), max_length=160, blank=True)
    status = models.CharField(_("结果"), max_length=8, choices=RowStatus)

    class Meta:
        abstract = True
        ordering = ["job", "seq"]
        indexes = [models.Index(fields=["job", "status", "seq"], name="%(class)s_page")]

    def __str__(self) -> str:
        return self.key


class StagedRecord(StagedRow):
    """A staged definition: what the row says by field name, and what stands in the database by the same names."""

    data = models.JSONField(_("内容"), default=dict)
    before = models.JSONField(_("现行内容"), default=dict)

    class Meta(StagedRow.Meta):
        verbose_name = _("待导入的定义")
        verbose_name_plural = _("待导入的定义")


class ImportProblem(models.Model):
    """Something wrong in a job's file; as lvyuan.imports.registry.Problem."""

    job = models.ForeignKey(ImportJob, models.CASCADE, related_name="problems", verbose_name=_("导入任务"))
    sheet = models.CharField(_("工作表"), max_length=80, blank=True)
    line = models.PositiveIntegerField(_("行"), default=0)
    column = models.CharField(_("列"), max_length=80, blank=True)
    severity = models.CharField(_("级别"), max_length=12)
    group = models.CharField(_("类别"), max_length=120)
    message = models.CharField(_("问题"), max_length=400)
    remedy = models.CharField(_("办法"), max_length=300)

    class Meta:
        verbose_name = _("导入问题")
        verbose_name_plural = _("导入问题")
        ordering = ["job", "sheet", "line", "id"]
        indexes = [models.Index(fields=["job", "group"], name="importproblem_groups")]

    def __str__(self) -> str:
        return self.message


class SavedMapping(models.Model):
    """What a sender answered for files of one shape; offered again for the next file of that shape."""

    sender = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("上传人"))
    kind = models.CharField(_("内容"), max_length=20)
    fingerprint = models.CharField(_("表式指纹"), max_length=64)
    file_name = models.CharField(_("最近的文件"), max_length=160)
    answers = models.JSONField(_("答复"), default=dict)
    used_at = models.DateTimeField(_("最近使用"))

    class Meta:
        verbose_name = _("表式对应关系")
        verbose_name_plural = _("表式对应关系")
        ordering = ["-used_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["sender", "kind", "fingerprint"],
                name="savedmapping_unique",
                violation_error_message=_("同一上传人的同一表式只有一份对应关系。"),
            ),
        ]
        triggers = recorded(topic=INTERNAL)

    def __str__(self) -> str:
        return self.file_name
