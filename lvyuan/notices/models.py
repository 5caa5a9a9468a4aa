"""What people are told, how they want to be told, and what has to leave the house for it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lvyuan.accounts.models import User
from lvyuan.audit.triggers import INTERNAL, recorded


class Kind(models.TextChoices):
    """What a notice is about."""

    DUE_SOON = "due_soon", _("即将到期")
    DUE_TODAY = "due_today", _("今日到期")
    OVERDUE = "overdue", _("已逾期")
    CHASED = "chased", _("催报")
    SIGN_OFF = "sign_off", _("待签发")
    SUBMITTED = "submitted", _("待审核")
    RETURNED = "returned", _("已退回")
    APPROVED = "approved", _("已通过")
    REOPENED = "reopened", _("已重开")
    EXCUSED = "excused", _("免报")
    UNLOCKED = "unlocked", _("已临时开放")


class Mailing(models.TextChoices):
    """How notices of one kind reach a person's mailbox."""

    AT_ONCE = "at_once", _("立即")
    DIGEST = "digest", _("每日汇总")
    OFF = "off", _("不发邮件")


AT_ONCE_KINDS = (Kind.RETURNED, Kind.CHASED, Kind.OVERDUE)


def default_mailing(kind: str) -> Mailing:
    """What holds for people who chose nothing."""
    return Mailing.AT_ONCE if kind in AT_ONCE_KINDS else Mailing.DIGEST


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user: User) -> NoticeQuerySet:
        """One's own, whatever the role."""
        return self.filter(recipient=user) if user.is_authenticated and user.is_active else self.none()

    def unread(self) -> NoticeQuerySet:
        return self.filter(read_at__isnull=True)


class Notice(models.Model):
    """One event told to one person; `key` names the event, so that nobody is told twice."""

    recipient = models.ForeignKey(User, models.PROTECT, related_name="notices", verbose_name=_("收件人"))
    kind = models.CharField(_("类别"), max_length=12, choices=Kind)
    key = models.CharField(_("事件"), max_length=120)
    title = models.CharField(_("标题"), max_length=120)
    text = models.TextField(_("内容"))
    url = models.CharField(_("地址"), max_length=200)
    created_at = models.DateTimeField(_("时间"), default=timezone.now, editable=False)
    read_at = models.DateTimeField(_("阅读时间"), null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("通知")
        verbose_name_plural = _("通知")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["recipient", "key"], name="notice_told_once"),
            models.CheckConstraint(
                name="notice_kind_known",
                condition=Q(kind__in=Kind.values),
                violation_error_message=_("通知类别不在名单内。"),
            ),
            # A line break could begin another mail header.
            models.CheckConstraint(
                name="notice_title_one_line",
                condition=~Q(title="") & ~Q(title__regex=r"[\r\n]"),
                violation_error_message=_("通知标题须是一行文字。"),
            ),
            models.CheckConstraint(
                name="notice_url_of_this_site",
                condition=Q(url__regex=r"^/([^/\\]|$)"),
                violation_error_message=_("通知只能指向本系统的页面。"),
            ),
        ]
        indexes = [
            models.Index(fields=["recipient", "-created_at", "-id"], name="notice_list"),
            models.Index(fields=["recipient"], condition=Q(read_at__isnull=True), name="notice_unread"),
        ]
        triggers = recorded(topic=INTERNAL)

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return self.url


class NoticeChoice(models.Model):
    """How a person wants one kind of notice by mail; on the site every notice is shown."""

    user = models.ForeignKey(User, models.PROTECT, related_name="notice_choices", verbose_name=_("用户"))
    kind = models.CharField(_("类别"), max_length=12, choices=Kind)
    mail = models.CharField(_("邮件"), max_length=10, choices=Mailing)

    class Meta:
        verbose_name = _("通知方式")
        verbose_name_plural = _("通知方式")
        ordering = ["user", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="noticechoice_one_per_kind"),
            models.CheckConstraint(
                name="noticechoice_known",
                condition=Q(kind__in=Kind.values, mail__in=Mailing.values),
                violation_error_message=_("通知类别或方式不在名单内。"),
            ),
        ]
        triggers = recorded(topic=INTERNAL)

    def __str__(self) -> str:
        return f"{self.user} {self.get_kind_display()}：{self.get_mail_display()}"


