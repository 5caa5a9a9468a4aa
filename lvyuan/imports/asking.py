"""The questions that only the sender can answer, and their answers so far."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from django.utils.translation import gettext

from lvyuan.imports.registry import Answers, Question

Options: TypeAlias = Sequence[tuple[str, str]]
IGNORE: Final = "ignore"  # the answer that leaves something out


@dataclass(slots=True)
class Asking:
    """Collects questions; an answer that is none of a question's options leaves it open."""

    answers: Answers
    remembered: Collection[str] = ()
    questions: list[Question] = field(default_factory=list)

    def ask(
        self,
        code: str,
        text: str,
        options: Options = (),
        *,
        place: str = "",
        suggested: str = "",
        is_valid: bool = True,
    ) -> str:
        """The answer given so far, "" while there is none or it is no valid one; the question is noted once."""
        told = self.answers.get(code, "")
        if not is_valid or (options and told not in dict(options)):
            told = ""
        if code not in {question.code for question in self.questions}:
            self.questions.append(
                Question(
                    code=code,
                    text=text,
                    place=place,
                    options=options,
                    suggested=suggested,
                    told=told,
                    is_remembered=bool(told) and code in self.remembered,
                )
            )
        return told


def listed(texts: Iterable[str], limit: int = 5) -> str:
    texts = list(texts)
    more = gettext("等") if len(texts) > limit else ""
    return gettext("、").join(texts[:limit]) + more
