"""Who may do what: districts, departments and people. The ground floor; it imports nothing above."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

from lvyuan.audit.triggers import recorded
from lvyuan.prepared import Given


class District(models.Model):
    """A county-level district, a development zone, or the city they belong to."""

    class Level(models.TextChoices):
        CITY = "city", _("市")
        URBAN = "urban", _("城区")
        OTHER = "other", _("其他区（开发区）")

    code = models.CharField(_("行政区划代码"), max_length=12, unique=True)
    name = models.CharField(_("名称"), max_length=60)
    name_en = models.CharField(_("英文名称"), max_length=120, blank=True)
    short_name = models.CharField(_("简称"), max_length=20)
    level = models.CharField(_("层级"), max_length=10, choices=Level, default=Level.URBAN)
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("上级"),
    )

    class Meta:
        verbose_name = _("区划")
        verbose_name_plural = _("区划")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="district_code_digits",
                condition=models.Q(code__regex=r"^[0-9]{6,12}$"),
                violation_error_message=_("行政区划代码是 6 至 12 位数字。"),
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return self.name


def district_key(code: str | Given) -> models.Subquery:
    """The key of the district with that code as one scalar, so that indexes which lead with it are used."""
    return models.Subquery(District.objects.filter(code=code).values("pk")[:1])


class Department(models.Model):
    """A department of a district that reports figures or runs projects."""

    code = models.SlugField(_("代码"), max_length=40)
    name = models.CharField(_("名称"), max_length=80)
    short_name = models.CharField(_("简称"), max_length=20)
    district = models.ForeignKey(District, models.PROTECT, related_name="departments", verbose_name=_("区划"))
    is_assumed = models.BooleanField(
        _("推定"), default=False, help_text=_("来源未载明责任单位，由系统按职能推定，可修改。")
    )
    order = models.PositiveSmallIntegerField(_("顺序"), default=0)
    head = models.CharField(_("单位负责人"), max_length=30, blank=True)
    statistics_head = models.CharField(_("统计负责人"), max_length=30, blank=True)
    phone = models.CharField(_("联系电话"), max_length=30, blank=True)
    needs_sign_off = models.BooleanField(
        _("提交前须负责人签发"), default=False, help_text=_("须有至少一名标为“单位负责人”的填报员账号。")
    )

    class Meta:
        verbose_name = _("部门")
        verbose_name_plural = _("部门")
        ordering = ["district", "order", "code"]
        constraints = [
            models.UniqueConstraint(
                fields=["district", "code"],
                name="department_code_unique",
                violation_error_message=_("同一区划内部门代码不能重复。"),
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return self.short_name


class Role(models.TextChoices):
    STAFF = "staff", _("填报员")
    REVIEWER = "reviewer", _("审核员")
    LEADER = "leader", _("领导")
    ADMIN = "admin", _("管理员")
    AUDITOR = "auditor", _("审计员")


class PeopleManager(UserManager["User"]):
    """Loads the department along: every page of a staff member needs it."""

    use_in_migrations = False

    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().select_related("department")


class User(AbstractUser):
    """A person with one role; staff belong to the department whose figures they log."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(_("姓名"), max_length=60, blank=True)
    role = models.CharField(_("角色"), max_length=10, choices=Role)
    department = models.ForeignKey(
        Department,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="users",
        verbose_name=_("部门"),
    )
    is_department_head = models.BooleanField(_("单位负责人"), default=False, help_text=_("可签发本单位的报送。"))
    is_local = models.BooleanField(
        _("本机试用账号"), default=False, editable=False, help_text=_("只在 LOCAL_ACCOUNTS=1 时能登录。")
    )

    REQUIRED_FIELDS = ["role"]

    objects = PeopleManager()

    class Meta:
        verbose_name = _("用户")
        verbose_name_plural = _("用户")
        ordering = ["username"]
        constraints = [
            models.CheckConstraint(
                name="user_staff_has_department",
                condition=~models.Q(role="staff") | models.Q(department__isnull=False),
                violation_error_message=_("填报员必须属于一个部门。"),
            ),
            models.CheckConstraint(
                name="user_head_is_staff",
                condition=models.Q(is_department_head=False) | models.Q(role="staff"),
                violation_error_message=_("单位负责人须是填报员。"),
            ),
            models.CheckConstraint(
                name="user_role_known",
                condition=models.Q(role__in=["staff", "reviewer", "leader", "admin", "auditor"]),
                violation_error_message=_("角色不在名单内。"),
            ),
        ]
        triggers = recorded(exclude=("password",), unseen=("last_login",))

    def __str__(self) -> str:
        return self.name or self.username

    def has_role(self, *roles: str) -> bool:
        """Whether the person holds one of `roles`."""
        return self.is_active and self.role in roles
