#!/bin/sh
# Runs once, on an empty data volume: the two roles and the database they share.
# lvyuan_owner owns and migrates; lvyuan_app gets from the migrations what the pages need, and nothing else.
set -eu
: "${LVYUAN_OWNER_PASSWORD:?}" "${LVYUAN_APP_PASSWORD:?}"
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<'SQL'
\getenv owner_password LVYUAN_OWNER_PASSWORD
\getenv app_password LVYUAN_APP_PASSWORD
CREATE ROLE lvyuan_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE lvyuan_app LOGIN PASSWORD :'app_password';
CREATE DATABASE lvyuan OWNER lvyuan_owner;
REVOKE CONNECT, TEMPORARY ON DATABASE lvyuan FROM PUBLIC;
GRANT CONNECT ON DATABASE lvyuan TO lvyuan_app;
SQL
