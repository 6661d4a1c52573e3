#!/bin/sh
# Make what docker-compose.yml needs beside itself: .env with random secrets, certificates,
# and data/ with the centre's configuration and state.
#
#   deploy/prepare-centre.sh NAME [NAME|IP ...]    every name or address that edges reach this machine by
#
# Run it as the user who will run `docker compose`. What is there already is kept.
set -eu
umask 077
[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
out=${BEACON_CENTRE_DIR:-$here}

if [ ! -e "$out/.env" ]; then
    {
        echo "BEACON_INFLUX_TOKEN=$(openssl rand -hex 32)"
        echo "INFLUX_ADMIN_PASSWORD=$(openssl rand -hex 16)"
        echo "GRAFANA_ADMIN_PASSWORD=$(openssl rand -hex 16)"
        echo "BEACON_UID=$(id -u)"
        echo "BEACON_GID=$(id -g)"
    } >"$out/.env"
    echo "$out/.env: random secrets, mode 0600; Grafana's user is admin"
fi
[ -e "$out/certs/ca.crt" ] || "$here/make-certs.sh" "$out/certs" ca
[ -e "$out/certs/server.crt" ] || "$here/make-certs.sh" "$out/certs" server "$@" mosquitto localhost
[ -e "$out/certs/collector.crt" ] || "$here/make-certs.sh" "$out/certs" collector
mkdir -p "$out/data/mosquitto" "$out/data/beacon"
for file in centre/collector.toml buildings.toml rules.toml; do
    target=$out/data/beacon/${file##*/}
    [ -e "$target" ] || cp "$here/$file" "$target"
done
if [ ! -e "$out/data/beacon/site.toml" ]; then
    names=$(printf '"%s", ' "$@")
    sed "s|^hosts = .*|hosts = [${names%, }]|" "$here/centre/site.toml" >"$out/data/beacon/site.toml"
fi
[ -e "$out/data/beacon/web_secret" ] || openssl rand -hex 32 >"$out/data/beacon/web_secret"
[ -e "$out/data/beacon/users.toml" ] || : >"$out/data/beacon/users.toml"
echo "your buildings and quotas: $out/data/beacon/buildings.toml and rules.toml"
echo "the site's names, if the TLS proxy calls it otherwise: [web] hosts in $out/data/beacon/site.toml"
echo "ready: docker compose -f deploy/docker-compose.yml up -d --build"
echo "log in to the site with a user of your own:"
echo "  docker compose -f deploy/docker-compose.yml run --rm site user password NAME --role admin --file /var/lib/beacon/users.toml"
echo "then move $out/certs/ca.key to a safe place; it is needed only to make further certificates"
