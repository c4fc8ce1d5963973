#!/bin/sh
# For /docker-entrypoint-initdb.d of the official postgres image: gives the services their roles and schemas when the
# database is created. Needs AFFILIATION_DB_PASSWORD and PAYMENT_DB_PASSWORD, and provision.sql at PROVISION_SQL.
set -eu

: "${AFFILIATION_DB_PASSWORD:?is not set}" "${PAYMENT_DB_PASSWORD:?is not set}"

# psql reads the passwords itself: on its command line every process of the machine could see them. Its output, where
# set_config would repeat them, is thrown away; errors still show.
psql --no-psqlrc --quiet --output=/dev/null --set=ON_ERROR_STOP=1 \
  --username="${POSTGRES_USER:-postgres}" --dbname="${POSTGRES_DB:-${POSTGRES_USER:-postgres}}" <<SQL
\\getenv affiliation_password AFFILIATION_DB_PASSWORD
\\getenv payment_password PAYMENT_DB_PASSWORD
SELECT set_config('oneq.affiliation_password', :'affiliation_password', false),
       set_config('oneq.payment_password', :'payment_password', false);
\\i ${PROVISION_SQL:-/oneq/provision.sql}
SQL
