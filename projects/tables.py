from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _

from lvyuan.ui.tables import BaseTable


class ProjectTable(BaseTable):
    number = tables.Column(verbose_name=_("序号"), attrs={"td": {"class": "number"}, "th": {"class": "number"}})
    name = tables.Column(
        verbose_name=_("项目"),
        accessor="project__name",
        order_by="number",
        linkify=lambda record: record.project.get_absolute_url(),
    )
    state = tables.TemplateColumn(template_name="projects/_state_cell.html", verbose_name=_("状态"))
    department = tables.Column(
        verbose_name=_("责任单位"), accessor="project__department", default="未录入", orderable=False
    )

    caption = _("项目一览")

    def value_state(self, record: Any) -> str:
        return str(record.state_label)
