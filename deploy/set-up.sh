#!/bin/sh
# The two one-shot steps of docker-compose.yml. Each may run any number of times: what is there already is left alone.
#
#   set-up.sh enrol [NAME…]   logs the command line in; makes a one-time token for each Transporter that is not enrolled
#                             yet, and for those named (source, target) even if they are, after their data was lost
#   set-up.sh first-job       makes the repository, an encryption password and a job, once the Transporters are there
#
# Secrets go into files of mode 0600 on volumes, never into arguments, variables or the log.
set -eu
umask 077

ENROLMENT=/var/lib/sealift-enrolment
PASSWORD_FILE=/var/lib/sealift-password/archive

# has KIND NAME: is there a transporter, repository, password or job of that name?
has() {
  sealift "$1" list --json > "/tmp/$1.json"
  node -e '
    const [file, name] = process.argv.slice(1);
    const { items } = JSON.parse(require("node:fs").readFileSync(file, "utf8"));
    process.exit(items.some((item) => item.name === name) ? 0 : 1);
  ' "/tmp/$1.json" "$2"
}

make_token() {
  sealift transporter token "$1" --role "$1" > "$ENROLMENT/$1/token.new"
  mv "$ENROLMENT/$1/token.new" "$ENROLMENT/$1/token"
}

enrol() {
  sealift login "$SEALIFT_URL" --ca /director/ca.pem --token-file /director/admin-token
  for name in source target; do
    case " $* " in
      *" $name "*) make_token "$name" ;;
      *) has transporter "$name" || make_token "$name" ;;
    esac
  done
}

first_job() {
  rm -f "$ENROLMENT/source/token" "$ENROLMENT/target/token"
  has repository main || sealift repository create main --transporter target --path /repositories/main > /dev/null
  if ! has password archive; then
    [ -s "$PASSWORD_FILE" ] || head -c 24 /dev/urandom | base64 > "$PASSWORD_FILE"
    sealift password create archive --password-file "$PASSWORD_FILE" > /dev/null
  fi
  has job protected || sealift job create protected --source source:/protected --repository main \
    --encryption source-side --password archive > /dev/null
  echo 'set up: job "protected" backs /protected up to repository "main", encrypted at the source'
}

step=$1
shift
case $step in
  enrol) enrol "$@" ;;
  first-job) first_job ;;
  *) echo "set-up.sh: unknown step '$step'" >&2; exit 2 ;;
esac
