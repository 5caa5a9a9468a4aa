"""The history: one append-only table that database triggers fill."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from lvyuan.audit.triggers import StepVersion, append_only


class EventQuerySet(models.QuerySet["Event"]):
    def about(self, instance: models.Model) -> EventQuerySet:
        """The events of one object, newest first."""
        return self.filter(model=instance._meta.label_lower, object_pk=str(instance.pk)).order_by("-id")


class Event(models.Model):
    """One row changed once: what, before and after, who, why, and in which request."""

    class Operation(models.TextChoices):
        INSERT = "insert", _("新增")
        UPDATE = "update", _("修改")
        DELETE = "delete", _("删除")

    at = models.DateTimeField(_("时间"))
    transaction_id = models.BigIntegerField(_("事务"))
    operation = models.CharField(_("操作"), max_length=10, choices=Operation)
    model = models.CharField(_("对象类别"), max_length=80)
    object_pk = models.CharField(_("对象编号"), max_length=80)
    before = models.JSONField(_("改前"), null=True)
    after = models.JSONField(_("改后"), null=True)
    actor_id = models.BigIntegerField(_("操作人编号"), null=True)
    actor = models.CharField(_("操作人"), max_length=160)
    reason = models.TextField(_("理由"))
    request_id = models.CharField(_("请求号"), max_length=40)
    origin = models.CharField(_("来源"), max_length=300)
    db_user = models.CharField(_("数据库用户"), max_length=80)
    application_name = models.CharField(_("连接程序"), max_length=80)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("历史事件")
        verbose_name_plural = _("历史")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["model", "object_pk", "-id"], name="event_object"),
            models.Index(fields=["actor_id", "-id"], name="event_actor"),
            models.Index(fields=["request_id"], name="event_request"),
        ]
        triggers = [*append_only(), StepVersion(name="record_version")]

    def __str__(self) -> str:
        return f"{self.model} {self.object_pk} {self.get_operation_display()}"

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        """(column, before, after) for every column that differs."""
        before, after = self.before or {}, self.after or {}
        return [
            (column, before.get(column), after.get(column))
            for column in {**before, **after}
            if before.get(column) != after.get(column)
        ]


class DataVersion(models.Model):
    """A model's data version is the sum of its rows' steps: it grows with every commit that changed the model.

    Rows are only added, and now and then several are replaced by one with their sum, so no writer waits for another.
    A step is of random length: a database restored from a backup does not come to a version that it had before.
    """

    model = models.CharField(_("对象类别"), max_length=80)
    steps = models.BigIntegerField(_("步数"))

    class Meta:
        verbose_name = _("数据版本号")
        verbose_name_plural = _("数据版本号")

    def __str__(self) -> str:
        return f"{self.model} {self.steps}"
