"""Template tags of every page: figures, periods, marks. A template builtin, so no page loads it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from lvyuan.periods import Period, Style, label
from lvyuan.ui.language import html_language

register = template.Library()


class Figure(Protocol):
    """What a figure must tell to be printed; `indicators.rows.Figure` does."""

    key: str
    text: str
    value: Decimal | None
    is_derived: bool

    @property
    def url(self) -> str: ...

    @property
    def machine(self) -> str: ...


# state → (shape, tone, word). Shape and word say it without colour; a model's own label replaces the word.
MARKS: dict[str, tuple[str, str, str]] = {
    "started": ("square", "good", "已开工"),
    "not_started": ("box", "quiet", "未见开工"),
    "possible": ("hatch", "quiet", "可能已开工"),
    "draft": ("ring", "quiet", "填报中"),
    "submitted": ("half", "info", "待审核"),
    "returned": ("triangle", "warn", "已退回"),
    "approved": ("dot", "good", "已通过"),
    "none": ("dash", "quiet", "未开始"),
    "open": ("ring", "good", "填报开放"),
    "on_time": ("dot", "good", "按时"),
    "late": ("triangle", "warn", "已逾期"),
    "closed": ("dash", "quiet", "已关闭"),
    "previewed": ("half", "info", "待确认"),
    "confirmed": ("dot", "good", "已送审"),
    "cancelled": ("dash", "quiet", "已放弃"),
    "new": ("plus", "good", "新增"),
    "changed": ("diamond", "info", "变更"),
    "same": ("dash", "quiet", "相同"),
    "refused": ("cross", "bad", "拒收"),
    "insert": ("plus", "good", "新增"),
    "update": ("diamond", "info", "修改"),
    "delete": ("cross", "bad", "删除"),
    "current": ("dot", "good", "现行"),
    "superseded": ("ring", "quiet", "已被替代"),
    "withdrawn": ("cross", "bad", "撤回"),
    "released": ("dot", "good", "已发布"),
    "internal": ("ring", "quiet", "内部"),
    "mandatory": ("cross", "bad", "强制性"),
    "quasi": ("triangle", "bad", "准强制性"),
    "verify": ("diamond", "warn", "核实性"),
    "hint": ("ring", "info", "提示性"),
    "unread": ("dot", "info", "未读"),
    "read": ("ring", "quiet", "已读"),
    "due_soon": ("ring", "info", "即将到期"),
    "due_today": ("half", "warn", "今日到期"),
    "overdue": ("triangle", "bad", "已逾期"),
    "chased": ("triangle", "warn", "催报"),
    "sign_off": ("half", "info", "待签发"),
    "reopened": ("diamond", "warn", "已重开"),
    "excused": ("dash", "quiet", "免报"),
    "unlocked": ("ring", "good", "已临时开放"),
    "locked": ("box", "quiet", "已锁定"),
    "saving": ("half", "info", "正在保存"),
    "saved": ("dot", "good", "已保存"),
    "unsaved": ("ring", "warn", "未保存"),
    "invalid": ("cross", "bad", "看不懂"),
    "explain": ("diamond", "warn", "需说明"),
    "conflict": ("triangle", "bad", "两人都改了"),
    "signing": ("diamond", "info", "待签发"),
    "expired": ("ring", "quiet", "已到期"),
    "ended": ("dash", "quiet", "已锁回"),
    "dot_good": ("dot", "good", "达到"),
    "reachable": ("dot", "good", "可达"),
    "hard": ("diamond", "warn", "吃力"),
    "unseen": ("cross", "bad", "历史未见"),
    "achieved": ("dot", "good", "已达到"),
    "on_track": ("dot", "good", "按期"),
    "acceleration_needed": ("diamond", "warn", "需要加快"),
    "limited": ("triangle", "warn", "进展有限"),
    "deterioration": ("cross", "bad", "倒退"),
    "green": ("dot", "good", "绿灯"),
    "yellow": ("triangle", "warn", "黄灯"),
    "red": ("square", "bad", "红灯"),
    "unrated": ("dash", "quiet", "未评"),
    "exempt": ("ring", "quiet", "豁免"),
}


@register.simple_tag(takes_context=True)
def figure(context: Any, fig: Figure | None, plain: bool = False) -> SafeString | str:
    """The one way a figure is printed: its text, its number and its address, linked to where it comes from.

    On a page of an earlier state of knowledge the link leads to that state. `plain=True` leaves the link out
    (inside another link). None prints nothing: the page says what is missing.
    """
    return figure_html(fig, plain=plain, known_at=context.get("known_at"))


def figure_html(fig: Figure | None, *, plain: bool = False, known_at: datetime | None = None) -> SafeString | str:
    """A figure's markup, for tables too."""
    if fig is None:
        return ""
    data = format_html('<data value="{}" data-key="{}">{}</data>', fig.machine, fig.key, fig.text)
    if fig.is_derived:
        data = format_html('{}<sup class="derived"><abbr title="由公布数推算，非公布数">推算</abbr></sup>', data)
    # A wording (动态清零) has no unit to set small.
    name = "figure" if fig.value is not None else "figure words"
    if plain:
        return format_html('<span class="{}">{}</span>', name, data)
    address, _, measure = fig.url.partition("#")
    query = f"?known_at={localtime(known_at).date().isoformat()}" if known_at else ""
    return format_html('<a class="{}" href="{}{}#{}">{}</a>', name, address, query, measure, data)


@register.simple_tag(name="html_language")
def html_language_tag(code: str | None = None) -> str:
    """The page's language, or the one given, as the lang attribute writes it: zh-Hans, en."""
    return html_language(code)


@register.simple_tag
def anchor(fig: Figure | None) -> str:
    """The id under which the provenance page shows this figure; `Figure.url` ends in it."""
    return fig.key.rpartition("/")[2] if fig is not None else ""


@register.simple_tag
def period_label(period: Period | None, style: Style | None = None) -> str:
    """2023年1—6月; with style "official" 2023年上半年. Nothing for None."""
    return label(period, style) if period is not None else ""


@register.simple_tag
def mark(state: str, text: str = "") -> SafeString:
    """A state as shape, tone and word; `text` (the model's label) replaces the word."""
    shape, tone, word = MARKS.get(state, ("ring", "quiet", str(state)))
    return format_html('<span class="mark {} {}">{}</span>', shape, tone, text or word)


@register.simple_tag
def rank_pips(place: int, pool_size: int) -> SafeString | str:
    """A rank as a row of pips, the own place filled; decoration beside the printed rank."""
    if pool_size > 12:
        return ""
    pips = format_html_join("", '<i class="{}"></i>', (("own" if n == place else "",) for n in range(1, pool_size + 1)))
    return format_html('<span class="pips" aria-hidden="true">{}</span>', pips)


@register.simple_tag(takes_context=True)
def query_with(context: dict[str, Any], **changes: Any) -> str:
    """The page's query string with some keys replaced; None takes a key out. "?" when nothing is left."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        if value is None:
            query.pop(key, None)
        else:
            query[key] = value
    return f"?{query.urlencode()}"
