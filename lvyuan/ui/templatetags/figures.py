"""Template tags of every page: figures, periods, marks. A template builtin, so no page loads it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

from django import template
from django.conf import settings
from django.utils.html import format_html, format_html_join, json_script
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext, gettext_noop

from lvyuan.periods import Period, Style
from lvyuan.ui import words
from lvyuan.ui.language import html_language, script_texts

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
    "started": ("square", "good", gettext_noop("已开工")),
    "not_started": ("box", "quiet", gettext_noop("未见开工")),
    "possible": ("hatch", "quiet", gettext_noop("可能已开工")),
    "draft": ("ring", "quiet", gettext_noop("填报中")),
    "submitted": ("half", "info", gettext_noop("待审核")),
    "returned": ("triangle", "warn", gettext_noop("已退回")),
    "approved": ("dot", "good", gettext_noop("已通过")),
    "none": ("dash", "quiet", gettext_noop("未开始")),
    "open": ("ring", "good", gettext_noop("填报开放")),
    "on_time": ("dot", "good", gettext_noop("按时")),
    "late": ("triangle", "warn", gettext_noop("已逾期")),
    "closed": ("dash", "quiet", gettext_noop("已关闭")),
    "previewed": ("half", "info", gettext_noop("待确认")),
    "confirmed": ("dot", "good", gettext_noop("已送审")),
    "cancelled": ("dash", "quiet", gettext_noop("已放弃")),
    "reading": ("half", "info", gettext_noop("读取中")),
    "asking": ("diamond", "warn", gettext_noop("待答复")),
    "confirming": ("half", "info", gettext_noop("导入中")),
    "interrupted": ("triangle", "warn", gettext_noop("中断")),
    "undone": ("dash", "quiet", gettext_noop("已撤销")),
    "remembered": ("ring", "info", gettext_noop("沿用上次的选择")),
    "new": ("plus", "good", gettext_noop("新增")),
    "changed": ("diamond", "info", gettext_noop("变更")),
    "same": ("dash", "quiet", gettext_noop("相同")),
    "refused": ("cross", "bad", gettext_noop("拒收")),
    "insert": ("plus", "good", gettext_noop("新增")),
    "update": ("diamond", "info", gettext_noop("修改")),
    "delete": ("cross", "bad", gettext_noop("删除")),
    "current": ("dot", "good", gettext_noop("现行")),
    "superseded": ("ring", "quiet", gettext_noop("已被替代")),
    "withdrawn": ("cross", "bad", gettext_noop("撤回")),
    "released": ("dot", "good", gettext_noop("已发布")),
    "internal": ("ring", "quiet", gettext_noop("内部")),
    "mandatory": ("cross", "bad", gettext_noop("强制性")),
    "quasi": ("triangle", "bad", gettext_noop("准强制性")),
    "verify": ("diamond", "warn", gettext_noop("核实性")),
    "hint": ("ring", "info", gettext_noop("提示性")),
    "unread": ("dot", "info", gettext_noop("未读")),
    "read": ("ring", "quiet", gettext_noop("已读")),
    "due_soon": ("ring", "info", gettext_noop("即将到期")),
    "due_today": ("half", "warn", gettext_noop("今日到期")),
    "overdue": ("triangle", "bad", gettext_noop("已逾期")),
    "chased": ("triangle", "warn", gettext_noop("催报")),
    "sign_off": ("half", "info", gettext_noop("待签发")),
    "reopened": ("diamond", "warn", gettext_noop("已重开")),
    "excused": ("dash", "quiet", gettext_noop("免报")),
    "unlocked": ("ring", "good", gettext_noop("已临时开放")),
    "locked": ("box", "quiet", gettext_noop("已锁定")),
    "saving": ("half", "info", gettext_noop("正在保存")),
    "saved": ("dot", "good", gettext_noop("已保存")),
    "unsaved": ("ring", "warn", gettext_noop("未保存")),
    "invalid": ("cross", "bad", gettext_noop("看不懂")),
    "explain": ("diamond", "warn", gettext_noop("需说明")),
    "conflict": ("triangle", "bad", gettext_noop("两人都改了")),
    "signing": ("diamond", "info", gettext_noop("待签发")),
    "expired": ("ring", "quiet", gettext_noop("已到期")),
    "ended": ("dash", "quiet", gettext_noop("已锁回")),
    "past_half": ("dot", "good", gettext_noop("已过半")),
    "reachable": ("dot", "good", gettext_noop("可达")),
    "hard": ("diamond", "warn", gettext_noop("吃力")),
    "unseen": ("cross", "bad", gettext_noop("历史未见")),
    "achieved": ("dot", "good", gettext_noop("已达到")),
    "on_track": ("dot", "good", gettext_noop("按期")),
    "acceleration_needed": ("diamond", "warn", gettext_noop("需要加快")),
    "limited": ("triangle", "warn", gettext_noop("进展有限")),
    "deterioration": ("cross", "bad", gettext_noop("倒退")),
    "green": ("dot", "good", gettext_noop("绿灯")),
    "yellow": ("triangle", "warn", gettext_noop("黄灯")),
    "red": ("square", "bad", gettext_noop("红灯")),
    "unrated": ("dash", "quiet", gettext_noop("未评")),
    "exempt": ("ring", "quiet", gettext_noop("豁免")),
}


@cache
def _derived(_language: str | None) -> SafeString:
    """What marks a derived figure, in the language that is spoken now."""
    title, word = gettext("由公布数推算，非公布数"), gettext("推算")
    return format_html('<sup class="derived"><abbr title="{}">{}</abbr></sup>', title, word)


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
    # A wording (动态清零) has no unit to set small.
    name = "figure" if fig.value is not None else "figure words"
    data = (
        fig.machine,
        fig.key,
        words.figure_text(fig.text),
        _derived(get_language()) if fig.is_derived else "",
    )
    if plain:
        return format_html('<span class="{}"><data value="{}" data-key="{}">{}</data>{}</span>', name, *data)
    address, _, measure = fig.url.partition("#")
    query = f"?known_at={localtime(known_at).date().isoformat()}" if known_at else ""
    return format_html(
        '<a class="{}" href="{}#{}"><data value="{}" data-key="{}">{}</data>{}</a>',
        name,
        address + query,
        measure,
        *data,
    )


@register.simple_tag(name="html_language")
def html_language_tag(code: str | None = None) -> str:
    """The page's language, or the one given, as the lang attribute writes it: zh-Hans, en."""
    return html_language(code)


