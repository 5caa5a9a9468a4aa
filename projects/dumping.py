"""Writes places, projects and lists as fixture files: the inverse of projects.loading."""

from __future__ import annotations

from collections.abc import Iterator

from indicators.dumping import nodes_told
from indicators.models import StrategyNode
from lvyuan.accounts.dumping import Entry, Writer, linked, told
from projects.models import KeyProject, ListMembership, Place, ProjectList, ProjectNode


def dump(writer: Writer) -> None:
    """Everything of this app that a file can say."""
    writer.write("places.json", places=_places())
    writer.write("projects.json", projects=_projects(), lists=_lists(), memberships=_memberships())


def _places() -> Iterator[Entry]:
    for one in Place.objects.select_related("district", "source", "node__plan").order_by("district__code", "code"):
        fields = ("code", "kind", "name", "name_en", "aliases", "status_wording", "locator", "note")
        node = {"plan": one.node.plan.code, "node": one.node.code} if one.node else {}
        yield linked(district=one.district, source=one.source) | told(one, *fields) | node


def _projects() -> Iterator[Entry]:
    links: dict[int, list[StrategyNode]] = {}
    for link in ProjectNode.objects.select_related("node__plan"):
        links.setdefault(link.project_id, []).append(link.node)
    found = KeyProject.objects.select_related("district", "department", "place").prefetch_related("events__source")
    for one in found.order_by("district__code", "code"):
        entry = linked(district=one.district, department=one.department, place=one.place)
        entry |= told(one, "code", "name", "name_en", "aliases", "kind", "is_placeholder", "note")
        entry |= nodes_told(links.get(one.pk, ()))
        said = ("stage", "planned_on", "happened_on", "no_later_than", "evidence_kind", "is_unspecified", "locator")
        if events := [
            linked(source=event.source) | told(event, *said, "note", "known_from")
            for event in sorted(one.events.all(), key=lambda event: event.pk)
        ]:
            entry["events"] = events
        yield entry


def _lists() -> Iterator[Entry]:
    found = ProjectList.objects.select_related(
        "district", "source", "total_indicator", "started_indicator", "rate_indicator"
    )
    for one in found.order_by("year", "pk"):
        named = {name: getattr(one, name) for name in ("total_indicator", "started_indicator", "rate_indicator")}
        fields = ("code", "name", "year", "authority", "reported_on", "locator", "note", "known_from")
        yield linked(district=one.district, source=one.source, **named) | told(one, *fields)


def _memberships() -> Iterator[Entry]:
    found = ListMembership.objects.select_related("list__district", "project")
    for one in found.order_by("list__year", "list", "number", "pk"):
        entry = linked(district=one.list.district, list=one.list, project=one.project)
        yield entry | told(one, "number", "valid_from", "valid_to", "known_from")
