"""The import of places, project lists, their numbered members, and projects by code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from indicators.imports.definitions import (
    Sourced,
    indicator_codes,
    node_codes,
    node_field,
    plan_codes,
    plan_field,
    source_codes,
    source_field,
    told,
)
from lvyuan.accounts.imports import CODE, department_codes, district_codes, district_field, home_district
from lvyuan.accounts.loading import Folder
from lvyuan.accounts.models import User
from lvyuan.audit.models import Event
from lvyuan.imports.records import Codes, Entry, Field, RecordKind, codes_of, nested, of, reference, whole
from projects.loading import load_lists, load_members, load_places, load_projects
from projects.models import KeyProject, ListMembership, Place, ProjectList, StageEvent

DISTRICT_KEY = {"district": "district__code", "code": "code"}


def list_codes() -> Codes:
    found = ProjectList.objects.order_by("pk")
    return codes_of(ProjectList._meta.verbose_name, found, "name", scope="district__code")


def place_codes() -> Codes:
    found = Place.objects.order_by("pk")
    return codes_of(Place._meta.verbose_name, found, "name", "aliases", scope="district__code")


def _department() -> Field:
    return of(
        KeyProject,
        "department",
        _("责任单位"),
        _("责任部门"),
        _("牵头单位"),
        read=reference("departments", "district"),
        codes="departments",
        within="district",
        empty=None,
        example="工信局",
    )


class Places(Sourced):
    code, label = "places", _("地点与企业")
    about = _("园区、企业、道路等地点和出处。")
    model, file, section = Place, "places.json", "places"
    key, lookups = ("district", "code"), DISTRICT_KEY
    fields = (
        district_field(),
        of(Place, "code", _("地点代码"), example="lvyuan-edz", comment=CODE),
        of(Place, "kind", _("地点类别"), required=True, example="园区"),
        of(Place, "name", _("地点名称"), required=True, example="绿园经开区"),
        of(Place, "name_en"),
        of(Place, "aliases", comment=_("几个之间用顿号")),
        plan_field(),
        node_field(),
        of(Place, "status_wording"),
        source_field(),
        of(Place, "locator"),
        of(Place, "note"),
    )

    def codes(self) -> dict[str, Codes]:
        own = {"districts": district_codes(), "plans": plan_codes(), "nodes": node_codes()}
        return own | {"sources": source_codes()}

    def suggested(self) -> dict[str, str]:
        return home_district()

    def found(self, keys: Any) -> Any:
        return super().found(keys).select_related("district", "node__plan", "source")

    def entry_of(self, found: Place) -> Entry:
        own = [one.name for one in self.fields if one.name != "plan"]
        return told(found, *own) | {"plan": found.node and found.node.plan.code}

    def load(self, folder: Folder, by: User) -> None:
        load_places(folder)


class Lists(Sourced):
    code, label = "project_lists", _("项目清单")
    about = _("某年的项目清单和公布的合计数。")
    model, file, section = ProjectList, "projects.json", "lists"
    key, lookups = ("district", "code"), DISTRICT_KEY
    _figures = {"read": reference("indicators"), "codes": "indicators", "empty": None}
    fields = (
        district_field(),
        of(ProjectList, "code", _("清单代码"), example="key-2026", comment=CODE),
        of(ProjectList, "name", _("清单名称"), required=True, example="2026年重点项目"),
        of(ProjectList, "year", required=True, example="2026"),
        of(ProjectList, "authority"),
        of(ProjectList, "reported_on"),
        of(ProjectList, "total_indicator", **_figures),
        of(ProjectList, "started_indicator", **_figures),
        of(ProjectList, "rate_indicator", **_figures),
        source_field(),
        of(ProjectList, "locator"),
        of(ProjectList, "note"),
    )

    def codes(self) -> dict[str, Codes]:
        return {"districts": district_codes(), "sources": source_codes(), "indicators": indicator_codes()}

    def suggested(self) -> dict[str, str]:
        return home_district()

    def found(self, keys: Any) -> Any:
        figures = ("total_indicator", "started_indicator", "rate_indicator")
        return super().found(keys).select_related("district", "source", *figures)

    def entry_of(self, found: ProjectList) -> Entry:
        return told(found, *(one.name for one in self.fields)) | {"known_from": found.known_from.isoformat()}

    def complete(self, said: Entry, before: Entry) -> Entry:
        """A new list is known from now on."""
        return {"known_from": timezone.now().isoformat(), **before, **said}

    def load(self, folder: Folder, by: User) -> None:
        load_lists(folder)


class Members(RecordKind):
    """The numbered projects of a list. A placeholder that gets a name is one no more."""

    code, label = "projects", _("重点项目（清单）")
    about = _("某张清单里的项目：编号、名称、类别和责任单位。")
    model, file, section = ListMembership, "projects.json", "members"
    key = ("district", "list", "number")
    lookups = {"district": "list__district__code", "list": "list__code", "number": "number"}
    fields = (
        district_field(),
        of(
            ListMembership,
            "list",
            _("清单"),
            _("清单代码"),
            read=reference("lists", "district"),
            codes="lists",
            within="district",
            asked=True,
            example="key-2023",
        ),
        of(ListMembership, "number", _("编号"), read=whole, example="1", comment=_("清单内的序号")),
        of(KeyProject, "name", _("项目名称"), _("项目"), required=True, example="某某产业园"),
        of(KeyProject, "code", _("项目代码"), comment=_("可空：新项目按清单代码和序号编")),
        of(KeyProject, "name_en"),
        of(KeyProject, "aliases", comment=_("几个之间用顿号")),
        of(KeyProject, "kind", _("项目类别"), example="在建项目"),
        _department(),
        plan_field(),
        node_field("nodes"),
        of(KeyProject, "note", _("备注")),
        of(ListMembership, "valid_from", _("列入日期")),
        of(ListMembership, "valid_to", _("移出日期")),
    )

    def codes(self) -> dict[str, Codes]:
        own = {"districts": district_codes(), "departments": department_codes(), "lists": list_codes()}
        return own | {"plans": plan_codes(), "nodes": node_codes()}

    def suggested(self) -> dict[str, str]:
        return home_district()

    def found(self, keys: Any) -> Any:
        """Those that are on a list last, so that they count for their numbers."""
        found = super().found(keys).select_related("list__district", "project__department")
        related = ("project__projectnode_set__node__plan", "project__events__source")
        return found.prefetch_related(*related).order_by(models.F("valid_to").asc(nulls_last=True))

    def entry_of(self, found: ListMembership) -> Entry:
        project = found.project
        entry = told(project, "code", "name", "name_en", "aliases", "kind", "department", "is_placeholder", "note")
        return (
            entry
            | _node_codes(project)
            | told(found, "number", "valid_from", "valid_to")
            | {
                "district": found.list.district.code,
                "list": found.list.code,
                "known_from": found.known_from.isoformat(),
                "start": next((_event(one) for one in project.events.all() if one.is_unspecified), None),
            }
        )

    def complete(self, said: Entry, before: Entry) -> Entry:
        entry = {"is_placeholder": False, "start": None, **before, **said}
        if before and entry["name"] != before["name"]:
            entry |= {"is_placeholder": False, "start": None}
        return entry | {"nodes": sorted(entry.get("nodes") or [])}

    def load(self, folder: Folder, by: User) -> None:
        load_members(folder)

    def whole(self, found: ListMembership) -> list[models.Model]:
        """The project goes too when it came with its place on the list."""
        inserted = Event.objects.filter(operation=Event.Operation.INSERT)
        listed = inserted.filter(model=ListMembership._meta.label_lower, object_pk=str(found.pk))
        made = inserted.filter(model=KeyProject._meta.label_lower, object_pk=str(found.project.pk))
        came_with_it = made.filter(transaction_id__in=listed.values("transaction_id")).exists()
        return [found, *([found.project] if came_with_it else [])]


class Projects(RecordKind):
    """Projects by code, on a list or not, with the stages that a source tells."""

    code, label = "named_projects", _("项目（按代码）")
    about = _("按代码更新项目的名称、类别和所在地点。")
    model, file, section = KeyProject, "projects.json", "projects"
    key, lookups = ("district", "code"), DISTRICT_KEY
    fields = (
        district_field(),
        of(KeyProject, "code", _("项目代码"), example="brand-supply-chain-park", comment=CODE),
        of(KeyProject, "name", _("项目名称"), _("项目"), required=True, example="品牌供应链服务产业园"),
        of(KeyProject, "name_en"),
        of(KeyProject, "aliases", comment=_("几个之间用顿号")),
        of(KeyProject, "kind", _("项目类别"), example="谋划项目"),
        _department(),
        of(
            KeyProject,
            "place",
            _("地点"),
            read=reference("places", "district"),
            codes="places",
            within="district",
            empty=None,
        ),
        plan_field(),
        node_field("nodes"),
        of(KeyProject, "note", _("备注")),
        source_field(required=False, in_template=False),
        Field(name="known_from", names=(_("自何时可知"),), read=lambda cell, context: cell, in_template=False),
        Field(name="events", names=(_("阶段"),), read=nested, empty=[], in_template=False),
    )

    def codes(self) -> dict[str, Codes]:
        own = {"districts": district_codes(), "departments": department_codes(), "places": place_codes()}
        return own | {"plans": plan_codes(), "nodes": node_codes(), "sources": source_codes()}

    def suggested(self) -> dict[str, str]:
        return home_district()

    def found(self, keys: Any) -> Any:
        found = super().found(keys).select_related("district", "department", "place")
        return found.prefetch_related("projectnode_set__node__plan", "events__source")

    def entry_of(self, found: KeyProject) -> Entry:
        entry = told(found, "district", "code", "name", "name_en", "aliases", "kind", "department", "place", "note")
        return entry | _node_codes(found) | {"events": [_event(one) for one in _sourced(found)]}

    def complete(self, said: Entry, before: Entry) -> Entry:
        own = {name: said[name] for name in ("source", "known_from") if name in said}
        rest = {name: value for name, value in said.items() if name not in own}
        entry = {**before, **rest}
        told_now = [own | one for one in said.get("events", [])]
        about = {(one.get("source"), one.get("stage")) for one in told_now}
        entry["events"] = told_now + [
            one for one in before.get("events", []) if (one["source"], one["stage"]) not in about
        ]
        return entry | {"nodes": sorted(entry.get("nodes") or [])}

    def load(self, folder: Folder, by: User) -> None:
        load_projects(folder)

    def surplus(self, found: KeyProject, before: Entry) -> list[models.Model]:
        kept = {(one["source"], one["stage"]) for one in before.get("events", [])}
        return [one for one in _sourced(found) if one.source and (one.source.code, one.stage) not in kept]

    def whole(self, found: KeyProject) -> list[models.Model]:
        return [*_sourced(found), found]


def _sourced(project: KeyProject) -> Sequence[StageEvent]:
    """The stages that a source tells of this very project."""
    told_by_source = [one for one in project.events.all() if one.source and not one.is_unspecified]
    return sorted((one for one in told_by_source if one.entered_by_id is None), key=lambda one: one.pk)


def _event(one: StageEvent) -> Entry:
    names = ("stage", "planned_on", "happened_on", "no_later_than", "evidence_kind", "locator", "note", "source")
    if one.is_unspecified:
        return told(one, *names[:1], *names[3:]) | {"known_from": one.known_from.isoformat()}
    return told(one, *names) | {"known_from": one.known_from.isoformat()}


def _node_codes(project: KeyProject) -> Entry:
    nodes = [link.node for link in project.projectnode_set.all()]
    newest = max((node.plan for node in nodes), key=lambda plan: plan.valid_from, default=None)
    return {
        "plan": newest and newest.code,
        "nodes": sorted(node.code for node in nodes if node.plan == newest),
    }


PLACES, LISTS, MEMBERS, PROJECTS = Places(), Lists(), Members(), Projects()
