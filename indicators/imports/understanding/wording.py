"""What one text of a file says: an indicator, a district, a period, a measure, a unit, alone or together.

The same reading serves heads, row labels and titles. Nothing is guessed: what is left over stands in `rest`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from html import unescape
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils.translation import gettext_noop

from indicators.imports.understanding.when import NOTHING, When, periods_in
from lvyuan.imports.table import INVISIBLE
from lvyuan.numbers import UNITS

if TYPE_CHECKING:
    from indicators.imports.lines import Known

# Full-width forms one by one (NFKC would turn 5² into 52); blanks and quotes say nothing in a name.
_PLAIN: Final = (
    {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    | dict.fromkeys(map(ord, " \t\r\n\x0b\x0c\u00a0\u3000\u2002\u2003\u2009“”‘’\"'"), None)
    | dict.fromkeys(map(ord, INVISIBLE), None)
    | {ord("—"): "-", ord("–"): "-", ord("－"): "-", ord("―"): "-", ord("～"): "~", ord("〜"): "~"}
)
FOOTNOTES: Final = "*＊※†‡①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
_FOOTNOTE: Final = re.compile(rf"[{re.escape(FOOTNOTES)}]+|\[[0-9注]+\]|〔[0-9]+〕|\(注[0-9一二三四五]*\)")
_TAG: Final = re.compile("</?[A-Za-z][^<>]*>")
_BETWEEN_DIGITS: Final = re.compile("(?<=[0-9０-９])[ \u3000\u00a0]+(?=[0-9０-９])")
_NUMBERING: Final = re.compile(
    r"^(?:\([一二三四五六七八九十]{1,3}\)|[一二三四五六七八九十]{1,3}[、.]|\([0-9]{1,2}\)|[0-9]{1,2}[、.)](?![0-9]))"
)
_OF_WHICH: Final = re.compile("^(?:#|其中[:：]?|其中,|[-·•●◆▲★○■□]+)+")


def squeezed(text: str) -> str:
    """The text in half width without blanks, quotes and footnote marks, for comparison only.

    A blank between two digits stays as a bar: 表1 2023年 is no year 1202.
    """
    if "&" in text or "<" in text:
        text = _TAG.sub("", unescape(text))
    if " " in text or "\u3000" in text or "\u00a0" in text:
        text = _BETWEEN_DIGITS.sub("|", text)
    return _FOOTNOTE.sub("", text.translate(_PLAIN)).lower()


REMEMBERED: Final = 20_000  # distinct texts that are read once only
NAME_LENGTH: Final = 60  # of a name in a question's code


def key_of(text: str) -> str:
    """How questions and answers call a name."""
    return cleaned(text)[:NAME_LENGTH]


def cleaned(text: str) -> str:
    """A squeezed name without its numbering, 其中 and #."""
    text = squeezed(text)
    before = ""
    while before != text:
        before, text = text, _OF_WHICH.sub("", _NUMBERING.sub("", text))
    return text


# Units

_UNIT_NAMES: Final = {name.lower(): name for name in UNITS} | {
    "万㎡": "万平方米",
    "㎡": "平方米",
    "m²": "平方米",
    "m2": "平方米",
    "万m²": "万平方米",
    "万m2": "万平方米",
    "平方千米": "平方公里",
    "km²": "平方公里",
    "km2": "平方公里",
    "百分点": "个百分点",
    "百分比": "%",
    "±%": "%",
    "+-%": "%",
    "+/-%": "%",
    "人民币万元": "万元",
    "人民币亿元": "亿元",
}
# What can only be a unit even though we do not keep it: told as such, never taken for no unit at all.
_UNIT_LIKE: Final = re.compile(
    "[十百千万亿]*(?:元|美元|港元|欧元|吨|公斤|人|人次|户|个|家|件|米|平方米|立方米|公里|平方公里|亩|公顷|辆|台|套|次|所|"
    "张|座|栋|处|条|艘|件次|户次|例|千瓦时|度|标准煤|吨标准煤|小时|天|岁|分|%|‰|倍|成)(?:/.{1,6})?|[万亿]"
)
_IN_BRACKETS: Final = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_STATED_UNIT: Final = re.compile(r"(?:计量)?单位[:：]?(.+)")
_TRAILING_UNIT: Final = re.compile(r"^(.+?)[:,/](?:单位[:：]?)?([^:,/]+(?:/万元|/立方米|/人)?)$")
_FOREIGN_UNIT: Final = re.compile("(?<=[元人户个家件米吨%])[(/]?[0-9|,.]*[a-z]{3}[a-z0-9|,.]*[)]?$")
_LISTED: Final = re.compile("[、,，;；和及 ]|(?<=%)/|/(?=%)")


