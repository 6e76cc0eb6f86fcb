#!/bin/sh
# say.sh TITLE COMMAND...: runs a command and shows that it is alive. Its output goes to a file that is shown when it fails.
title=$1
shift
log=$(mktemp "${TMPDIR:-/tmp}/say.XXXXXX") || exit 1
started=$(date +%s)
"$@" >"$log" 2>&1 &
child=$!
trap 'kill "$child" 2>/dev/null; rm -f "$log"; exit 130' INT TERM
elapsed=0
if [ -t 1 ]; then pause=1; else pause=15; printf '%s ...\n' "$title"; fi
while kill -0 "$child" 2>/dev/null; do
    # Wake up each second so that a short step ends at once, and report at the slower beat where nobody looks live.
    sleep 0.2
    now=$(($(date +%s) - started))
    if [ "$((now - elapsed))" -ge "$pause" ]; then
        elapsed=$now
        last=$(tr '\r' '\n' <"$log" | grep -v '^[[:space:]]*$' | tail -n 1 | cut -c 1-90)
        if [ -t 1 ]; then printf '\r\033[K%s ... %s s  %s' "$title" "$now" "$last"; else printf '%s ... %s s  %s\n' "$title" "$now" "$last"; fi
    fi
done
wait "$child"
code=$?
now=$(($(date +%s) - started))
[ -t 1 ] && printf '\r\033[K'
if [ "$code" -eq 0 ]; then
    printf '%s: done (%s s)\n' "$title" "$now"
else
    printf '%s: FAILED with %s after %s s\n' "$title" "$code" "$now"
    cat "$log"
fi
rm -f "$log"
exit "$code"