@register.simple_tag
def other_languages() -> list[tuple[str, str]]:
    """(code, name) of the languages that the page is not in, each by its own name."""
    return [(code, name) for code, name in settings.LANGUAGES if code != get_language()]


@register.simple_tag
def script_words() -> SafeString | str:
    """What the scripts say in the person's language, by the Chinese that stands in them; nothing in Chinese."""
    if words.is_source():
        return ""
    return json_script({text: gettext(text) for text in script_texts()}, "words")


@register.simple_tag
def anchor(fig: Figure | None) -> str:
    """The id under which the provenance page shows this figure; `Figure.url` ends in it."""
    return fig.key.rpartition("/")[2] if fig is not None else ""


@register.simple_tag
def period_label(period: Period | None, style: Style | None = None) -> str:
    """2023年1—6月; with style "official" 2023年上半年. Nothing for None."""
    return words.period_label(period, style) if period is not None else ""


@register.filter
def named(thing: Any) -> Any:
    """The thing's name in the person's language; the thing itself where it has none in English."""
    return words.name_of(thing)


@register.filter
def unit(name: str | None) -> str:
    """A unit of measure in the person's language."""
    return words.unit_label(name or "")


@register.simple_tag
def mark(state: str, text: str = "") -> SafeString:
    """A state as shape, tone and word; `text` (the model's label) replaces the word."""
    shape, tone, word = MARKS.get(state, ("ring", "quiet", str(state)))
    return format_html('<span class="mark {} {}">{}</span>', shape, tone, text or gettext(word))


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
