#!/bin/sh
# Install or update the Beacon edge on a Raspberry Pi or any Debian machine with systemd.
#
#   sudo deploy/install-edge.sh                 the edge of a fleet, from a copy of this repository
#   sudo deploy/install-edge.sh --site          one whole building: edge, store, rules and site
#   sudo deploy/install-edge.sh --wheels DIR    without internet: packages from a folder of wheels
#
# Makes: user `beacon`, /opt/beacon/venv, and beacon-edge.service with /etc/beacon/edge.toml, or
# beacon-site.service with the files of deploy/one-building in /var/lib/beacon (only where there are
# none). Running it again updates the program and keeps configuration and readings.
set -eu

root=${BEACON_ROOT:-}  # a test installs below a folder
source=$(cd "$(dirname "$0")/.." && pwd)
wheels=
part=edge
extras=edge

fail() {
    echo "install-edge.sh: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
    --wheels)
        [ $# -ge 2 ] || fail "--wheels needs a folder"
        wheels=$(cd "$2" && pwd) || fail "$2 is no folder"
        shift 2
        ;;
    --site)
        part=site
        extras=all
        shift
        ;;
    *) fail "unknown option $1; see the first lines of this file" ;;
    esac
done

[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "run it as root: sudo $0"
[ -n "$root" ] || command -v systemctl >/dev/null || fail "systemd is missing on this machine"
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or newer is needed; Raspberry Pi OS Bookworm has it"
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "apt-get install python3-venv, then run this again"

if [ -z "$root" ] && ! id beacon >/dev/null 2>&1; then
    useradd --system --home-dir /var/lib/beacon --shell /usr/sbin/nologin --groups dialout beacon
fi

venv=$root/opt/beacon/venv
mkdir -p "$root/opt/beacon" "$root/etc/beacon" "$root/etc/systemd/system"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
if [ -n "$wheels" ]; then
    "$venv/bin/pip" install --quiet --no-index --find-links "$wheels" --upgrade "beacon[$extras]"
else
    # The lock holds every package's checksum; as constraints it lets the edge take its own few.
    sed -n 's/^\([A-Za-z0-9_.-]*==[^ ]*\).*/\1/p' "$source/requirements.lock" >"$root/opt/beacon/constraints.txt"
    rm -rf "$source/build"  # what an older build left there would be installed, too
    "$venv/bin/pip" install --quiet --upgrade -c "$root/opt/beacon/constraints.txt" "$source[$extras]"
fi

case $part in
edge)
    config=/etc/beacon
    files=$source/deploy/edge.toml
    ;;
site)
    config=/var/lib/beacon
    files="$source"/deploy/one-building/*.toml
    ;;
esac
mkdir -p "$root$config"
if [ ! -e "$root$config/edge.toml" ]; then
    # shellcheck disable=SC2086 # a pattern
    cp $files "$root$config/"
    echo "$config/edge.toml is a sample: write your meters into it, then: beacon $part check $config/$part.toml"
    fresh=yes
fi
if [ ! -e "$root/etc/beacon/$part.env" ]; then
    echo "# Passwords that the configuration names by password_env, one NAME=value a line" >"$root/etc/beacon/$part.env"
fi
chmod 600 "$root/etc/beacon/$part.env"
cp "$source/deploy/systemd/beacon-$part.service" "$root/etc/systemd/system/beacon-$part.service"

if [ -n "$root" ]; then
    exit 0
fi
chown -R root:beacon /etc/beacon
chmod 750 /etc/beacon
chown root:root "/etc/beacon/$part.env"
if [ "$part" = edge ]; then chmod 640 /etc/beacon/edge.toml; else chown -R beacon:beacon /var/lib/beacon; fi
find /etc/beacon -name '*.key' -exec chown beacon:beacon {} + -exec chmod 600 {} +
ln -sf /opt/beacon/venv/bin/beacon /usr/local/bin/beacon
systemctl daemon-reload
systemctl enable --quiet "beacon-$part.service"
if [ "${fresh:-no}" = yes ]; then
    echo "then start it: systemctl start beacon-$part"
else
    systemctl restart "beacon-$part.service"
    systemctl --no-pager --lines=0 status "beacon-$part.service"
fi
