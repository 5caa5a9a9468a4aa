"""Takes an import of definitions back where nothing newer touched its records."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Count
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from lvyuan.accounts.models import User
from lvyuan.audit.models import Event
from lvyuan.imports.models import ImportJob, RowStatus, StagedRecord
from lvyuan.imports.registry import ImportRefused

if TYPE_CHECKING:
    from lvyuan.imports.records.kind import RecordKind

MAX_TOLD = 20


class Undoing:
    """One job's records, what stands in the way of taking them back, and the deed."""

    def __init__(self, kind: RecordKind, job: ImportJob) -> None:
        self.kind, self.job = kind, job
        done = kind.staged(job).filter(status__in=[RowStatus.NEW, RowStatus.CHANGED]).order_by("seq")
        self.rows: list[StagedRecord] = list(done)
        keys = {kind.key_of(row.data) for row in self.rows}
        self.found = {key: one for one in kind.found(keys) if (key := kind.key_of(kind.entry_of(one))) in keys}

    @cached_property
    def confirmed(self) -> Event | None:
        """The event of the confirmation, which comes after all that the job wrote."""
        state = ImportJob.State.CONFIRMED.value
        events = Event.objects.about(self.job).filter(after__state=state).exclude(before__state=state)
        return events.first()

    def obstacles(self, by: User) -> list[str]:
        """Each with what to do; empty when the job can be undone."""
        if self.confirmed is None or not self.rows:
            return [gettext("这次导入没有留下可以撤销的记录。请直接在系统中改正。")]
        told = []
        newer = self._newer()
        for row in self.rows:
            found = self._of(row)
            if found is None:
                told.append(gettext("“%(key)s”已经不在系统里，不能撤销它。") % {"key": row.key})
            elif event := newer.get((type(found)._meta.label_lower, str(found.pk))):
                told.append(self._changed_since(row, event))
            elif self.kind.entry_of(found) != row.data:
                told.append(
                    gettext("“%(key)s”导入以后又有改动。请直接在系统中改正，或先恢复成导入时的内容。")
                    % {"key": row.key}
                )
            else:
                told += self.kind.undo_objections(found, row, by)
        told += self._referring()
        left = len(told) - MAX_TOLD
        return told if left <= 0 else [*told[:MAX_TOLD], gettext("另有 %(left)s 处类似情况。") % {"left": left}]

    def undo(self, by: User, reason: str) -> None:
        """Removes what was new and puts the rest back. Raises ImportRefused; then the caller rolls back."""
        gone: defaultdict[type[models.Model], list[models.Model]] = defaultdict(list)
        for row in reversed(self.rows):
            for one in self._gone(row):
                gone[type(one)].append(one)
        for model, ones in gone.items():
            if self.kind.parent:  # children first, one after the other
                for one in ones:
                    one.delete()
            else:
                model._base_manager.filter(pk__in=[one.pk for one in ones]).delete()
        changed = [row.before for row in self.rows if row.status == RowStatus.CHANGED]
        refused = self.kind.restore(changed, by, reason, self.job) if changed else []
        if refused:
            raise ImportRefused(
                gettext("没有撤销：%(refused)s。请直接在系统中改正。") % {"refused": refused[0].rstrip("。")}
            )

    def _of(self, row: StagedRecord) -> Any:
        return self.found.get(self.kind.key_of(row.data))

    def _gone(self, row: StagedRecord) -> list[models.Model]:
        """What is removed of a row's record, parts before the whole."""
        found = self._of(row)
        if found is None:
            return []
        return self.kind.whole(found) if row.status == RowStatus.NEW else self.kind.surplus(found, row.before)

    def _newer(self) -> dict[tuple[str, str], Event]:
        """The latest event after the confirmation about each object of its records."""
        assert self.confirmed is not None
        about: defaultdict[str, list[str]] = defaultdict(list)
        for one in self.found.values():
            about[type(one)._meta.label_lower].append(str(one.pk))
        newest: dict[tuple[str, str], Event] = {}
        for label, pks in about.items():
            events = Event.objects.filter(model=label, object_pk__in=pks, id__gt=self.confirmed.pk)
            for event in events.order_by("id"):
                if any(column not in self.kind.unseen for column, _old, _new in event.changes):
                    newest[label, event.object_pk] = event
        return newest

    def _changed_since(self, row: StagedRecord, event: Event) -> str:
        moment = date_format(timezone.localtime(event.at), "Y-m-d H:i")
        who = event.actor or event.origin or event.db_user
        return gettext("“%(key)s”在导入以后由%(who)s于 %(at)s 改过。请直接在系统中改正。") % {
            "key": row.key,
            "who": who,
            "at": moment,
        }

    def _referring(self) -> list[str]:
        """What refers to that which would be removed."""
        gone: defaultdict[type[models.Model], dict[Any, str]] = defaultdict(dict)
        for row in self.rows:
            for one in self._gone(row):
                gone[type(one)][one.pk] = row.key
        told = []
        for model, keys in gone.items():
            for relation in model._meta.get_fields(include_hidden=True):
                if not isinstance(relation, models.ForeignObjectRel) or relation.on_delete is not models.PROTECT:
                    continue
                related: Any = relation.related_model
                column = relation.field.attname
                users = related._base_manager.filter(**{f"{column}__in": list(keys)})
                users = users.exclude(pk__in=list(gone.get(related, {})))
                for pk, count in users.order_by().values_list(column).annotate(Count("pk")):
                    told.append(
                        gettext("“%(key)s”已有 %(count)s 条%(what)s用到，不能移除。请先处理它们，或保留这一条。")
                        % {"key": keys[pk], "count": count, "what": related._meta.verbose_name}
                    )
        return list(dict.fromkeys(told))
