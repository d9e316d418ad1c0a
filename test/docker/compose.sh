#!/bin/sh
# Brings docker-compose.yml up on throw-away volumes, backs up, restores, compares, kills, takes down and up again, and
# looks for secrets where none may be. Needs Docker and docker-compose, nothing else; about four minutes.
#
#   docker build --tag sealift --file deploy/Dockerfile . && test/docker/compose.sh
set -eu
cd "$(dirname "$0")/../.."

export COMPOSE_PROJECT_NAME="sealift-test-$$" SEALIFT_API=127.0.0.1:0
IMAGE=${SEALIFT_IMAGE:-sealift:latest}
CANARY="canary-$$-of-the-source"
PLACE=$(mktemp -d)
export SEALIFT_PROTECTED="$PLACE/protected" SEALIFT_RESTORED="$PLACE/restored"

compose() { docker-compose "$@" < /dev/null; }
sealift() { compose run --rm cli "$@" 2> "$PLACE/messages" || { cat "$PLACE/messages" >&2; return 1; }; }
step() { printf '%s\n' "- $1"; }
fail() { printf 'FAILED: %s\n' "$1" >&2; exit 1; }
as_root() { docker run --rm --user root --entrypoint sh --volume "$PLACE:/place" "$IMAGE" -c "$1"; }
from_volume() { docker run --rm --user root --entrypoint sh --volume "${COMPOSE_PROJECT_NAME}_$1:/volume:ro" "$IMAGE" -c "$2"; }
last_point() { sealift point list --job protected --json | sed -n 's/.*"id": "\([0-9a-f-]\{36\}\)".*/\1/p' | head -n 1; }

clean_up() {
  status=$?
  [ $status -eq 0 ] || compose logs --no-color --tail 30 >&2
  compose down --volumes > "$PLACE/down" 2>&1 || cat "$PLACE/down" >&2
  as_root 'rm -rf /place/*' || true
  rmdir "$PLACE" || true
  exit $status
}
trap clean_up EXIT
trap 'exit 130' INT TERM

wait_until_done() {
  for _ in $(seq 120); do
    state=$(sealift run show "$1" --json | sed -n 's/^ *"state": "\([a-z-]*\)".*/\1/p' | head -n 1)
    case $state in queued | running) sleep 1 ;; *) break ;; esac
  done
  [ "$state" = done ] || fail "run $1 ended as $state"
}

# Content, kind, mode, owner, time, link target and link count of everything below a folder.
listing() {
  as_root "cd '/place/$1' && find . -mindepth 1 -printf '%P %y %m %U:%G %T@ %l %n\n' | sort && \
    find . -type f -exec sha256sum {} + | sort"
}

restore_and_compare() {
  point=$(last_point)
  sealift point restore "$point" --to "source:/restored/$1" --wait > "$PLACE/run"
  listing protected > "$PLACE/wanted"
  listing "restored/$1/protected" > "$PLACE/got"
  [ "$(wc -l < "$PLACE/wanted")" -ge 9 ] || fail 'there was nothing to compare'
  cmp "$PLACE/wanted" "$PLACE/got" || { diff "$PLACE/wanted" "$PLACE/got" | head >&2; fail "restore $1 differs"; }
}

step 'a tree to protect'
mkdir -p "$SEALIFT_PROTECTED/folder" "$SEALIFT_RESTORED"
echo "$CANARY" > "$SEALIFT_PROTECTED/folder/$CANARY.txt"
head -c 120000000 /dev/urandom > "$SEALIFT_PROTECTED/folder/random"
truncate -s 50M "$SEALIFT_PROTECTED/sparse"
as_root "cd /place/protected && ln -s folder/random link && ln folder/random second && mkfifo pipe &&
  chown 1234:2345 sparse && chmod 0600 sparse && printf x > \"\$(printf 'not\\377utf-8')\""

step 'up: healthy, set up'
compose up -d > "$PLACE/up" 2>&1 || { cat "$PLACE/up" >&2; fail 'up'; }
[ "$(docker wait "$(compose ps -q set-up)")" = 0 ] || fail 'the set-up did not succeed'

step 'backup and restore'
sealift job run protected --wait > "$PLACE/run"
restore_and_compare first

step 'each daemon killed in the middle of a backup; the same run finishes'
for victim in source target director; do
  head -c 60000000 /dev/urandom > "$SEALIFT_PROTECTED/folder/new"
  run=$(sealift job run protected --json | sed -n 's/^ *"id": "\([0-9a-f-]\{36\}\)".*/\1/p' | head -n 1)
  compose kill -s KILL "$victim" > "$PLACE/up" 2>&1
  compose up -d > "$PLACE/up" 2>&1 || { cat "$PLACE/up" >&2; fail "up after the end of $victim"; }
  wait_until_done "$run"
done
restore_and_compare after-kills

step 'down and up again: everything is kept, nothing is made twice'
before=$(sealift point list --json | grep -c '"id"')
compose down > "$PLACE/down" 2>&1
compose up -d > "$PLACE/up" 2>&1 || { cat "$PLACE/up" >&2; fail 'second up'; }
[ "$(docker wait "$(compose ps -q set-up)")" = 0 ] || fail 'the second set-up did not succeed'
[ "$(sealift point list --json | grep -c '"id"')" = "$before" ] || fail 'recovery points differ'
sealift job run protected --wait > "$PLACE/run"
restore_and_compare after-down

step 'recovery from the repository and the password alone'
compose stop > "$PLACE/down" 2>&1
from_volume password 'cat /volume/archive' | docker run --rm --interactive --network none --user root \
  --volume "${COMPOSE_PROJECT_NAME}_repository:/repositories:ro" --volume "$SEALIFT_RESTORED:/restored" \
  "$IMAGE" recover --repository /repositories/main --to /restored/recovered --password-file - 2> "$PLACE/messages" \
  || { cat "$PLACE/messages" >&2; fail 'recover'; }
listing restored/recovered/protected > "$PLACE/got"
cmp "$PLACE/wanted" "$PLACE/got" || fail 'what was recovered differs'

step 'no secret where others may look'
for container in $(docker ps --all --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"); do
  docker inspect "$container"
  docker logs "$container" 2>&1
done > "$PLACE/shown"
docker history --no-trunc "$IMAGE" >> "$PLACE/shown"
docker inspect "$IMAGE" >> "$PLACE/shown"
grep -q sealift "$PLACE/shown" || fail 'there was nothing to search'
for secret in "$(from_volume director 'cat /volume/admin-token')" "$(from_volume master-key 'cat /volume/master.key')" \
  "$(from_volume password 'cat /volume/archive')"; do
  [ ${#secret} -ge 20 ] || fail 'a secret is missing'
  ! grep -qF -- "$secret" "$PLACE/shown" || fail 'a secret is shown by docker inspect, logs or history'
  from_volume repository "! grep -rqF -- '$secret' /volume" || fail 'a secret is in the repository'
done
from_volume repository "! { grep -rqF '$CANARY' /volume || find /volume | grep -qF '$CANARY'; }" ||
  fail 'plaintext is in the repository'
from_volume source-enrolment '[ -z "$(ls /volume)" ]' || fail 'a token was left'
from_volume target-enrolment '[ -z "$(ls /volume)" ]' || fail 'a token was left'
docker run --rm --entrypoint sh "$IMAGE" -c '[ "$(id -u)" = 10001 ] && [ ! -e /opt/sealift/node_modules/typescript ] &&
  [ -z "$(find /opt/sealift/packages -name test)" ]' || fail 'the image holds what it should not'

echo 'all as it should be'
