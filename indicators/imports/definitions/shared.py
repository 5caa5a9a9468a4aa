"""What the kinds of definitions share: sources, plans, nodes, units, and how stored objects read as entries."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from indicators.models import (
    Indicator,
    Source,
    StrategyNode,
    StrategyPlan,
)
from lvyuan.accounts.models import User
from lvyuan.imports.models import ImportJob
from lvyuan.imports.records import (
    Codes,
    Context,
    Entry,
    Fault,
    Field,
    RecordKind,
    RecordLayout,
    codes_of,
    reference,
    references,
)
from lvyuan.imports.registry import Layout, Progress
from lvyuan.numbers import NumberError, get_unit, plain
from lvyuan.ui.words import refusal


def source_codes() -> Codes:
    return codes_of(Source._meta.verbose_name, Source.objects.all(), "title")


def plan_codes() -> Codes:
    return codes_of(StrategyPlan._meta.verbose_name, StrategyPlan.objects.all(), "name")


def node_codes() -> Codes:
    """Nodes by code and name, each in its plan; two queries."""
    scopes = dict(StrategyPlan.objects.values_list("code", "name"))
    found = StrategyNode.objects.order_by("pk")
    return codes_of(StrategyNode._meta.verbose_name, found, "name", scope="plan__code", scopes=scopes)


def indicator_codes() -> Codes:
    return codes_of(Indicator._meta.verbose_name, Indicator.objects.all(), "name", "aliases")


THIS_FILE = "file"  # the answer that says that a file is its own source


def source_field(**more: Any) -> Field:
    """Where it is said; asked for where the file has no such column."""
    return Field(
        name="source",
        names=(_("来源"), _("来源代码")),
        read=reference("sources"),
        codes="sources",
        asked=True,
        comment=_("来源的代码或标题；没有的先在“定义 → 来源”里增加"),
        more_options=((THIS_FILE, _("这份文件本身")),),
        **({"required": True} | more),
    )


class Sourced(RecordKind):
    """A kind whose records have a source, which may be the file itself."""

    def stage(self, job: ImportJob, book: Any, layout: Layout, user: User, progress: Progress) -> None:
        assert isinstance(layout, RecordLayout)
        for mapped in layout.tables:
            if mapped.fixed.get("source") == THIS_FILE:
                mapped.fixed["source"] = _own_source(job)
        super().stage(job, book, layout, user, progress)

    def prepare(self, job: ImportJob, entries: Sequence[Entry]) -> None:
        code = _own_source(job)
        if any(entry.get("source") == code for entry in entries):
            named = {"kind": Source.Kind.FILE, "title": job.file_name, "file_name": job.file_name[:120]}
            Source.objects.get_or_create(code=code, defaults=named)


def _own_source(job: ImportJob) -> str:
    return Source.of_import(job).code


def plan_field() -> Field:
    return Field(
        name="plan",
        names=(_("战略"), _("战略代码"), _("所属战略")),
        read=reference("plans"),
        codes="plans",
        asked=True,
        empty=None,
        example="three-three-five",
    )


def node_field(name: str = "node") -> Field:
    is_one = name == "node"
    return Field(
        name=name,
        names=(_("战略节点"), _("节点")),
        read=reference("nodes", "plan") if is_one else references("nodes", "plan"),
        codes="nodes",
        within="plan",
        empty=None if is_one else [],
        example="S1.1",
        comment=_("节点代码或名称") if is_one else _("节点代码或名称，几个之间用顿号"),
    )


def unit(cell: str, context: Context) -> str:
    """A unit of measurement that the product knows."""
    try:
        return get_unit(cell).name
    except NumberError as error:
        raise Fault(gettext("“%(text)s”不是认得的计量单位") % {"text": cell}, refusal(error).rstrip("。")) from error


def told(found: models.Model, *names: str) -> Entry:
    """Columns of a stored object as a fixture writes them; what a name refers to as its code."""
    entry: Entry = {}
    for name in names:
        value = getattr(found, name)
        if isinstance(value, models.Model):
            value = getattr(value, "code")  # noqa: B009 - every definition has one
        elif isinstance(value, dt.date):
            value = value.isoformat()
        elif not isinstance(value, (bool, str, list, type(None))):
            value = plain(value) if hasattr(value, "as_tuple") else str(value)
        entry[name] = value
    return entry
