#!/bin/bash
# Run by the PostgreSQL image when its data folder is new: a role and a database of its own for screening and for the
# gateway, as their addresses (postgresql://ROLE:SECRET@database/ROLE) say.
set -euo pipefail

for file in /run/secrets/store_url /run/secrets/replay_url; do
    address=$(<"$file")
    credentials=${address#*://}
    credentials=${credentials%%@*}
    NAME=${credentials%%:*} PASSWORD=${credentials#*:} psql -q -v ON_ERROR_STOP=1 --no-psqlrc --username postgres --dbname postgres <<'SQL'
\getenv name NAME
\getenv password PASSWORD
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
