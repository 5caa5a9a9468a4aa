"""The English catalogue is whole, and what keeps it so finds every marked text."""

from __future__ import annotations

import polib
import pytest

from tests.messages import CATALOGUE, PLACEHOLDER, Message, compiled, extract, load, merge, of_python, of_template


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return load()


def test_every_marked_text_is_translated(catalogue):
    known = {
        Message(entry.msgid, entry.msgid_plural or None, entry.msgctxt) for entry in catalogue if not entry.obsolete
    }
    assert known == set(extract()), "run make messages"
    assert [entry.msgid for entry in catalogue if not entry.translated()] == []
    assert catalogue.fuzzy_entries() == []
    assert catalogue.obsolete_entries() == []


def test_placeholders_agree(catalogue):
    wrong = {
        entry.msgid: text
        for entry in catalogue
        for text in entry.msgstr_plural.values() or [entry.msgstr]
        if set(PLACEHOLDER.findall(entry.msgid)) != set(PLACEHOLDER.findall(text))
    }
    assert wrong == {}


def test_the_compiled_catalogue_is_this_one(catalogue):
    assert CATALOGUE.with_suffix(".mo").read_bytes() == compiled(catalogue)


def test_texts_of_python():
    source = """
from django.utils.translation import gettext, ngettext_lazy, gettext_lazy as _
label = _("甲")
gettext("乙" "丙") % {"a": 1}
translation.pgettext("月", "丁")
ngettext_lazy("一条", "%(n)s条", 2)
gettext(label)
print("戊")
"""
    assert set(of_python(source)) == {
        Message("甲"),
        Message("乙丙"),
        Message("丁", context="月"),
        Message("一条", "%(n)s条"),
    }


def test_texts_of_a_template():
    source = """{% load i18n %}{# {% translate "注释" %} #}
{% if a %}{% translate "甲%" %}{% else %}{% for b in c %}{% translate "乙" context "月" %}{% endfor %}{% endif %}
{% blocktranslate with x=y|date:_("Y年") %}共{{ x }}项，{{ z }}%{% endblocktranslate %}
{% blocktranslate trimmed count n=n %}
  一条
{% plural %}
  {{ n }}条
{% endblocktranslate %}
{% include "ui/empty.html" with title=_("空") %}"""
    assert set(of_template(source)) == {
        Message("甲%%"),
        Message("乙", context="月"),
        Message("共%(x)s项，%(z)s%%"),
        Message("一条", "%(n)s条"),
        Message("Y年"),
        Message("空"),
    }


def test_merging_keeps_translations_and_lets_go_of_what_is_gone():
    catalogue = polib.POFile()
    catalogue.append(polib.POEntry(msgid="甲", msgstr="A"))
    catalogue.append(polib.POEntry(msgid="旧", msgstr="old"))
    merge(catalogue, {Message("甲"): ["a.py"], Message("新"): ["b.py"]})
    assert [(entry.msgid, entry.msgstr, entry.obsolete) for entry in catalogue] == [
        ("甲", "A", False),
        ("新", "", False),
        ("旧", "old", True),
    ]
