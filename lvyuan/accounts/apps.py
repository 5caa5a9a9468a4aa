from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "lvyuan.accounts"
    label = "accounts"
    verbose_name = "账号与部门"
    default_auto_field = "django.db.models.BigAutoField"
