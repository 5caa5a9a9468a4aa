# One command each; the first use makes .venv from the lock files by itself. `make help` lists them.
# PORT, DATABASE_URL, DATA_DIR and the rest of .env.example are taken from the environment.

PYTHON ?= python3
export PYTHON
PY := .venv/bin/python
TEMPLATES = $(wildcard lvyuan/*/templates indicators/templates projects/templates)
# Settings as in production, for the tools that only read them.
PRODUCTION = LOCAL_ACCOUNTS=0 ALLOWED_HOSTS=kpi.example.gov.cn \
	SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))')
NO_DATABASE = DATABASE_URL=postgres://nobody@127.0.0.1/none
# Test processes: the browser tests in one, the rest in the other.
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run demo test mutants bench lint format lock messages screenshots psql clean

help: ## 列出全部命令
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

run: ## 在本机启动（http://127.0.0.1:8000/，PORT 换端口，Ctrl-C 停止）
	@.ci/setup run
	@LOCAL_ACCOUNTS=$${LOCAL_ACCOUNTS:-1} exec $(PY) manage.py serve --stop-with-parent

demo: ## 同 make run，另载入标明为演示的数据，数据库另用一个
	@.ci/setup run
	@DEMO=1 DATA_DIR="$${DATA_DIR:-$(CURDIR)/.data}/demo" LOCAL_ACCOUNTS=$${LOCAL_ACCOUNTS:-1} \
		exec $(PY) manage.py serve --stop-with-parent --demo

test: ## 全部测试（ARGS="-k 名称" 只跑一部分，JOBS=0 单进程）
	@.ci/setup dev
	@BROWSER="$${BROWSER:-$$(command -v chromium || command -v chromium-browser || true)}"; export BROWSER; \
	if [ -z "$$BROWSER" ] && [ -z "$$REQUIRE_BROWSER" ]; then \
		echo "没有浏览器，浏览器测试未运行：请管理员安装 chromium、fonts-noto-cjk、libatomic1 后再运行 make test。"; \
	fi; \
	LVYUAN_PG_FAST=1 $(PY) -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

mutants: ## 变异测试：逐处改错公式，看测试能否发现（约一分钟，结果见 docs/mutants.md）
	@.ci/setup dev
	@rm -rf mutants
	@$(PY) -m mutmut run $(ARGS)
	@$(PY) -m mutmut results

bench: ## 性能测量：打印表格，写 build/bench.json
	@.ci/setup dev
	@mkdir -p build
	@$(PY) -m tests.bench $(ARGS)

lint: ## 格式、静态检查、类型、模板、Dockerfile、上线检查、缺失的迁移
	@.ci/setup dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(if $(TEMPLATES),$(PY) -m djlint --quiet --check --lint $(TEMPLATES))
	@$(NO_DATABASE) $(PRODUCTION) $(PY) -m mypy
	.venv/bin/hadolint Dockerfile
	@$(NO_DATABASE) $(PRODUCTION) $(PY) manage.py check --deploy --fail-level WARNING
	@$(PRODUCTION) $(PY) manage.py makemigrations --check --dry-run

format: ## 统一代码和模板格式
	@.ci/setup dev
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .
	@$(if $(TEMPLATES),$(PY) -m djlint --quiet --reformat $(TEMPLATES))

lock: ## 按 pyproject.toml 更新锁定文件（UPGRADE=1 换用最新版本）
	@.ci/lock $(if $(UPGRADE),--upgrade)

messages: ## 收集界面文字，合并到英文译文 locale/en 并编译
	@.ci/setup dev
	@$(NO_DATABASE) $(PRODUCTION) $(PY) -m tests.messages $(ARGS)

screenshots: ## 重新生成 README 的截图（需要 chromium）
	@.ci/setup dev
	@BROWSER="$${BROWSER:-$$(command -v chromium || true)}" $(PY) -m tests.screenshots $(ARGS)

psql: ## 以应用的数据库角色打开 psql（ARGS=--owner 用属主角色）
	@.ci/setup run
	@$(PY) -m lvyuan.embedded $(ARGS)

clean: ## 删除 .venv、缓存和生成物；数据目录 .data 保留
	rm -rf .venv build mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -not -path './.data/*' -prune -exec rm -rf {} +
	@if [ -d .data ]; then echo "数据保留在 .data；确实要删除时，先停止服务，再运行 rm -rf .data"; fi
