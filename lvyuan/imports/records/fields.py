"""What a column of a definition may be called, and how its cells are read into the values of a fixture."""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import translation
from django.utils.translation import gettext

from lvyuan.imports.table import shown
from lvyuan.periods import Period, PeriodError, PeriodKind, parse
from lvyuan.ui.words import period_label

CLEAR: Final = ("清空", "（清空）", "(清空)")
SIMILAR: Final = 0.6  # how alike two names must be to be taken for one another, of 1


class Fault(Exception):
    """A cell that cannot be read; message and remedy are sentences without a full stop."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message, self.remedy = message, remedy


class Codes:
    """What people may write for a thing: its code, or a name that only it has.

    Things live in a scope (a department in its district, a node in its plan); "" where there is none.
    """

    def __init__(self, what: Any, scopes: Mapping[str, str] | None = None, model: str = "") -> None:
        self.what, self.scopes, self.model = what, dict(scopes or {}), model
        self.names: dict[tuple[str, str], str] = {}
        self.by_text: dict[str, dict[tuple[str, str], None]] = {}

    def add(self, scope: str, code: str, texts: Iterable[str]) -> None:
        told = list(texts)
        self.names[scope, code] = told[0] if told else code
        for text in (code, *told):
            if text:
                self.by_text.setdefault(plain(text), {})[scope, code] = None

    def find(self, text: str, scope: str = "") -> tuple[str, str]:
        """(scope, code) of what the text stands for; among all scopes when none is given. Raises Fault."""
        found = list(self.by_text.get(plain(text), {}))
        here = [one for one in found if not scope or one[0] == scope]
        exact = [one for one in here if one[1] == text]
        if len(exact) == 1 or len(here) == 1:
            return (exact or here)[0]
        told = {"text": shown(text), "what": self.what}
        if here:
            codes = gettext("、").join(self._place(one) for one in here[:5])
            raise Fault(
                gettext("叫“%(text)s”的%(what)s不止一个：%(codes)s") % (told | {"codes": codes}),
                gettext("请改写代码"),
            )
        if found:
            told |= {"others": self.scopes.get(found[0][0], found[0][0]), "scope": self.scopes.get(scope, scope)}
            raise Fault(
                gettext("“%(text)s”是%(others)s的%(what)s，不是%(scope)s的") % told,
                gettext("请核对这一行属于哪里，或改写本处的%(what)s") % told,
            )
        near = self._near(text, scope)
        raise Fault(
            gettext("没有代码或名称为“%(text)s”的%(what)s") % told,
            gettext("最相近的是“%(near)s”，请核对后改写") % {"near": near}
            if near
            else gettext("请核对代码；确是新的，请先把它建好"),
        )

    def options(self) -> list[tuple[str, str]]:
        """(code, name) of all, for a question."""
        return [(code, f"{name}（{code}）") for (_scope, code), name in self.names.items()]

    def name_of(self, code: str) -> str:
        """The name, if only one thing has the code; else the code."""
        found = {name for (_scope, own), name in self.names.items() if own == code}
        return found.pop() if len(found) == 1 else code

    def _place(self, one: tuple[str, str]) -> str:
        scope, code = one
        return f"{self.scopes.get(scope, scope)} {code}".strip()

    def _near(self, text: str, scope: str) -> str:
        texts = {t for t, things in self.by_text.items() if any(not scope or one[0] == scope for one in things)}
        near = difflib.get_close_matches(plain(text), texts, n=1, cutoff=SIMILAR)
        return near[0] if near else ""


@dataclass(slots=True)
class Context:
    """What a reader may need besides the cell: the record's values so far, and what codes stand for.

    What a cell tells of other fields, it puts into `also`.
    """

    values: dict[str, Any]
    codes: Mapping[str, Codes]
    also: dict[str, Any] = field(default_factory=dict)


Reader: TypeAlias = Callable[[str, Context], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column: the fixture's field it fills, the names its head may have, and how its cells are read.

    A new record must have a `required` one. `asked` ones are asked for when the file has no such column. `codes`
    names the Codes its values come from, `within` the field that gives their scope; `empty` is what “清空” writes.
    """

    name: str
    names: Sequence[Any]
    read: Reader
    required: bool = False
    asked: bool = False
    codes: str = ""
    within: str = ""
    choices: Sequence[tuple[Any, Any]] = ()
    empty: Any = ""
    example: str = ""
    comment: Any = ""
    in_template: bool = True
    more_options: Sequence[tuple[str, Any]] = ()  # of the question, besides the codes

    @property
    def title(self) -> str:
        return str(self.names[0])

    def headers(self) -> list[str]:
        """All names, in Chinese whatever the person reads, then in their own language."""
        with translation.override("zh-hans"):
            chinese = [str(name) for name in self.names]
        return list(dict.fromkeys([*chinese, *(str(name) for name in self.names), self.name]))

    def in_words(self, value: Any, codes: Mapping[str, Codes]) -> str:
        """A value as people read it; empty for none."""
        if value in (None, "", []):
            return ""
        if isinstance(value, bool):
            return gettext("是") if value else gettext("否")
        if isinstance(value, list):
            return gettext("、").join(self.in_words(one, codes) for one in value)
        if isinstance(value, dict):
            return " ".join(str(one) for one in value.values() if one not in (None, "", []))
        if self.codes in codes:
            return codes[self.codes].name_of(str(value))
        if self.read is period:
            return period_label(Period.from_code(str(value)))
        return str(dict(self.choices).get(value, value))


