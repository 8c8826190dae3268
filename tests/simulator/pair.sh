#!/bin/sh
# Pairs this host with the simulated PCE: installs a stand-in for the VEN's control program, and activates it.
# It needs sh and python3, and neither root nor a set-up of trust: the CA certificate is in here.
#
# Environment:
#   ILLUMIO_STANDIN_PROGRAM_DIR   where the program goes (/opt/illumio_ven)
#   ILLUMIO_STANDIN_DATA_DIR      where its state goes (/opt/illumio_ven_data)
#   ILLUMIO_STANDIN_HOSTNAME      the name this host pairs under (its own)
#   ILLUMIO_STANDIN_LOG           the installation log (/var/log/illumio_install.log, when it can be written)
set -u
umask 026

program_dir=${ILLUMIO_STANDIN_PROGRAM_DIR:-/opt/illumio_ven}
data_dir=${ILLUMIO_STANDIN_DATA_DIR:-/opt/illumio_ven_data}
log_file=${ILLUMIO_STANDIN_LOG:-/var/log/illumio_install.log}

say() {
    line="$(date '+%Y-%m-%dT%H:%M:%S%z') $*"
    printf '%s\n' "$line"
    if [ -n "$log_file" ]; then
        { printf '%s\n' "$line" >>"$log_file"; } 2>/dev/null || log_file=
    fi
}

fail() {
    say "ERROR: $*" >&2
    exit 1
}

usage() {
    say "ERROR: $*" >&2
    cat >&2 <<'END'
usage: pair.sh --management-server HOST:PORT --activation-code CODE [--proxy-server HOST:PORT] [--insecure]
               [--enforcement_mode MODE] [--role ROLE] [--app APP] [--env ENV] [--loc LOC]
END
    exit 2
}

# The options are checked before anything is installed; they are the control program's own.
unset code  # whoever has exported a variable of this name does not get the code into it
server='' code=''
take() {
    [ "$#" -ge 3 ] || usage "the option $1 needs a value"
}
check_options() {
    while [ "$#" -gt 0 ]; do
        case $1 in
            --management-server) take "$@" end; server=$2; shift 2 ;;
            --activation-code) take "$@" end; code=$2; shift 2 ;;
            --proxy-server | --enforcement_mode | --role | --app | --env | --loc) take "$@" end; shift 2 ;;
            --insecure) shift ;;
            -*) usage "unknown option ${1%%=*}" ;;
            # Not shown: it may be a code.
            *) usage "unexpected argument" ;;
        esac
    done
    [ -n "$server" ] || usage "--management-server is missing"
    [ -n "$code" ] || usage "--activation-code is missing"
}

install_program() {
    command -v python3 >/dev/null || fail "python3 is needed"
    mkdir -p "$program_dir" "$data_dir/etc" || fail "cannot make $program_dir and $data_dir"
    cat >"$data_dir/etc/ca.pem" <<'END_OF_CA_CERTIFICATE' || fail "cannot write to $data_dir"
@CA_CERTIFICATE@
END_OF_CA_CERTIFICATE
    PROGRAM_DIR=$program_dir DATA_DIR=$data_dir python3 -c '
import os, sys
text = sys.stdin.read()
for name in ("PROGRAM_DIR", "DATA_DIR"):
    text = text.replace("\"@" + name + "@\"", repr(os.path.abspath(os.environ[name])))
sys.stdout.write(text)
' >"$program_dir/illumio-ven-ctl.new" <<'END_OF_CONTROL_PROGRAM' || fail "cannot write to $program_dir"
@CONTROL_PROGRAM@
END_OF_CONTROL_PROGRAM
    if ! chmod 755 "$program_dir/illumio-ven-ctl.new" ||
        ! mv "$program_dir/illumio-ven-ctl.new" "$program_dir/illumio-ven-ctl"; then
        fail "cannot write to $program_dir"
    fi
}

check_options "$@"
say "Installing the VEN into $program_dir, data in $data_dir"
install_program
say "Activating the VEN with $server"
# The control program prints its own error; it leaves the VEN as it was when it fails.
if "$program_dir/illumio-ven-ctl" activate "$@"; then
    say "VEN has been SUCCESSFULLY paired with Illumio"
else
    fail "the VEN was installed and could not be activated"
fi
