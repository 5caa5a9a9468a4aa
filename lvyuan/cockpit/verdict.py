"""The cockpit's first sentence: which target is behind and by how much, or what is missing to say so. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.utils.translation import gettext as _

from indicators.standing import Stand, Standing


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the targets come to, composed of their own figures; `stands` come the gravest first."""

    stands: tuple[Stand, ...]

    @property
    def summary(self) -> str:
        """How many are how far, in the words of the gravest."""
        found = Counter(stand.standing for stand in self.stands)
        unknown = found[Standing.UNKNOWN]
        worst = self.stands[0].standing
        counts = {
            "all": len(self.stands),
            "count": found[worst],
            "unknown": unknown,
            "fine": len(self.stands) - unknown,
        }
        match worst:
            case Standing.BEHIND:
                said = _("%(all)d个目标中%(count)d个明显落后")
            case Standing.SLIGHT:
                said = _("%(all)d个目标中没有明显落后的，%(count)d个略有落后")
            case Standing.SHORT:
                said = _("%(all)d个目标中没有明显落后的，%(count)d个测算到期达不到")
            case Standing.UNJUDGED:
                said = _("%(all)d个目标中%(count)d个落后，尚未评灯")
            case _other if unknown == len(self.stands):
                said = _("%(all)d个目标都还不能判断快慢")
            case _other if unknown:
                said = _("%(all)d个目标中%(fine)d个不落后，%(unknown)d个还不能判断")
            case _other:
                said = _("%(all)d个目标都不落后")
        return said % counts

    @property
    def told(self) -> tuple[Stand, ...]:
        """Those that the sentence names: of the gravest standing, where that is a lag."""
        worst = self.stands[0].standing
        return tuple(stand for stand in self.stands if stand.standing is worst and worst < Standing.UNKNOWN)

    @property
    def others(self) -> tuple[Stand, ...]:
        """The rest that something can be said of."""
        return tuple(stand for stand in self.stands[len(self.told) :] if stand.standing is not Standing.UNKNOWN)

    @property
    def tone(self) -> str:
        return self.stands[0].tone

    @property
    def mark(self) -> str:
        """The shape of the gravest."""
        return self.stands[0].mark[0]

    @property
    def is_over(self) -> bool:
        """Whether all deadlines have passed without a result."""
        return all(stand.pace.is_past_due for stand in self.stands)

    @property
    def missing(self) -> str:
        """What is lacking before more can be said, and who enters it; empty when nothing is."""
        lacking = [stand for stand in self.stands if stand.pace.completion is None]
        said = []
        if lacking:
            who = _("、").join(dict.fromkeys(stand.owner for stand in lacking if stand.owner))
            said.append(
                _("%(count)d个缺当前值，由%(who)s填报") % {"count": len(lacking), "who": who}
                if who
                else _("%(count)d个缺当前值，尚未指定填报单位") % {"count": len(lacking)}
            )
        if self.is_over:
            said.append(_("目标期限都已过，到期结果尚未录入"))
        return _("；").join(said)
