"""What can be named."""

from __future__ import annotations

from indicators.imports.lines import Known
from indicators.imports.records import Meant
from indicators.imports.understanding.wording import Wording
from indicators.models import Indicator
from lvyuan.periods import PeriodKind


class Names:
    """The indicators and districts that can be named, in the forms the reading needs."""

    def __init__(self, known: Known) -> None:
        self.wording = Wording(known)
        indicators = {i.code: i for found in known.indicators.values() for i in found}
        self.keys = {code: indicator.pk for code, indicator in indicators.items()}
        self.codes = {indicator.pk: code for code, indicator in indicators.items()}
        self.titles = {code: indicator.name for code, indicator in indicators.items()}
        self.places = {d.code: d.name for found in known.districts.values() for d in found}
        self.by_name = {name: codes[0] for name, codes in self.wording.indicators.items() if len(codes) == 1}
        self.slots = {code: indicator.slots for code, indicator in indicators.items()}
        self.years = [known.today.year - back for back in range(8)]
        self.today = known.today
        self.meant = {
            code: Meant(
                code,
                PeriodKind(i.primary_kind),
                next((version.unit for version in reversed(known.versions[i.pk])), ""),
                i.nature == Indicator.Nature.TEXT,
            )
            for code, i in indicators.items()
        }
