"""The import of strategy plans and their nodes."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from indicators.imports.definitions.shared import (
    Sourced,
    node_codes,
    plan_codes,
    plan_field,
    source_codes,
    source_field,
    told,
)
from indicators.loading import (
    load_nodes,
    load_plans,
)
from indicators.models import (
    StrategyNode,
    StrategyPlan,
)
from lvyuan.accounts.imports import CODE
from lvyuan.accounts.loading import Folder
from lvyuan.accounts.models import User
from lvyuan.imports.records import (
    Codes,
    Entry,
    RecordKind,
    of,
    own_reference,
)


class Plans(Sourced):
    code, label = "plans", _("战略")
    about = _("战略的名称、期限和出处。")
    model, file, section = StrategyPlan, "strategy.json", "plans"
    key, lookups = ("code",), {"code": "code"}
    fields = (
        of(StrategyPlan, "code", _("战略代码"), example="three-three-five", comment=CODE),
        of(StrategyPlan, "name", _("战略名称"), required=True, example="“三三五”发展战略"),
        of(StrategyPlan, "name_en"),
        of(StrategyPlan, "valid_from", _("起始日期"), required=True, example="2023-08-04"),
        of(StrategyPlan, "valid_to", _("终止日期")),
        of(StrategyPlan, "upper_level"),
        source_field(),
        of(StrategyPlan, "locator"),
        of(StrategyPlan, "note"),
    )

    def codes(self) -> dict[str, Codes]:
        return {"sources": source_codes()}

    def found(self, keys: Any) -> Any:
        return super().found(keys).select_related("source")

    def entry_of(self, found: StrategyPlan) -> Entry:
        return told(found, *(one.name for one in self.fields))

    def load(self, folder: Folder, by: User) -> None:
        load_plans(folder)


class Strategy(RecordKind):
    code, label = "strategy", _("战略节点")
    about = _("战略的各级节点，以及节点下的指标。")
    model, file, section = StrategyNode, "strategy.json", "nodes"
    key, lookups, parent = ("plan", "code"), {"plan": "plan__code", "code": "code"}, "parent"
    fields = (
        plan_field(),
        of(StrategyNode, "code", _("节点代码"), example="S1.1"),
        of(
            StrategyNode,
            "parent",
            _("上级节点"),
            _("上级代码"),
            read=own_reference("nodes", "plan"),
            codes="nodes",
            within="plan",
            empty=None,
            example="S1",
            comment=_("上级节点的代码或名称，可在同一份文件里"),
        ),
        of(StrategyNode, "name", _("节点名称"), required=True, example="工业立区"),
        of(StrategyNode, "name_en"),
        of(StrategyNode, "order", _("排序"), _("序号")),
        of(StrategyNode, "keywords", comment=_("几个之间用顿号")),
        of(StrategyNode, "locator"),
        of(StrategyNode, "note"),
    )

    def codes(self) -> dict[str, Codes]:
        return {"plans": plan_codes(), "nodes": node_codes()}

    def found(self, keys: Any) -> Any:
        return super().found(keys).select_related("plan", "parent")

    def entry_of(self, found: StrategyNode) -> Entry:
        return told(found, *(one.name for one in self.fields))

    def load(self, folder: Folder, by: User) -> None:
        load_nodes(folder)
