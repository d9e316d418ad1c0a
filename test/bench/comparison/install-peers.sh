#!/usr/bin/env bash
# Unpacks the programs that Sealift is measured against below a folder, once: restic of Debian 13 (its binary is static),
# borg, an SSH server and GNU time of Debian 12. No service is started; the system only
# gets the user with whom the SSH server separates its privileges.
#
# Usage: install-peers.sh FOLDER
set -euo pipefail

folder=$(mkdir -p "$1" && cd "$1" && pwd)
getent passwd sshd > /dev/null || useradd --system --no-create-home --home-dir /run/sshd --shell /usr/sbin/nologin sshd
[ -e "$folder/complete" ] && exit 0
lists=$folder/apt
mkdir -p "$lists/state/partial" "$lists/cache/archives/partial" "$folder/packages" "$folder/root"

# Where this machine gets its own packages from.
mirror=$(grep -hoP '^(URIs:\s*|deb (\[[^]]*\] )?)\Khttp\S+/debian/?(?=\s|$)' \
  /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1 || true)
[ -n "$mirror" ] || { echo 'No Debian mirror is configured on this machine.' >&2; exit 1; }

# fetch SUITE PACKAGE...: downloads packages of one suite of Debian and unpacks them.
fetch() {
  local suite=$1
  shift
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > "$lists/$suite.list"
  local options=(
    -o "Dir::Etc::sourcelist=$lists/$suite.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$lists/state" -o "Dir::Cache=$lists/cache" -o APT::Sandbox::User=root
  )
  apt-get "${options[@]}" -qq update
  (cd "$folder/packages" && apt-get "${options[@]}" -qq download "$@")
}

fetch trixie restic
fetch bookworm time borgbackup python3-msgpack python3-packaging libxxhash0 openssh-server openssh-sftp-server libwrap0
for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$folder/root"; done
touch "$folder/complete"