class Webhook(models.Model):
    """An address outside that is told of events, signed with a secret both sides know."""

    name = models.CharField(_("名称"), max_length=60, unique=True)
    url = models.CharField(
        _("接收地址"),
        max_length=300,
        validators=[URLValidator(schemes=["http", "https"])],
        help_text=_("http 或 https"),
    )
    secret = models.CharField(_("签名密钥"), max_length=200)
    kinds = ArrayField(models.CharField(max_length=12, choices=Kind), verbose_name=_("通知类别"))
    is_active = models.BooleanField(_("启用"), default=True)

    class Meta:
        verbose_name = _("外部推送")
        verbose_name_plural = _("外部推送")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="webhook_by_http",
                condition=Q(url__regex=r"^https?://"),
                violation_error_message=_("接收地址须以 http:// 或 https:// 开头。"),
            ),
            models.CheckConstraint(
                name="webhook_secret_long",
                condition=Q(secret__regex=r"^.{16,}$"),  # noqa: S106
                violation_error_message=_("签名密钥至少16个字符。"),
            ),
        ]
        triggers = recorded(exclude=("secret",), topic=INTERNAL)

    def __str__(self) -> str:
        return self.name


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def pending(self) -> DeliveryQuerySet:
        return self.filter(state=Delivery.State.PENDING)

    def mails(self) -> DeliveryQuerySet:
        return self.filter(channel=Delivery.Channel.MAIL)

    def posts(self) -> DeliveryQuerySet:
        return self.filter(channel=Delivery.Channel.WEBHOOK)


class Delivery(models.Model):
    """A notice on its way out: written with the notice, so that no crash loses it."""

    class Channel(models.TextChoices):
        MAIL = "mail", _("邮件")
        WEBHOOK = "webhook", _("外部推送")

    class State(models.TextChoices):
        PENDING = "pending", _("待发送")
        SENT = "sent", _("已发送")
        FAILED = "failed", _("发送失败")

    notice = models.ForeignKey(Notice, models.PROTECT, related_name="deliveries", verbose_name=_("通知"))
    channel = models.CharField(_("途径"), max_length=10, choices=Channel)
    webhook = models.ForeignKey(
        Webhook, models.PROTECT, null=True, blank=True, related_name="deliveries", verbose_name=_("外部推送")
    )
    # The notice's: an event goes to a webhook once, however many people are told.
    key = models.CharField(_("事件"), max_length=120)
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(_("尝试次数"), default=0)
    last_error = models.CharField(_("最近的错误"), max_length=300, blank=True)
    next_try_at = models.DateTimeField(_("不早于"))
    sent_at = models.DateTimeField(_("发送时间"), null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("外发记录")
        verbose_name_plural = _("外发记录")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["notice"], condition=Q(channel="mail"), name="delivery_one_mail_per_notice"
            ),
            models.UniqueConstraint(
                fields=["webhook", "key"], condition=Q(channel="webhook"), name="delivery_one_post_per_event"
            ),
            models.CheckConstraint(
                name="delivery_channel_told",
                condition=Q(channel="mail", webhook__isnull=True) | Q(channel="webhook", webhook__isnull=False),
                violation_error_message=_("外部推送须注明推送到哪里，邮件则不须。"),
            ),
            models.CheckConstraint(
                name="delivery_sent_pair",
                condition=Q(state="sent", sent_at__isnull=False)
                | Q(state__in=["pending", "failed"], sent_at__isnull=True),
                violation_error_message=_("已发送须有发送时间。"),
            ),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(state="pending"), name="delivery_pending"),
        ]
        triggers = recorded(topic=INTERNAL)

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.notice}"