def plain(text: str) -> str:
    """A name as it is compared: full width as half, no blanks, stars or case."""
    return re.sub(r"[\s*＊]+", "", unicodedata.normalize("NFKC", text)).casefold()


# Readers


def text(cell: str, context: Context) -> str:
    return cell


def at_most(length: int) -> Reader:
    """A text that its column can hold."""

    def read(cell: str, context: Context) -> str:
        if len(cell) > length:
            raise Fault(
                gettext("有 %(count)s 个字，最多 %(length)s 个") % {"count": len(cell), "length": length},
                gettext("请缩短到 %(length)s 个字以内") % {"length": length},
            )
        return cell

    return read


def slug(cell: str, context: Context) -> str:
    """A code, as it stands in addresses."""
    if not re.fullmatch("[-a-zA-Z0-9_]+", cell):
        raise Fault(
            gettext("“%(text)s”不是代码：代码里只有字母、数字、连字符和下划线") % {"text": shown(cell)},
            gettext("请改成如“tjj”“key-2026”的写法"),
        )
    return cell


def whole(cell: str, context: Context) -> str:
    """A natural number, as its digits."""
    digits = unicodedata.normalize("NFKC", cell)
    if not re.fullmatch("[0-9]{1,9}", digits):
        raise Fault(gettext("“%(text)s”不是整数") % {"text": shown(cell)}, gettext("请只写数字，如 12"))
    return str(int(digits))


_YES: Final = ("是", "true", "1", "√", "✓", "y", "yes", "有", "启用")
_NO: Final = ("否", "false", "0", "×", "✗", "x", "n", "no", "无", "停用")


def yes_no(cell: str, context: Context) -> bool:
    word = plain(cell)
    if word in _YES or word in _NO:
        return word in _YES
    raise Fault(gettext("“%(text)s”既不是“是”也不是“否”") % {"text": shown(cell)}, gettext("请写“是”或“否”"))


def day(cell: str, context: Context) -> str:
    """A date, as 2024-01-05; a midnight that a spreadsheet adds is dropped."""
    bare = re.sub(r"[ T]00:00(:00)?(\.0+)?$", "", cell.strip())
    if found := re.fullmatch(r"([12][0-9]{3})([01][0-9])([0-3][0-9])", bare):
        bare = "-".join(found.groups())
    if found := re.fullmatch(r"([12][0-9]{3})\.([0-9]{1,2})\.([0-9]{1,2})", bare):
        bare = "-".join(found.groups())
    remedy = gettext("请写成“2024-01-05”或“2024年1月5日”")
    try:
        return parse(bare, PeriodKind.INSTANT).end.isoformat() if _has_day(bare) else _refuse_day(cell, remedy)
    except PeriodError as error:
        problem = gettext(error.problem)
        raise Fault(
            gettext("“%(text)s”不是日期：%(problem)s") % {"text": shown(cell), "problem": problem}, remedy
        ) from error


def _has_day(bare: str) -> bool:
    return len(re.findall("[0-9]+", bare)) == 3 and bool(re.match("[0-9０-９]{4}", bare))


def _refuse_day(cell: str, remedy: str) -> str:
    raise Fault(gettext("“%(text)s”不是完整的日期") % {"text": shown(cell)}, remedy)


def listed(cell: str, context: Context) -> list[str]:
    """Several texts between 、 , ; or line breaks, or a JSON list."""
    if cell.startswith("["):
        return [str(one) for one in nested(cell, context)]
    return [part.strip() for part in re.split("[、,，;；\n]", cell) if part.strip()]


