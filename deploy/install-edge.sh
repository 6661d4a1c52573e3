#!/bin/sh
# Install or update the Beacon edge on a Raspberry Pi or any Debian machine with systemd.
#
#   sudo deploy/install-edge.sh             from a copy of this repository, or
#   sudo deploy/install-edge.sh --wheels DIR    without internet: packages from a folder of wheels
#
# Makes: user `beacon`, /opt/beacon/venv, /etc/beacon/edge.toml (only if there is none),
# /var/lib/beacon and beacon-edge.service. Running it again updates the program and keeps
# configuration and readings.
set -eu

root=${BEACON_ROOT:-}  # a test installs below a folder
source=$(cd "$(dirname "$0")/.." && pwd)
wheels=

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
    "$venv/bin/pip" install --quiet --no-index --find-links "$wheels" --upgrade "beacon[edge]"
else
    # The lock holds every package's checksum; as constraints it lets the edge take its own few.
    sed -n 's/^\([A-Za-z0-9_.-]*==[^ ]*\).*/\1/p' "$source/requirements.lock" >"$root/opt/beacon/constraints.txt"
    "$venv/bin/pip" install --quiet --upgrade -c "$root/opt/beacon/constraints.txt" "$source[edge]"
fi

if [ ! -e "$root/etc/beacon/edge.toml" ]; then
    cp "$source/deploy/edge.toml" "$root/etc/beacon/edge.toml"
    echo "/etc/beacon/edge.toml is a sample: write your meters into it, then 'beacon edge check /etc/beacon/edge.toml'"
    fresh=yes
fi
if [ ! -e "$root/etc/beacon/edge.env" ]; then
    echo "# Passwords that edge.toml names by password_env, one NAME=value a line" >"$root/etc/beacon/edge.env"
fi
chmod 600 "$root/etc/beacon/edge.env"
cp "$source/deploy/systemd/beacon-edge.service" "$root/etc/systemd/system/beacon-edge.service"

if [ -n "$root" ]; then
    exit 0
fi
chown -R root:beacon /etc/beacon
chmod 750 /etc/beacon
chmod 640 /etc/beacon/edge.toml
chown root:root /etc/beacon/edge.env
find /etc/beacon -name '*.key' -exec chown beacon:beacon {} + -exec chmod 600 {} +
ln -sf /opt/beacon/venv/bin/beacon /usr/local/bin/beacon
systemctl daemon-reload
systemctl enable --quiet beacon-edge.service
if [ "${fresh:-no}" = yes ]; then
    echo "then start it: systemctl start beacon-edge"
else
    systemctl restart beacon-edge.service
    systemctl --no-pager --lines=0 status beacon-edge.service
fi