def units_of(text: str) -> tuple[str, ...]:
    """The units a squeezed text lists (亿元、%), in the product's spelling; () when it is not units only."""
    found = []
    text = _FOREIGN_UNIT.sub("", text)
    for part in (part for part in _LISTED.split(text) if part):
        name = _UNIT_NAMES.get(part) or (part if _UNIT_LIKE.fullmatch(part) else None)
        if name is None:
            return ()
        found.append(name)
    return tuple(dict.fromkeys(found))


def stated_units(text: str) -> tuple[str, ...]:
    """The units of a row over the head: 单位：亿元、%; () when it names none."""
    found = _STATED_UNIT.search(squeezed(text).replace("(", "").replace(")", ""))
    return units_of(found[1]) if found else ()


_TRANSLATION: Final = re.compile(
    r"(?<=[\u4e00-\u9fff)）%％±])[ \u3000\u00a0\r\n\t/]*[(（]?[A-Za-z][A-Za-z]{2,}[A-Za-z0-9 \r\n,.'’&()（）%/-]*$"
)
_FOREIGN_MEASURE: Final = re.compile(
    "growth|rate|increase|change|year-on-year|yoy|rank|share|last year|previous|target|plan|index|ratio", re.IGNORECASE
)
_FOREIGN_MONTH: Final = re.compile(
    "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\\b|quarter|half|month", re.IGNORECASE
)
_IS_LABEL: Final = re.compile(
    "^[^A-Za-z]*(?:indicators?|items?|name|regions?|districts?|units?|year|period|time)", re.IGNORECASE
)
_FOREIGN: Final = re.compile(r"[A-Za-z][A-Za-z]{2}[\x20-\x7e’]*")


def without_translation(text: str) -> str:
    """A Chinese text without the English behind it: 指标 Indicator."""
    return _TRANSLATION.sub("", text)


def is_foreign(text: str) -> bool:
    """Whether a text is English words."""
    return bool(_FOREIGN.fullmatch(text))


# Measures