def nested(cell: str, context: Context) -> Any:
    """What stands in a JSON file below an entry; numbers stay text."""
    try:
        return json.loads(cell, parse_float=str, parse_int=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise Fault(
            gettext("“%(text)s”不是 JSON 列表或条目") % {"text": shown(cell)},
            gettext("这一栏只用于 JSON 数据文件，表格里请删去"),
        ) from error


def period(cell: str, context: Context) -> str:
    """A period as its code; written as people or as fixtures write it."""
    try:
        return Period.from_code(cell).code
    except PeriodError:
        pass
    try:
        return parse(cell).code
    except PeriodError as error:
        raise Fault(
            gettext("“%(text)s”读不成期限：%(said)s") % {"text": shown(cell), "said": gettext(error.problem)},
            gettext("请写成“2026年”“2023年8月—2025年12月”或“2026年1—6月”"),
        ) from error


def choice(choices: Iterable[tuple[Any, Any]]) -> Reader:
    """Reads one of the choices, by its value or its label."""
    told = [(value, label) for value, label in choices if value not in (None, "")]

    def read(cell: str, context: Context) -> str:
        by_text = {plain(str(value)): str(value) for value, _label in told}
        for language in (translation.get_language() or "zh-hans", "zh-hans"):
            with translation.override(language):
                by_text |= {plain(str(label)): str(value) for value, label in told}
        if plain(cell) not in by_text:
            labels = gettext("、").join(f"“{label}”" for _value, label in told)
            raise Fault(
                gettext("“%(text)s”不在可选的内容之内") % {"text": shown(cell)},
                gettext("请写其中之一：%(labels)s") % {"labels": labels},
            )
        return by_text[plain(cell)]

    return read


def reference(name: str, within: str = "") -> Reader:
    """Reads a code or a name of Codes `name`, in the scope that the row's field `within` gives."""

    def read(cell: str, context: Context) -> str:
        scope, code = context.codes[name].find(cell, str(context.values.get(within) or "") if within else "")
        if within and not context.values.get(within):
            context.also[within] = scope
        return code

    return read


def own_reference(name: str, within: str = "") -> Reader:
    """Reads a code or a name; what is unknown may stand in the file itself, which the loader then finds or refuses."""
    one = reference(name, within)

    def read(cell: str, context: Context) -> str:
        try:
            code: str = one(cell, context)
        except Fault:
            return cell
        return code

    return read


def references(name: str, within: str = "") -> Reader:
    """Reads several codes or names."""
    one = reference(name, within)

    def read(cell: str, context: Context) -> list[str]:
        return [one(part, context) for part in listed(cell, context)]

    return read


def _reader_of(own: models.Field[Any, Any]) -> tuple[Reader, Any]:
    if own.choices:
        return choice(own.flatchoices), ""
    kinds: tuple[tuple[Any, Reader, Any], ...] = (
        (models.SlugField, slug, ""),
        (models.BooleanField, yes_no, False),
        (models.DateField, day, None),
        (models.IntegerField, whole, None),
        ((ArrayField, models.JSONField), listed, []),
    )
    if type(own) is models.CharField and own.max_length:
        return at_most(own.max_length), ""
    return next(((read, empty) for kind, read, empty in kinds if isinstance(own, kind)), (text, ""))


def of(model: type[models.Model], name: str, *names: Any, **more: Any) -> Field:
    """The field for a model's column: its names, choices and way of reading are the model's.

    `names` come first, `more` is as in Field.
    """
    own: Any = model._meta.get_field(name)
    read, empty = _reader_of(own)
    more.setdefault("read", read)
    more.setdefault("empty", empty)
    more.setdefault("choices", own.flatchoices if own.choices else ())
    more.setdefault("comment", own.help_text)
    return Field(name=name, names=(*names, own.verbose_name), **more)


def codes_of(
    what: Any,
    found: models.QuerySet[Any],
    *texts: str,
    scope: str = "",
    scopes: Mapping[str, str] | None = None,
) -> Codes:
    """Codes of all that a queryset gives, in one query. `texts` are further columns people may write; lists too."""
    codes = Codes(what, scopes, found.model._meta.label_lower)
    for code, *rest in found.values_list("code", *([scope] if scope else []), *texts):
        own, told = (rest[0], rest[1:]) if scope else ("", rest)
        codes.add(
            str(own),
            code,
            [part for one in told for part in (one if isinstance(one, list) else [one]) if isinstance(part, str)],
        )
    return codes
