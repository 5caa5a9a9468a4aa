"""Keeps the English catalogue in step with the code, without GNU gettext: `make messages`.

Reads every marked text of templates and Python, merges it into locale/en (translations stay, what is gone becomes
obsolete), and compiles the .mo that Django reads. `ARGS=--forget` lets go of what is obsolete. Ends with 1 while
something is untranslated or obsolete.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polib

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("indicators", "lvyuan", "projects")
CATALOGUE = ROOT / "locale" / "en" / "LC_MESSAGES" / "django.po"
# Function → the positions of context, singular and plural among its arguments.
MARKERS: dict[str, tuple[int | None, int, int | None]] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (None, 0, None)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (None, 0, 1)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), (0, 1, None)),
}
# A text in a tag's or a filter's argument: _("…"), which no node of its own stands for.
_ARGUMENT = re.compile(r"""\b_\((?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\)""")
PLACEHOLDER = re.compile(r"%\([a-z_0-9]+\)[a-z]|%%|%[a-z]|\{[a-z_0-9]*\}")


class Message(NamedTuple):
    """What Django looks a text up by."""

    text: str
    plural: str | None = None
    context: str | None = None


def of_python(source: str) -> Iterator[Message]:
    """The texts that a module marks; what is no constant there is marked where it is written."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in MARKERS:
            continue
        constants = {
            place: argument.value
            for place, argument in enumerate(node.args)
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        }
        context, text, plural = MARKERS[name]
        if text in constants:
            yield Message(
                constants[text],
                constants.get(plural) if plural is not None else None,
                constants.get(context) if context is not None else None,
            )


def of_template(source: str) -> Iterator[Message]:
    """The texts that a template marks, as its own nodes look them up."""
    from django.template import engines
    from django.template.base import Lexer, TokenType
    from django.templatetags.i18n import BlockTranslateNode, TranslateNode
    from django.utils.translation import trim_whitespace

    engine = engines["django"].engine  # type: ignore[attr-defined]
    nodes = engine.from_string(source).nodelist
    for node in nodes.get_nodes_by_type(TranslateNode):
        text = node.filter_expression.var.literal
        yield Message(text.replace("%", "%%"), context=_context(node))
    for node in nodes.get_nodes_by_type(BlockTranslateNode):
        singular, plural = (node.render_token_list(part)[0] if part else None for part in (node.singular, node.plural))
        if node.trimmed:
            singular, plural = (trim_whitespace(part) if part else None for part in (singular, plural))
        yield Message(singular, plural, _context(node))
    for token in Lexer(source).tokenize():
        if token.token_type in (TokenType.VAR, TokenType.BLOCK):
            for found in _ARGUMENT.finditer(token.contents):
                yield Message((found[1] if found[1] is not None else found[2]).replace("%", "%%"))


def _context(node: object) -> str | None:
    found = getattr(node, "message_context", None)
    return str(found.resolve({})) if found is not None else None


def extract() -> dict[Message, list[str]]:
    """Every marked text of the project, with the files it stands in."""
    from lvyuan.ui.language import SCRIPTS, script_texts

    found: dict[Message, list[str]] = {Message(text): [SCRIPTS.relative_to(ROOT).as_posix()] for text in script_texts()}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if "migrations" in path.parts or path.suffix not in (".py", ".html"):
                continue
            read = of_python if path.suffix == ".py" else of_template
            name = path.relative_to(ROOT).as_posix()
            for message in read(path.read_text()):
                files = found.setdefault(message, [])
                if name not in files:
                    files.append(name)
    return found


def merge(catalogue: polib.POFile, messages: dict[Message, list[str]]) -> None:
    """Brings the catalogue's entries into the order and state of the messages; translations stay."""
    known = {Message(entry.msgid, entry.msgid_plural or None, entry.msgctxt): entry for entry in catalogue}
    kept = []
    for message, files in sorted(messages.items(), key=lambda item: (item[1][0], item[0].text)):
        entry = known.pop(message, None)
        if entry is None:
            entry = polib.POEntry(
                msgid=message.text, msgid_plural=message.plural or "", msgctxt=message.context, msgstr=""
            )
            if message.plural:
                entry.msgstr_plural = {0: "", 1: ""}
        entry.occurrences = [(name, "") for name in files]
        entry.obsolete = False
        entry.flags = ["python-format"] if "%(" in message.text else []
        kept.append(entry)
    for entry in known.values():
        entry.obsolete, entry.occurrences = True, []
    catalogue[:] = [*kept, *(entry for entry in known.values() if entry.msgstr)]


def compiled(catalogue: polib.POFile) -> bytes:
    """The .mo of a catalogue."""
    return bytes(catalogue.to_binary())


def load() -> polib.POFile:
    return polib.pofile(str(CATALOGUE), wrapwidth=100)


def main() -> int:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lvyuan.settings")
    django.setup()
    catalogue = load()
    merge(catalogue, extract())
    if "--forget" in sys.argv[1:]:
        catalogue[:] = [entry for entry in catalogue if not entry.obsolete]
    catalogue.save()
    CATALOGUE.with_suffix(".mo").write_bytes(compiled(catalogue))
    missing = catalogue.untranslated_entries()
    for entry in missing:
        print(f"{entry.occurrences[0][0]}: {entry.msgid}")
    gone = catalogue.obsolete_entries()
    for entry in gone:
        print(f"obsolete: {entry.msgid}")
    print(f"{len(catalogue) - len(gone)} texts, {len(missing)} untranslated, {len(gone)} obsolete (ARGS=--forget)")
    return 1 if missing or gone else 0


if __name__ == "__main__":
    sys.exit(main())
