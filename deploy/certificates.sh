#!/usr/bin/env bash
# A certificate authority of your own and one certificate per station.
#   certificates.sh DIR ca                   the authority (keep DIR/ca.key offline)
#   certificates.sh DIR broker HOST          the broker's certificate for its host name or address
#   certificates.sh DIR client ID            a station's (or, with ID "centre", the collector's) certificate
set -euo pipefail
umask 077
dir=${1:?folder} what=${2:?ca, broker or client} name=${3:-}
mkdir -p "$dir" && cd "$dir"

sign() { # file, common name, extensions
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 825 -sha256 -out "$1.pem" -extfile <(printf '%s\n' "$3") 2>/dev/null
  rm "$1.csr"
  chmod 644 "$1.pem"
}

case $what in
  ca)
    [ ! -e ca.key ] || { echo "$dir/ca.key exists; a new authority would lock every station out" >&2; exit 1; }
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 7300 -sha256 -subj "/CN=Haitan network" \
      -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
    chmod 644 ca.pem ;;
  broker)
    kind=DNS; [[ $name =~ ^[0-9.]+$ ]] && kind=IP
    sign broker "${name:?host name of the broker}" "subjectAltName=$kind:$name
extendedKeyUsage=serverAuth" ;;
  client)
    [[ $name =~ ^[A-Za-z0-9_-]{1,64}$ ]] || { echo "station id '$name': use 1 to 64 of A-Z a-z 0-9 _ -" >&2; exit 1; }
    sign "$name" "$name" "extendedKeyUsage=clientAuth" ;;
  *) echo "what: ca, broker or client, not '$what'" >&2; exit 1 ;;
esac
