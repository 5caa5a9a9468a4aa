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
        """Admins and auditors see all jobs; nobody else any."""
        return self.all() if user.is_authenticated and user.has_role(Role.ADMIN, Role.AUDITOR) else self.none()


class ImportJob(models.Model):
    class State(models.TextChoices):
        PREVIEWED = "previewed", _("待确认")
        CONFIRMED = "confirmed", _("已送审")
        CANCELLED = "cancelled", _("已放弃")

    kind = models.CharField(_("内容"), max_length=20)
    file_name = models.CharField(_("文件名"), max_length=160)
    sha256 = models.CharField(_("指纹"), max_length=64)
    size = models.PositiveIntegerField(_("大小"))
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.PREVIEWED)
    preview = models.JSONField(_("预览"), default=dict)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="import_jobs", verbose_name=_("上传人"))
    created_at = models.DateTimeField(_("上传时间"), db_default=Now(), editable=False)
    confirmed_at = models.DateTimeField(_("确认时间"), null=True, blank=True)

    objects = ImportJobQuerySet.as_manager()

    class Meta:
        verbose_name = _("导入任务")
        verbose_name_plural = _("导入任务")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                name="importjob_confirmed_pair",
                condition=Q(state="confirmed", confirmed_at__isnull=False)
                | (~Q(state="confirmed") & Q(confirmed_at__isnull=True)),
                violation_error_message=_("确认状态与确认时间须一致。"),
            ),
        ]
        triggers = recorded(exclude=("preview",), topic=INTERNAL)

    def __str__(self) -> str:
        return self.file_name

    def get_absolute_url(self) -> str:
        return reverse("imports:job-detail", args=[self.pk])
