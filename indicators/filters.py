from __future__ import annotations

import django_filters as filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from indicators.models import Indicator
from lvyuan.accounts.models import Department


class IndicatorFilter(filters.FilterSet):
    """Which indicators the list shows; figures are none of its business."""

    q = filters.CharFilter(
        label=_("搜索"), method="search", widget=forms.SearchInput(attrs={"placeholder": _("名称或别名")})
    )
    category = filters.ChoiceFilter(label=_("领域"), choices=Indicator.Category.choices, empty_label=_("全部领域"))
    owner = filters.ModelChoiceFilter(label=_("责任单位"), queryset=Department.objects.all(), empty_label=_("全部单位"))

    class Meta:
        model = Indicator
        fields = ["q", "category", "owner"]

    def search(self, queryset: QuerySet[Indicator], name: str, value: str) -> QuerySet[Indicator]:
        in_names = Q(name__icontains=value) | Q(name_en__icontains=value) | Q(code__icontains=value)
        return queryset.filter(in_names | Q(aliases__contains=[value]))
