"""What is done about the targets: lists of key projects, their stages and task forces, named places."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from indicators.models import Indicator, Source, StrategyNode
from indicators.models.definitions import one_at_a_time
from lvyuan.accounts.models import Department, District, User
from lvyuan.audit.triggers import recorded


class Place(models.Model):
    """A place, company, road or event that a source names. Only project-like ones are projects too."""

    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))
    code = models.SlugField(_("代码"), max_length=60)
    kind = models.CharField(_("类别"), max_length=20)
    name = models.CharField(_("名称"), max_length=80)
    name_en = models.CharField(_("英文名称"), max_length=160, blank=True)
    aliases = ArrayField(models.CharField(max_length=80), verbose_name=_("别名"), default=list, blank=True)
    node = models.ForeignKey(
        StrategyNode, models.PROTECT, null=True, blank=True, related_name="places", verbose_name=_("战略节点")
    )
    status_wording = models.CharField(_("原文状态"), max_length=40, blank=True)
    source = models.ForeignKey(Source, models.PROTECT, verbose_name=_("来源"))
    locator = models.CharField(_("出处"), max_length=80, blank=True)
    note = models.TextField(_("说明"), blank=True)

    class Meta:
        verbose_name = _("文中点名")
        verbose_name_plural = _("文中点名")
        ordering = ["district", "kind", "code"]
        constraints = [models.UniqueConstraint(fields=["district", "code"], name="place_code_unique")]
        triggers = recorded()

    def __str__(self) -> str:
        return self.name


class KeyProjectQuerySet(models.QuerySet["KeyProject"]):
    def visible_to(self, user: User) -> KeyProjectQuerySet:
        """Every signed-in person sees all projects; who may change one is for the actions to say."""
        return self.all() if user.is_authenticated and user.is_active else self.none()


class KeyProject(models.Model):
    """A project. A placeholder stands for one whose name the source does not tell."""

    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))
    code = models.SlugField(_("代码"), max_length=60)
    name = models.CharField(_("名称"), max_length=80)
    name_en = models.CharField(_("英文名称"), max_length=160, blank=True)
    aliases = ArrayField(models.CharField(max_length=80), verbose_name=_("别名"), default=list, blank=True)
    is_placeholder = models.BooleanField(_("名称待录入"), default=False)
    kind = models.CharField(_("类别"), max_length=20, blank=True)
    department = models.ForeignKey(
        Department, models.PROTECT, null=True, blank=True, related_name="projects", verbose_name=_("责任单位")
    )
    place = models.OneToOneField(
        Place, models.PROTECT, null=True, blank=True, related_name="project", verbose_name=_("文中点名")
    )
    nodes = models.ManyToManyField(
        StrategyNode, through="ProjectNode", related_name="projects", verbose_name=_("战略节点")
    )
    note = models.TextField(_("说明"), blank=True)

    objects = KeyProjectQuerySet.as_manager()

    class Meta:
        verbose_name = _("重点项目")
        verbose_name_plural = _("重点项目")
        ordering = ["district", "code"]
        constraints = [
            models.UniqueConstraint(
                fields=["district", "code"],
                name="keyproject_code_unique",
                violation_error_message=_("同一区内项目代码不能重复。"),
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("projects:project-detail", args=[self.code])


class ProjectNode(models.Model):
    project = models.ForeignKey(KeyProject, models.CASCADE, verbose_name=_("重点项目"))
    node = models.ForeignKey(StrategyNode, models.CASCADE, verbose_name=_("战略节点"))
    is_suggested = models.BooleanField(_("系统建议"), default=True)

    class Meta:
        verbose_name = _("项目与战略节点")
        verbose_name_plural = _("项目与战略节点")
        constraints = [models.UniqueConstraint(fields=["project", "node"], name="projectnode_unique")]
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.project} · {self.node}"


class ProjectList(models.Model):
    """A year's list of key projects. What was reported about it are figures of three indicators."""

    district = models.ForeignKey(District, models.PROTECT, related_name="project_lists", verbose_name=_("区划"))
    code = models.SlugField(_("代码"), max_length=40)
    name = models.CharField(_("名称"), max_length=80)
    year = models.PositiveSmallIntegerField(_("年度"))
    authority = models.CharField(_("下达依据"), max_length=120, blank=True)
    reported_on = models.DateField(_("报道截至"), null=True, blank=True)
    total_indicator = models.ForeignKey(
        Indicator, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("报道总数")
    )
    started_indicator = models.ForeignKey(
        Indicator, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("报道开工数")
    )
    rate_indicator = models.ForeignKey(
        Indicator, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("报道开工率")
    )
    source = models.ForeignKey(Source, models.PROTECT, verbose_name=_("来源"))
    locator = models.CharField(_("出处"), max_length=80, blank=True)
    note = models.TextField(_("说明"), blank=True)
    known_from = models.DateTimeField(_("自何时可知"), db_default=Now())

    class Meta:
        verbose_name = _("项目清单")
        verbose_name_plural = _("项目清单")
        ordering = ["district", "-year"]
        constraints = [models.UniqueConstraint(fields=["district", "code"], name="projectlist_code_unique")]
        triggers = recorded(moments=("known_from",))

    def __str__(self) -> str:
        return self.name


