# dev/lib.sh - what the shell scripts in dev/ share. Sourced with the repository as working directory.

# Debian's tools first: a python3 or meson from elsewhere in PATH lacks Debian's libraries.
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
export PATH

say()
{
    printf '%s: %s\n' "${0##*/}" "$*"
}

die()
{
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# quietly COMMAND...: shows the output only when the command fails.
quietly()
{
    quietly_log=$(mktemp) || return 1
    if "$@" >"$quietly_log" 2>&1; then
        rm -f "$quietly_log"
        return 0
    fi
    cat "$quietly_log" >&2
    rm -f "$quietly_log"
    return 1
}
