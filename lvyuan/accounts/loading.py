"""Reads fixture files and writes the rows that differ; loads the ground floor (districts, departments).

`Folder` and `Row` serve the loaders of all floors (indicators.loading, projects.loading). An object that
already is as its file says is not touched, so that loading twice leaves no event in the history; and
one that somebody else has changed since is left to them, as the history tells.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models

from lvyuan.accounts.models import Department, District
from lvyuan.audit.models import Event
from lvyuan.numbers import NumberError, get_unit
from lvyuan.periods import Period, PeriodError

T = TypeVar("T")
M = TypeVar("M", bound=models.Model)

_DIGITS = re.compile(r"-?[0-9]+(\.[0-9]+)?")
ORIGIN = "load_fixtures"  # how the history names this loader
ADDED, CHANGED, REMOVED, SAME = "新增", "更新", "删除", "未变"
KEPT = "保留人工修改"


class FixtureError(Exception):
    """A fixture that cannot be loaded; the text names file, entry and field, in Chinese.

    `problems` are (field, what is wrong with it) where the trouble lies in one entry.
    """

    def __init__(self, text: str, problems: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(text)
        self.problems = list(problems)


class Row:
    """One entry of a file. It knows where it stands, and which of its fields were read."""

    def __init__(
        self,
        file: str,
        label: str,
        data: Mapping[str, Any],
        *,
        prefix: str = "",
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.file, self.label, self.prefix = file, label, prefix
        self.was_read: set[str] = set()
        self._own = data
        self._data = {**(defaults or {}), **data}

    def fail(self, field: str, problem: str) -> NoReturn:
        """Raises FixtureError about `field` of this entry."""
        self.fail_all([(field, problem)])

    def fail_all(self, problems: Sequence[tuple[str, str]]) -> NoReturn:
        """Raises FixtureError about the fields of this entry; its text tells the first."""
        told = [(f"{self.prefix}{field}".rstrip("."), problem.rstrip("。")) for field, problem in problems]
        where = " ".join(part for part in (self.file, self.label, told[0][0]) if part)
        raise FixtureError(f"{where}：{told[0][1]}。", told)

    def get(self, field: str, default: Any = None) -> Any:
        """The value as the file has it; null and absent are the same."""
        self.was_read.add(field)
        value = self._data.get(field)
        return default if value is None else value

    def text(self, field: str) -> str:
        """A text that must be there."""
        value = self.get(field, "")
        if not isinstance(value, str) or not value:
            self.fail(field, "缺少，或不是文字")
        return value

    def whole(self, field: str) -> int:
        """A natural number that must be there."""
        text = self.text(field)
        if not re.fullmatch("[0-9]{1,6}", text):
            self.fail(field, f"“{text}”不是整数")
        return int(text)

    def digits(self, field: str) -> Decimal | None:
        """A figure digit for digit (17 stays 17); None where the file says null."""
        value = self.get(field)
        if value is None:
            return None
        if not isinstance(value, str) or not _DIGITS.fullmatch(value):
            self.fail(field, f"“{value}”不是数字，应照原文写数字本身，如 223.7")
        return Decimal(value)

    def unit(self, field: str) -> str:
        """A unit of measurement that the product knows, or blank."""
        name: str = self.get(field, "")
        if name:
            try:
                get_unit(name)
            except NumberError as error:
                self.fail(field, str(error))
        return name

    def period(self, field: str) -> Period:
        try:
            return Period.from_code(self.text(field))
        except PeriodError as error:
            self.fail(field, str(error))

    def one(self, field: str, known: Mapping[str, T]) -> T:
        """What the code in `field` stands for."""
        code = self.text(field)
        if code not in known:
            self.fail(field, f"没有代码为“{code}”的记录")
        return known[code]

    def maybe(self, field: str, known: Mapping[str, T]) -> T | None:
        """What the code in `field` stands for, if there is one."""
        return None if self.get(field) is None else self.one(field, known)

    def several(self, field: str, known: Mapping[str, T]) -> list[T]:
        """What the codes in the list `field` stand for."""
        codes = self.get(field, [])
        if not isinstance(codes, list):
            self.fail(field, "应为代码列表")
        for code in codes:
            if code not in known:
                self.fail(field, f"没有代码为“{code}”的记录")
        return [known[code] for code in codes]

    def parts(self, field: str) -> list[Row]:
        """The entries of a list inside this entry."""
        parts = self.get(field, [])
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            self.fail(field, "应为条目列表")
        prefix = f"{self.prefix}{field}"
        return [Row(self.file, self.label, part, prefix=f"{prefix}[{n}].") for n, part in enumerate(parts, 1)]

    def part(self, field: str) -> Row | None:
        """The entry inside this entry, if there is one."""
        part = self.get(field)
        if part is None:
            return None
        if not isinstance(part, dict):
            self.fail(field, "应为一个条目")
        return Row(self.file, self.label, part, prefix=f"{self.prefix}{field}.")

    def no_circle(self, field: str, instance: Any, above: dict[int, int | None]) -> None:
        """Notes the parent of a stored instance in `above` (parents by key).

        Raises FixtureError when the way up from that parent leads back to the instance.
        """
        parent = getattr(instance, f"{field}_id")
        key: int | None = parent
        while key is not None:
            if key == instance.pk:
                self.fail(field, f"“{instance}”不能排在自己的下级之下，上下级成了循环")
            key = above.get(key)
        above[instance.pk] = parent

    def end(self) -> None:
        """Raises FixtureError when a field of its own was read by nobody: most likely a typing error."""
        for field in self._own:
            if field not in self.was_read:
                self.fail(field, "不认识的字段")


class Folder:
    """A directory of fixture files, and a count of what loading it changed.

    `content` takes the place of the files: entries by file and key.
    """

    def __init__(self, path: Path, content: Mapping[str, dict[str, Any]] | None = None) -> None:
        self.path = path
        self.tally: dict[type[models.Model], Counter[str]] = {}
        self._files: dict[str, dict[str, Any]] = dict(content or {})
        self._rows: dict[str, list[Row]] = {}
        self._written: set[Any] = set()
        self._groups: dict[Any, dict[tuple[Any, ...], Any]] = {}

    def rows(self, file: str, key: str) -> list[Row]:
        """The entries under `key`, each completed by the file's defaults; none when there is no such file."""
        content = self._content(file)
        entries = content.pop(key, [])
        if not isinstance(entries, list):
            raise FixtureError(f"{file} 的 {key} 应为条目列表。")
        defaults = content.get("defaults", {})
        rows = []
        for number, entry in enumerate(entries, 1):
            if not isinstance(entry, dict):
                raise FixtureError(f"{file} 的 {key} 第{number}条不是条目。")
            names = [str(entry[name]) for name in ("fact", "code", "indicator") if entry.get(name)]
            label = f"{key} 第{number}条" + (f"（{' '.join(names[:2])}）" if names else "")
            rows.append(Row(file, label, entry, defaults=defaults))
        self._rows.setdefault(file, []).extend(rows)
        return rows

    def each(self, file: str, key: str, put: Callable[[Row], object]) -> None:
        """Has `put` store each entry under `key`, and looks whether it has read all of it."""
        for row in self.rows(file, key):
            put(row)
            row.end()

    def finish(self) -> None:
        """Raises FixtureError for anything in the directory that no loader has read."""
        for file in sorted(path.name for path in self.path.glob("*.json")):
            if file not in self._files:
                raise FixtureError(f"{file}：不认识的数据文件。")
            used = {field for row in self._rows.get(file, []) for field in row.was_read}
            for key in self._files[file]:
                if key != "defaults":
                    raise FixtureError(f"{file} 的 {key}：不认识的内容。")
            for field in self._files[file].get("defaults", {}):
                if field not in used:
                    raise FixtureError(f"{file} defaults 的 {field}：不认识的字段。")

    def put(
        self,
        row: Row,
        model: type[M],
        *,
        where: Mapping[str, Any],
        fields: Iterable[str] = (),
        frozen: Iterable[str] = (),
        first: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> M:
        """The stored object `where` points at, made to say what the row says.

        `fields` are read from the row (the model's default where it is silent), `values` are given. Nothing
        is written when nothing differs, or when the last change was not ours. `frozen` columns are
        refused a change; `first` are values for a new object only. Objects are looked up together with all
        that share the first key of `where` (all of the model when it has one key), in one query.
        """
        for name in fields:
            values[name] = row.get(name, column(model, name).get_default())
        wanted = model(**where, **values, **(first or {}))
        self.clean(row, wanted)
        self.claim(row, model, where)
        found = self._stored(wanted, where)
        if found is None:
            return self.create(row, wanted)
        changed = [name for name in values if _differs(found, wanted, column(model, name).attname)]
        if changed and not self.is_ours(found):
            self.count(model, KEPT)
            return found
        for name in changed:
            if name in frozen:
                row.fail(name, "已装载的内容不能就地修改，请另加一个版本并写明理由和批准依据")
            attname = column(model, name).attname
            setattr(found, attname, getattr(wanted, attname))
        if changed:
            self._save(row, found, update_fields=changed)
        self.count(model, CHANGED if changed else SAME)
        return found

    def claim(self, row: Row, model: type[models.Model], where: Mapping[str, Any]) -> None:
        """Raises FixtureError when an earlier entry was about the same object already."""
        identity = (model, tuple(getattr(value, "pk", value) for value in where.values()))
        if identity in self._written:
            row.fail("", "与前面的条目重复")
        self._written.add(identity)

    def create(self, row: Row, instance: M) -> M:
        """Stores a new object of the row."""
        self.clean(row, instance)
        self._save(row, instance)
        self.count(type(instance), ADDED)
        return instance

    def link(self, row: Row, through: type[M], owner: Mapping[str, Any], target: str, wanted: Iterable[Any]) -> None:
        """Makes `owner` linked to the `wanted` objects; what a person confirmed or removed stays so."""
        stored = {getattr(link, f"{target}_id"): link for link in through._default_manager.filter(**owner)}
        pks = set()
        for found in wanted:
            pks.add(found.pk)
            if found.pk in stored:
                self.count(through, SAME)
            elif found.pk in self.removed(through, target, **owner):
                self.count(through, KEPT)
            else:
                self.create(row, through(**owner, **{target: found}))
        for pk, link in stored.items():
            if pk not in pks and self.is_ours(link):
                self.remove(link)

    def remove(self, instance: models.Model) -> None:
        """Deletes what the file no longer says."""
        instance.delete()
        self.count(type(instance), REMOVED)

    def removed(self, model: type[models.Model], target: str, **shared: models.Model) -> set[int]:
        """Ids of the `target` of those objects that somebody else deleted; they are not put back."""
        before = {f"before__{name}_id": found.pk for name, found in shared.items()}
        deleted = Event.objects.filter(model=model._meta.label_lower, operation=Event.Operation.DELETE, **before)
        return set(deleted.exclude(origin__startswith=ORIGIN).values_list(f"before__{target}_id", flat=True))

    def _stored(self, wanted: M, where: Mapping[str, Any]) -> M | None:
        """The object in the database that has the same `where` as `wanted`."""
        model = type(wanted)
        columns = [column(model, name).attname for name in where]
        shared = dict(list(where.items())[:1]) if len(where) > 1 else {}
        group = (model, *columns, *shared.values())
        if group not in self._groups:
            self._groups[group] = {
                tuple(getattr(found, name) for name in columns): found
                for found in model._default_manager.filter(**shared)
            }
        return self._groups[group].get(tuple(getattr(wanted, name) for name in columns))

    def is_ours(self, instance: models.Model) -> bool:
        """Whether nobody else has changed it since we loaded it."""
        last = Event.objects.about(instance).first()
        return last is None or last.origin.startswith(ORIGIN)

    def clean(self, row: Row, instance: models.Model) -> None:
        """Coerces and checks the instance's own columns; relations were looked up already."""
        relations = {field.name for field in instance._meta.concrete_fields if field.is_relation}
        try:
            instance.clean_fields(exclude=relations)
        except ValidationError as error:
            row.fail_all([(field, problems[0]) for field, problems in error.message_dict.items()])
        for own in instance._meta.concrete_fields:
            moment = getattr(instance, own.attname)
            if isinstance(moment, dt.datetime) and moment.tzinfo is None:
                row.fail(own.name, "时间须带时区，如 2023-08-04T00:00:00+08:00")

    def refuse(self, row: Row, error: Exception, *touched: type[models.Model]) -> NoReturn:
        """Raises FixtureError for what an action or the database refused, in the words of the constraint."""
        if isinstance(error, ValidationError):
            row.fail("", "；".join(error.messages))
        if not isinstance(error, IntegrityError):
            row.fail("", str(error))
        name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
        constraints = [constraint for model in touched for constraint in model._meta.constraints]
        said = [str(constraint.violation_error_message) for constraint in constraints if constraint.name == name]
        row.fail("", said[0] if said else f"数据库拒绝这一条（{name}）")

    def _save(self, row: Row, instance: models.Model, **options: Any) -> None:
        try:
            instance.save(**options)
        except IntegrityError as error:
            self.refuse(row, error, type(instance))

    def count(self, model: type[models.Model], what: str) -> None:
        """Notes what became of one object of `model`."""
        self.tally.setdefault(model, Counter())[what] += 1

    def _content(self, file: str) -> dict[str, Any]:
        if file not in self._files:
            path = self.path / file
            self._files[file] = _read(path) if path.exists() else {}
        return self._files[file]


def _read(path: Path) -> dict[str, Any]:
    """The file's content. Numbers stay the text they are written in, so that no digit is lost."""

    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        if twice:
            raise FixtureError(f"{path.name} 中字段“{twice[0]}”在同一条目里写了两次。")
        return dict(pairs)

    try:
        content = json.loads(
            path.read_text(encoding="utf-8"),
            parse_float=str,
            parse_int=str,
            parse_constant=str,
            object_pairs_hook=no_duplicates,
        )
    except UnicodeDecodeError:
        raise FixtureError(f"{path.name} 不是 UTF-8 编码。") from None
    except json.JSONDecodeError as error:
        raise FixtureError(f"{path.name} 第{error.lineno}行第{error.colno}列不是合法的 JSON。") from None
    if not isinstance(content, dict) or not isinstance(content.get("defaults", {}), dict):
        raise FixtureError(f"{path.name} 应为一个 JSON 对象，defaults 也是。")
    return content


def column(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    """The model's own field of that name."""
    found = model._meta.get_field(name)
    assert isinstance(found, models.Field)
    return found


def _differs(stored: models.Model, wanted: models.Model, attname: str) -> bool:
    old, new = getattr(stored, attname), getattr(wanted, attname)
    # 17 and 17.0 are equal numbers, but not the same print.
    return str(old) != str(new) if isinstance(old, Decimal) and isinstance(new, Decimal) else bool(old != new)


def by_code(objects: Iterable[M]) -> dict[str, M]:
    """The objects under their codes."""
    return {getattr(found, "code"): found for found in objects}  # noqa: B009 - M has no `code` for mypy


def load(folder: Folder) -> None:
    """Districts and departments."""
    load_districts(folder)
    load_departments(folder)


def load_districts(folder: Folder) -> None:
    districts: dict[str, District] = by_code(District.objects.all())
    above = {district.pk: district.parent_id for district in districts.values()}

    def put(row: Row) -> None:
        parent, code = row.maybe("parent", districts), row.text("code")
        fields = ("name", "name_en", "short_name", "level")
        district = folder.put(row, District, where={"code": code}, fields=fields, parent=parent)
        row.no_circle("parent", district, above)
        districts[code] = district

    folder.each("districts.json", "districts", put)


def load_departments(folder: Folder) -> None:
    districts = by_code(District.objects.all())
    fields = ("name", "short_name", "is_assumed", "order", "head", "statistics_head", "phone", "needs_sign_off")

    def put(row: Row) -> None:
        where = {"district": row.one("district", districts), "code": row.text("code")}
        folder.put(row, Department, where=where, fields=fields)

    folder.each("departments.json", "departments", put)