_AGO: Final = "(?:上年|去年|上一年)"
_CORE: Final = "(?:增长速度|增长率|增长|增速|增幅)"
_COMPARED: Final = f"(?:同比|(?:比|较|与)(?:{_AGO}同期|{_AGO}同月|{_AGO}|同期)(?:相比)?)"
_SCOPES: Final = re.compile(
    "(?P<ytd>(?:1-本月|年初至本月|自年初|年初至今|年初|本年|今年|全年|截至本月|本月止|至本月|本月)?累计|1-本[月季]度?|年初至本[月季]度?|年初至今)"
    "|(?P<month>本月|当月|单月)|(?P<quarter>本季度?|当季度?)"
)
_MEASURES: Final = {
    "growth": re.compile(f"(?:{_COMPARED}?(?:名义|实际)?{_CORE}|同比)(?:±|\\+-|\\+/-)?(?:情况)?|growth"),
    "unsure": re.compile(f"{_COMPARED}?(?:增减率?|增\\(减\\)|升降|变动|变化|±|\\+-|\\+/-)|{_COMPARED}"),
    "last_year": re.compile(f"(?:{_AGO}(?:同期|同月|同季)?|同期)(?:实际|实绩)?(?:完成)?(?:数|值|额|绝对量|总量)?"),
    "rank": re.compile(
        "(?:(?P<growth>增速|增幅|增长率?)|(?P<level>总量|绝对量|数值|规模))?(?P<pool>全国|全省|全市|[四五六]?城区|各?区县?)?"
        "(?:内|的|中)?(?:排名|位次|名次|排位|位数)|rank"
    ),
    "value": re.compile(
        "(?:实际|实绩|绝对)?(?:完成|实现)?(?:绝对量|绝对数|绝对值|总量|数值|数据|指标值|本期数?|本期值|报告期数?|数量|金额|总额|规模|"
        "发生额|期末数|本年|今年|情况|数|值|额|量)?|value"
    ),
}
_IGNORED: Final = (
    (re.compile("百分点|加快|回落|提升幅度|提高|收窄|扩大"), gettext_noop("是两个增速之差（百分点），不是增速")),
    (re.compile("环比|比上月|较上月|上月|上季"), gettext_noop("是与上一期相比的数")),
    (re.compile("计划|目标|任务|预期|预算数|预计|预测"), gettext_noop("是计划或目标，请按“目标”另行导入")),
    (re.compile("完成率|完成比例|进度|序时|占.*比|占比|比重|份额|完成%"), gettext_noop("是由其他数算出的比率")),
    (re.compile("增减额|增减量|增减值|增加额|增加量|增量|净增|差额|差距|高于|低于"), gettext_noop("是差额，不是增速")),
    (re.compile("拉动|贡献|权重|年均|平均增"), gettext_noop("不是同比增速")),
    (re.compile("^(?:序号|编号|行次|代码序号|no\\.?|次序)$"), gettext_noop("是序号")),
)
_AT_END: Final = re.compile("[年期季月]末")
_FILLERS: Final = re.compile(
    "^(?:主要指标|指标|主要经济指标|全部|合计数|其中|各区|项目|名称|情况|完成情况|及|的|份|为|数据)*$"
)


@dataclass(frozen=True, slots=True)
class Said:
    """`indicators` are codes, several when a name is shared. `measure` is value, growth, rank, last_year, unsure
    (growth or difference) or ignored with its `reason`."""

    indicators: tuple[str, ...] = ()
    district: str = ""
    when: When = NOTHING
    measure: str = ""
    by: str = ""
    pool: str = ""
    units: tuple[str, ...] = ()
    reason: str = ""
    rest: str = ""

    @property
    def indicator(self) -> str:
        return self.indicators[0] if len(self.indicators) == 1 else ""

    def inside(self, outer: Said) -> Said:
        """This text under another: what both say, the inner one decides; growth stays growth under 总量 or 2023年."""
        measure, by, reason = self.measure, self.by, self.reason
        if outer.measure and measure in ("", "value"):
            measure, by, reason = outer.measure, outer.by, outer.reason
        elif measure == "rank" and not by:
            by = {"growth": "growth", "value": "level"}.get(outer.measure, "")
        return Said(
            indicators=self.indicators or outer.indicators,
            district=self.district or outer.district,
            when=self.when.under(outer.when),
            measure=measure,
            by=by or (outer.by if measure == "rank" else ""),
            pool=self.pool or outer.pool,
            units=self.units or outer.units,
            reason=reason or outer.reason,
            rest=self.rest or outer.rest,
        )


SILENT: Final = Said()


