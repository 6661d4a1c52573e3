#!/bin/sh
# A private certificate authority for one fleet, and certificates for its broker, collectors and edges.
#
#   make-certs.sh DIR ca                          once, on a machine that stays off the network
#   make-certs.sh DIR server NAME [NAME|IP ...]   the broker, with every name that clients call it by
#   make-certs.sh DIR collector                   the centre's programs
#   make-certs.sh DIR edge SITE EDGE              one Raspberry Pi; copy ca.crt, SITE_EDGE.crt and .key to it
#   make-certs.sh DIR revoke SITE EDGE            a stolen Pi: writes crl.pem for the broker's `crlfile`
#
# Keys are EC P-256 with mode 0600. An existing file is never overwritten: remove it to renew.
set -eu
umask 077

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

fail() {
    echo "make-certs.sh: $*" >&2
    exit 1
}

[ $# -ge 2 ] || usage
command -v openssl >/dev/null || fail "openssl is missing: apt-get install openssl"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
what=$2
shift 2
days=${BEACON_CERT_DAYS:-825}

config() {
    cat <<EOF
[ca]
default_ca = fleet
[fleet]
dir = $dir
database = $dir/index.txt
new_certs_dir = $dir/issued
serial = $dir/serial
crlnumber = $dir/crlnumber
certificate = $dir/ca.crt
private_key = $dir/ca.key
default_md = sha256
default_crl_days = 30
unique_subject = no
policy = any
[any]
commonName = supplied
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = ${names:-DNS:localhost}
[client]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
EOF
}

new_key() {
    [ ! -e "$dir/$1.key" ] || fail "$dir/$1.key is there already; remove it to renew"
    openssl ecparam -name prime256v1 -genkey -noout -out "$dir/$1.key"
}

# issue FILE COMMON_NAME EXTENSIONS
issue() {
    [ -e "$dir/ca.key" ] || fail "no authority in $dir yet: run '$0 $dir ca' first"
    new_key "$1"
    config >"$dir/openssl.cnf"
    subject=$(printf '%s' "$2" | sed 's,/,\\/,g')
    openssl req -new -key "$dir/$1.key" -subj "/CN=$subject" -out "$dir/$1.csr" -config /dev/null
    openssl ca -batch -notext -config "$dir/openssl.cnf" -extensions "$3" -days "$days" \
        -in "$dir/$1.csr" -out "$dir/$1.crt" 2>"$dir/openssl.log" || {
        cat "$dir/openssl.log" >&2
        fail "openssl could not sign $1"
    }
    rm -f "$dir/$1.csr" "$dir/openssl.cnf" "$dir/openssl.log"
    chmod 644 "$dir/$1.crt"
    echo "$dir/$1.crt for $2"
}

edge_file() {
    for part in "$1" "$2"; do
        printf '%s' "$part" | grep -Eq '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$' ||
            fail "'$part' is no name: letters, digits, '_', '.', '-', at most 64"
    done
    file="$1_$2"
}

case $what in
ca)
    new_key ca
    openssl req -x509 -new -key "$dir/ca.key" -subj "/CN=Beacon fleet authority" -days 3650 -out "$dir/ca.crt" \
        -addext "basicConstraints=critical,CA:true,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign"
    mkdir -p "$dir/issued"
    : >"$dir/index.txt"
    openssl rand -hex 16 >"$dir/serial"
    echo 01 >"$dir/crlnumber"
    chmod 644 "$dir/ca.crt"
    echo "$dir/ca.crt: give this file to every machine, and ca.key to none"
    ;;
server)
    [ $# -ge 1 ] || usage
    names=
    for name in "$@"; do
        case $name in
        *[!0-9.]*) kind=DNS ;;
        *) kind=IP ;;
        esac
        names="${names:+$names,}$kind:$name"
    done
    issue server "$1" server
    ;;
collector)
    issue collector collector client
    ;;
edge)
    [ $# -eq 2 ] || usage
    edge_file "$1" "$2"
    issue "$file" "$1/$2" client
    ;;
revoke)
    [ $# -eq 2 ] || usage
    edge_file "$1" "$2"
    [ -e "$dir/$file.crt" ] || fail "$dir/$file.crt is not there"
    config >"$dir/openssl.cnf"
    openssl ca -batch -config "$dir/openssl.cnf" -revoke "$dir/$file.crt" 2>/dev/null ||
        fail "openssl could not revoke $file"
    openssl ca -batch -config "$dir/openssl.cnf" -gencrl -out "$dir/crl.pem" 2>/dev/null ||
        fail "openssl could not write $dir/crl.pem"
    rm -f "$dir/openssl.cnf" "$dir/$file.key"
    chmod 644 "$dir/crl.pem"
    echo "$dir/crl.pem: name it in mosquitto.conf as 'crlfile' in both listeners and restart the broker"
    ;;
*)
    usage
    ;;
esac
