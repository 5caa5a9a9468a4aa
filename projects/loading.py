"""Loads what is done about it: named places, named projects, and lists with their placeholders."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from indicators.loading import nodes_by_plan, plan_of
from indicators.models import Indicator, Source
from lvyuan.accounts.loading import Folder, Row, by_code
from lvyuan.accounts.models import District
from projects.models import KeyProject, ListMembership, Place, ProjectList, ProjectNode, StageEvent


def load(folder: Folder) -> None:
    """Places first, since projects refer to them."""
    load_places(folder)
    load_projects(folder)
    load_lists(folder)
    load_memberships(folder)
    load_members(folder)


def load_places(folder: Folder) -> None:
    districts, sources, nodes = by_code(District.objects.all()), by_code(Source.objects.all()), nodes_by_plan()
    fields = ("kind", "name", "name_en", "aliases", "status_wording", "locator", "note")

    def put(row: Row) -> None:
        folder.put(
            row,
            Place,
            where={"district": row.one("district", districts), "code": row.text("code")},
            fields=fields,
            node=row.maybe("node", plan_of(row, nodes, "node")),
            source=row.one("source", sources),
        )

    folder.each("places.json", "places", put)


def load_projects(folder: Folder) -> None:
    districts, sources, nodes = by_code(District.objects.all()), by_code(Source.objects.all()), nodes_by_plan()

    def put(row: Row) -> None:
        district = row.one("district", districts)
        project = folder.put(
            row,
            KeyProject,
            where={"district": district, "code": row.text("code")},
            fields=("name", "name_en", "aliases", "kind", "is_placeholder", "note"),
            place=row.maybe("place", by_code(Place.objects.filter(district=district))),
            department=row.maybe("department", by_code(district.departments.all())),
        )
        folder.link(row, ProjectNode, {"project": project}, "node", row.several("nodes", plan_of(row, nodes, "nodes")))
        row.get("source")
        for part in row.parts("events"):
            # Without a source of its own or of the project: a person's own word.
            source = part.maybe("source", sources) or row.maybe("source", sources)
            start = {"is_unspecified": True} if part.get("is_unspecified") else {}
            folder.put(
                part,
                StageEvent,
                where={"source": source, "project": project, "stage": part.text("stage"), **start},
                fields=("planned_on", "happened_on", "no_later_than", "evidence_kind", "locator", "note"),
                known_from=part.get("known_from") or row.text("known_from"),
            )
            part.end()
        row.get("known_from")

    folder.each("projects.json", "projects", put)


def load_lists(folder: Folder) -> None:
    districts, sources = by_code(District.objects.all()), by_code(Source.objects.all())
    indicators = by_code(Indicator.objects.all())

    def put(row: Row) -> None:
        project_list = folder.put(
            row,
            ProjectList,
            where={"district": row.one("district", districts), "code": row.text("code")},
            fields=("name", "year", "authority", "reported_on", "locator", "note"),
            total_indicator=row.maybe("total_indicator", indicators),
            started_indicator=row.maybe("started_indicator", indicators),
            rate_indicator=row.maybe("rate_indicator", indicators),
            source=row.one("source", sources),
            known_from=row.text("known_from"),
        )
        if part := row.part("placeholders"):
            _load_placeholders(folder, part, project_list)
            part.end()

    folder.each("projects.json", "lists", put)


def load_memberships(folder: Folder) -> None:
    """Which projects are on a list, of those that stand under `projects`."""
    districts = by_code(District.objects.all())

    def put(row: Row) -> None:
        district = row.one("district", districts)
        project_list = row.one("list", by_code(district.project_lists.all()))
        folder.put(
            row,
            ListMembership,
            where={
                "list": project_list,
                "project": row.one("project", _projects(district)),
                "valid_from": row.get("valid_from"),
            },
            fields=("valid_to",),
            number=row.whole("number"),
            known_from=row.text("known_from"),
        )

    known: dict[int, dict[str, KeyProject]] = {}

    def _projects(district: District) -> dict[str, KeyProject]:
        if district.pk not in known:
            known[district.pk] = by_code(KeyProject.objects.filter(district=district))
        return known[district.pk]

    folder.each("projects.json", "memberships", put)


def member_of(project_list: ProjectList, number: int) -> ListMembership | None:
    """Who has that number on the list, or had it last."""
    found = project_list.memberships.filter(number=number).select_related("project")
    return found.order_by(models.F("valid_to").asc(nulls_last=True)).last()


def load_members(folder: Folder) -> None:
    """Named members of a list by their numbers; a placeholder that gets a name loses the start that fitted no one."""
    districts, sources, nodes = by_code(District.objects.all()), by_code(Source.objects.all()), nodes_by_plan()

    def put(row: Row) -> None:
        district = row.one("district", districts)
        project_list = row.one("list", by_code(district.project_lists.all()))
        number = row.whole("number")
        member = member_of(project_list, number)
        code = row.get("code") or (member.project.code if member else f"{project_list.code}-{number:02}")
        if member and member.valid_to is None and member.project.code != code:
            row.fail("code", f"清单第{number}号是“{member.project}”（{member.project.code}），不能换成另一个项目")
        project = folder.put(
            row,
            KeyProject,
            where={"district": district, "code": code},
            fields=("name", "name_en", "aliases", "kind", "is_placeholder", "note"),
            department=row.maybe("department", by_code(district.departments.all())),
        )
        folder.link(row, ProjectNode, {"project": project}, "node", row.several("nodes", plan_of(row, nodes, "nodes")))
        dates = ("valid_from", "valid_to")
        where = {"list": project_list, "project": project}
        known_from = row.get("known_from") or timezone.now().isoformat()
        folder.put(row, ListMembership, where=where, fields=dates, first={"known_from": known_from}, number=number)
        _put_unspecified_start(folder, row, project, sources)

    folder.each("projects.json", "members", put)


def _put_unspecified_start(folder: Folder, row: Row, project: KeyProject, sources: dict[str, Source]) -> None:
    part = row.part("start")
    stored = StageEvent.objects.filter(project=project, is_unspecified=True)
    if part is None:
        for start in stored:
            folder.remove(start)
        return
    names = ("stage", "no_later_than", "evidence_kind", "locator", "note", "known_from")
    said = {name: part.get(name, "") for name in names} | {"source": part.one("source", sources)}
    if not stored.exists():
        folder.create(part, StageEvent(project=project, is_unspecified=True, **said))
    part.end()


def _load_placeholders(folder: Folder, row: Row, project_list: ProjectList) -> None:
    """`count` nameless members, the first `started` of them with a start that fits no one in particular.

    A placeholder that a person has named is theirs: neither its name nor a start is restored.
    """
    count, started = row.whole("count"), row.whole("started")
    if started > count:
        row.fail("started", f"{started}大于{count}")
    beyond = project_list.memberships.filter(number__gt=count, project__is_placeholder=True, valid_to=None)
    if beyond.exists():
        row.fail("count", "清单里已有更多占位项目，请先在系统中移出")
    gone = folder.removed(ListMembership, "project", list=project_list)
    not_started = folder.removed(StageEvent, "project", source=project_list.source)
    names = {name: row.text(name) for name in ("code", "name", "name_en")}
    for number in range(1, count + 1):
        named = {name: text.replace("{NN}", f"{number:02}") for name, text in names.items()}
        project = folder.put(
            row,
            KeyProject,
            where={"district": project_list.district, "code": named.pop("code")},
            is_placeholder=True,
            **named,
        )
        if not project.is_placeholder or project.pk in gone:
            continue
        folder.put(
            row,
            ListMembership,
            where={"list": project_list, "project": project},
            number=number,
            known_from=project_list.known_from,
        )
        start = {"source": project_list.source, "project": project, "stage": StageEvent.Stage.STARTED}
        if number > started:
            for surplus in StageEvent.objects.filter(**start, is_unspecified=True, entered_by=None):
                folder.remove(surplus)
        elif project.pk not in not_started:
            folder.put(
                row,
                StageEvent,
                where={**start, "is_unspecified": True},
                fields=("no_later_than", "evidence_kind", "note"),
                locator=project_list.locator,
                known_from=project_list.known_from,
            )