class Wording:
    """Reads texts against the names the database knows; each distinct text once."""

    def __init__(self, known: Known) -> None:
        by_name: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.shown: dict[str, str] = {}  # squeezed → as the definition writes it
        own: dict[str, dict[str, None]] = {}
        for text, indicators in known.indicators.items():
            name = squeezed(text)
            self.shown.setdefault(name, text)
            for indicator in indicators:
                if text in (indicator.code, indicator.name):
                    own.setdefault(name, {})[indicator.code] = None
                by_name[name][indicator.code] = None
        # A code or an official name is one indicator's own, whatever others are also called.
        self.indicators = {name: tuple(own.get(name, codes)) for name, codes in by_name.items()}
        self.districts: dict[str, tuple[str, ...]] = {
            squeezed(text): tuple(district.code for district in found)
            for text, found in known.districts.items()
            if text
        }
        for home in known.districts.get(settings.HOME_DISTRICT, ())[:1]:
            self.districts |= dict.fromkeys(("全区", "本区", "全区合计"), (home.code,))
            everywhere = {place.pk: place.code for found in known.districts.values() for place in found}
            if cities := tuple(code for pk, code in everywhere.items() if pk == home.parent_id):
                self.districts |= dict.fromkeys(("全市", "全市合计", "本市"), cities)
        self._names = sorted(self.indicators, key=len, reverse=True)
        self._places = sorted((name for name in self.districts if not name.isdigit()), key=len, reverse=True)
        self._cache: dict[str, Said] = {}

    def read(self, text: str) -> Said:
        """What the text says."""
        if (said := self._cache.get(text)) is None:
            if len(self._cache) >= REMEMBERED:
                self._cache.clear()
            said = self._read(text)
            if said.rest and (own := without_translation(text)) != text:
                said = self.translated(said, self._read(own), text[len(own) :])
            self._cache[text] = said
        return said

    @staticmethod
    def translated(said: Said, own: Said, translation: str) -> Said:
        """What the Chinese part says, unless the translation says more than it does: a growth, a month."""
        if own.rest or (own == SILENT and not _IS_LABEL.search(translation)):
            return said
        says_more = _FOREIGN_MEASURE.search(translation) and own.measure in ("", "value")
        says_more = says_more or (_FOREIGN_MONTH.search(translation) and not own.when.label)
        return said if says_more else own

    def _read(self, text: str) -> Said:
        whole = squeezed(text)
        if not whole:
            return SILENT
        for name in (whole, cleaned(text)):
            if found := self.indicators.get(name):
                return Said(indicators=found)
            if len(places := self.districts.get(name, ())) == 1:
                return Said(district=places[0])
        if units := units_of(whole):
            return Said(units=units)
        name, units, extra = self._without_unit(cleaned(text))
        return replace(self._named(name), units=units).inside(extra) if name else replace(extra, units=units)

    def _without_unit(self, name: str) -> tuple[str, tuple[str, ...], Said]:
        """The name, the units in its brackets or behind its comma, and what else the brackets say."""
        units: tuple[str, ...] = ()
        extra = SILENT
        for found in list(_IN_BRACKETS.finditer(name))[::-1]:
            inner = found[1].removeprefix("单位").lstrip(":：")
            said = units_of(inner)
            if not said and inner and inner != "%":
                within = self._plain(inner)
                if within.rest or within.indicators:
                    continue
                extra = within.inside(extra)
            units = units or said
            name = name[: found.start()] + name[found.end() :]
        if not units and (behind := _TRAILING_UNIT.match(name)) and (said := units_of(behind[2])):
            name, units = behind[1], said
        if not units and name.endswith(("%", "‰")) and len(name) > 1:
            name, units = name[:-1], (name[-1],)
        return name, units, extra

    def _named(self, name: str) -> Said:
        if found := self.indicators.get(name):
            return Said(indicators=found)
        if len(places := self.districts.get(name, ())) == 1:
            return Said(district=places[0])
        if _AT_END.match(name) and (found := self.indicators.get(name[2:])):
            return Said(indicators=found)
        when, rest = periods_in(name)
        said = self._plain(rest) if rest else SILENT
        return replace(said, when=said.when.under(when)) if when else said

    def _plain(self, name: str) -> Said:
        """A name without period and unit."""
        if not name or _FILLERS.match(name):
            return SILENT
        if found := self.indicators.get(name):
            return Said(indicators=found)
        if len(places := self.districts.get(name, ())) == 1:
            return Said(district=places[0])
        if said := _measure(name):
            return said
        for known in self._names:
            if len(known) > 1 and name.startswith(known) and (tail := _measure(name[len(known) :])):
                return replace(tail, indicators=self.indicators[known])
            if len(known) > 1 and name.endswith(known) and (head := _measure(name[: -len(known)])):
                return replace(head, indicators=self.indicators[known])
        for place in self._places:
            if name.startswith(place) and len(self.districts[place]) == 1:
                inner = self._plain(name[len(place) :].lstrip(":-的"))
                if not inner.rest:
                    return replace(inner, district=inner.district or self.districts[place][0])
        when, rest = periods_in(name)
        if when and rest != name:
            inner = self._plain(rest) if rest else SILENT
            return replace(inner, when=inner.when.under(when))
        for pattern, reason in _IGNORED:
            if pattern.search(name):
                return Said(measure="ignored", reason=reason)
        return Said(rest=name)

    # Titles

    def named_in(self, title: str) -> list[str]:
        """The codes of the indicators that a title names, the longest name at each place."""
        text, found = squeezed(title), list[str]()
        for name in self._names:
            if len(name) > 2 and name in text and not name.isascii():
                found += self.indicators[name]
                text = text.replace(name, "|")
        return list(dict.fromkeys(found))

    def place_in(self, title: str) -> str:
        """The district that a title is about: 绿园区2023年…; an office's name is no place."""
        text, found = _OFFICE.sub("", squeezed(title)), list[str]()
        for name in self._places:
            if len(name) > 2 and name in text:
                found += self.districts[name]
                text = text.replace(name, "|")
        unique = list(dict.fromkeys(found))
        inner = [code for code in unique if not any(other != code and other.startswith(code[:4]) for other in unique)]
        return unique[0] if len(unique) == 1 else inner[0] if len(inner) == 1 else ""