class ListMembership(models.Model):
    """A project's place on a list, from when to when; rates count members only."""

    list = models.ForeignKey(ProjectList, models.PROTECT, related_name="memberships", verbose_name=_("项目清单"))
    project = models.ForeignKey(KeyProject, models.PROTECT, related_name="memberships", verbose_name=_("重点项目"))
    number = models.PositiveSmallIntegerField(_("序号"))
    valid_from = models.DateField(_("列入"), null=True, blank=True, help_text=_("空：来源未载"))
    valid_to = models.DateField(_("移出"), null=True, blank=True, help_text=_("最后列入的一天"))
    known_from = models.DateTimeField(_("自何时可知"), db_default=Now())

    class Meta:
        verbose_name = _("列入清单")
        verbose_name_plural = _("列入清单")
        ordering = ["list", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["list", "number"],
                condition=Q(valid_to__isnull=True),
                name="listmembership_number_unique",
                violation_error_message=_("清单内序号不能重复。"),
            ),
            one_at_a_time(
                "listmembership_one_at_a_time", "list", "project", message=_("同一项目在清单内同一天只列一次。")
            ),
            models.CheckConstraint(
                name="listmembership_dates_ordered",
                condition=Q(valid_to__isnull=True) | Q(valid_from__isnull=True) | Q(valid_to__gte=F("valid_from")),
                violation_error_message=_("移出日期不得早于列入日期。"),
            ),
        ]
        indexes = [models.Index("known_from", name="listmembership_known")]
        triggers = recorded(moments=("known_from",))

    def __str__(self) -> str:
        return f"{self.list} {self.number}"


class StageEvent(models.Model):
    """A stage reached: on a date, or no later than one when the source tells only that."""

    class Stage(models.TextChoices):
        PLANNED = "planned", _("谋划")
        SIGNED = "signed", _("签约")
        PERMITTED = "permitted", _("手续")
        STARTED = "started", _("开工")
        BUILDING = "building", _("建设")
        COMPLETED = "completed", _("竣工")
        PRODUCING = "producing", _("投产")
        EFFECTIVE = "effective", _("达效")
        SUSPENDED = "suspended", _("停工")
        RESUMED = "resumed", _("复工")

    class EvidenceKind(models.TextChoices):
        SUMMARY = "summary", _("报道汇总")
        WORDING = "wording", _("报道表述")
        PHOTO = "photo", _("现场照片")
        PERMIT = "permit", _("施工许可")

    project = models.ForeignKey(KeyProject, models.PROTECT, related_name="events", verbose_name=_("重点项目"))
    stage = models.CharField(_("阶段"), max_length=10, choices=Stage)
    planned_on = models.DateField(_("计划日期"), null=True, blank=True)
    happened_on = models.DateField(_("实际日期"), null=True, blank=True)
    no_later_than = models.DateField(_("不晚于"), null=True, blank=True)
    evidence_kind = models.CharField(_("依据"), max_length=10, choices=EvidenceKind, blank=True)
    is_unspecified = models.BooleanField(_("未指明具体项目"), default=False)
    source = models.ForeignKey(Source, models.PROTECT, null=True, blank=True, verbose_name=_("来源"))
    locator = models.CharField(_("出处"), max_length=80, blank=True)
    note = models.TextField(_("说明"), blank=True)
    entered_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("登记人")
    )
    known_from = models.DateTimeField(_("自何时可知"), db_default=Now())

    class Meta:
        verbose_name = _("阶段")
        verbose_name_plural = _("阶段")
        ordering = ["project", "happened_on", "no_later_than", "id"]
        constraints = [
            models.CheckConstraint(
                name="stageevent_has_date",
                condition=Q(planned_on__isnull=False) | Q(happened_on__isnull=False) | Q(no_later_than__isnull=False),
                violation_error_message=_("阶段须有计划日期、实际日期或不晚于的日期。"),
            ),
            models.CheckConstraint(
                name="stageevent_one_actual",
                condition=Q(happened_on__isnull=True) | Q(no_later_than__isnull=True),
                violation_error_message=_("实际日期已知时不再填不晚于的日期。"),
            ),
            models.CheckConstraint(
                name="stageevent_start_has_evidence",
                condition=~Q(stage="started")
                | (Q(happened_on__isnull=True) & Q(no_later_than__isnull=True))
                | ~Q(evidence_kind=""),
                violation_error_message=_("登记开工必须注明依据。"),
            ),
        ]
        indexes = [
            models.Index("project", "stage", name="stageevent_project_stage"),
            models.Index("known_from", name="stageevent_known"),
        ]
        triggers = recorded(moments=("known_from",))

    def __str__(self) -> str:
        return f"{self.project} {self.get_stage_display()}"


class TaskForce(models.Model):
    """The 专班 that pushes one project."""

    project = models.OneToOneField(KeyProject, models.PROTECT, related_name="task_force", verbose_name=_("重点项目"))
    lead_leader = models.CharField(_("包保领导"), max_length=60, blank=True)
    lead_department = models.ForeignKey(
        Department, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("牵头单位")
    )
    contact = models.CharField(_("联系人"), max_length=60, blank=True)
    phone = models.CharField(_("联系电话"), max_length=30, blank=True)

    class Meta:
        verbose_name = _("专班")
        verbose_name_plural = _("专班")
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.project}专班"


class TaskForceMember(models.Model):
    task_force = models.ForeignKey(TaskForce, models.CASCADE, related_name="members", verbose_name=_("专班"))
    name = models.CharField(_("姓名"), max_length=60)
    department = models.ForeignKey(
        Department, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("单位")
    )
    user = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("账号"))

    class Meta:
        verbose_name = _("专班成员")
        verbose_name_plural = _("专班成员")
        constraints = [models.UniqueConstraint(fields=["task_force", "name"], name="taskforcemember_unique")]
        triggers = recorded()

    def __str__(self) -> str:
        return self.name
