from __future__ import annotations

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from lvyuan.ui.tables import BaseTable
from lvyuan.ui.templatetags.figures import mark
from lvyuan.ui.words import name_of
from projects.rows import ProjectRow


class ProjectTable(BaseTable):
    number = tables.Column(verbose_name=_("序号"), attrs={"td": {"class": "number"}, "th": {"class": "number"}})
    name = tables.Column(
        verbose_name=_("项目"),
        accessor="project__name",
        order_by="number",
        linkify=lambda record: record.project.get_absolute_url(),
    )
    state = tables.Column(verbose_name=_("状态"))
    department = tables.Column(
        verbose_name=_("责任单位"), accessor="project__department", default=_("未录入"), orderable=False
    )

    caption = _("项目一览")

    def render_name(self, record: ProjectRow) -> str:
        return str(name_of(record.project))

    def render_state(self, record: ProjectRow) -> SafeString:
        shown = mark(record.state, record.state_label)
        if not record.is_unspecified:
            return shown
        return format_html('{} <span class="label">{}</span>', shown, _("未指明具体项目"))

    def value_state(self, record: ProjectRow) -> str:
        return str(record.state_label)