_OFFICE: Final = re.compile(
    "[^,，。;；:：年月]*(?:局|委|办公室|统计站|政府|中心|编印?|印发)$|(?:填报|制表|编制|主管)单位.*|.*统计局"
)


def scopes_in(title: str) -> set[str]:
    """Whether a title says 当月 or 累计."""
    return {name for found in _SCOPES.finditer(squeezed(title)) for name, part in found.groupdict().items() if part}


def plan_in(title: str) -> str:
    """A word of a title by which its figures are no results: 预期目标, 计划; "" beside 完成 or 执行."""
    text = squeezed(title)
    found = _PLANS.search(text)
    return found[0] if found and not _RESULTS.search(text) else ""


_PLANS: Final = re.compile("预期目标|预期|目标|计划|任务|预计|预测|预算")
_RESULTS: Final = re.compile("完成|执行|进展|进度|实绩|落实|实现|推进")


def about_in(title: str) -> str:
    """A word of a title by which its figures may be no levels: 增速, 位次, 占比; "" when there is none."""
    found = _NO_LEVELS.search(squeezed(title))
    return found[0] if found else ""


_NO_LEVELS: Final = re.compile("增速|增长|增幅|同比|位次|排名|排序|占比|比重|完成率|完成比例|完成进度")


def _measure(name: str) -> Said | None:
    """A text that is a measure and nothing else."""
    if not name:
        return None
    scope = ""
    if found := _SCOPES.search(name):
        scope = next(scope for scope, part in found.groupdict().items() if part)
        name = name[: found.start()] + name[found.end() :]
        if not name:
            return Said(when=When(scope=scope))
    for measure, pattern in _MEASURES.items():
        if found := pattern.fullmatch(name):
            parts = found.groupdict()
            by = next((by for by in ("growth", "level") if parts.get(by)), "")
            return Said(measure=measure, when=When(scope=scope), by=by, pool=parts.get("pool") or "")
    for pattern, reason in _IGNORED:
        if pattern.search(name) and len(name) <= 14:
            return Said(measure="ignored", reason=reason)
    return None
