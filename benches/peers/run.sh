#!/usr/bin/env bash
# Measures nginx with nchan with the same harness as rpushd. Needs the Debian packages nginx (any
# flavour) and libnginx-mod-nchan. Arguments are passed to the harness, for example --smoke,
# --rounds 3 or --only fan-out. Run by `make bench-peers`.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
results=$(dirname "$here")/results
address=127.0.0.1:45839

module=$(find /usr/lib/nginx /usr/lib64/nginx -name ngx_nchan_module.so -print -quit \
    2>/dev/null || true)
modules=$(dirname "$module")
nginx=$(PATH=$PATH:/usr/sbin command -v nginx || true)
if [ -z "$nginx" ] || [ "$modules" = . ]; then
    echo "bench-peers: nginx or nchan not found; apt-get install nginx-light libnginx-mod-nchan" >&2
    exit 1
fi

directory=$(mktemp -d)
master=
stop() {
    if [ -n "$master" ]; then
        kill "$master" 2>/dev/null || true
        wait "$master" 2>/dev/null || true
        master=
    fi
}
trap 'stop; rm -rf "$directory"' EXIT
chmod 755 "$directory"
mkdir "$directory/body"
sed "s,MODULES,$modules," "$here/nginx-nchan.conf" >"$directory/nginx.conf"
if [ "$(id -u)" = 0 ]; then
    sed -i "1i user root;" "$directory/nginx.conf"
fi
ulimit -n "$(ulimit -Hn)"

# A new server for each transport, so that memory is measured for each transport alone.
status=0
for transport in stream eventsource websocket; do
    taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')" \
        "$nginx" -p "$directory" -e error.log -c nginx.conf &
    master=$!
    for _ in $(seq 100); do
        worker=$(pgrep -P "$master" || true)
        [ -n "$worker" ] && (exec 3<>/dev/tcp/127.0.0.1/45839) 2>/dev/null && break
        sleep 0.05
    done
    if [ -z "${worker:-}" ]; then
        echo "bench-peers: nginx did not start:" >&2
        cat "$directory/error.log" >&2
        exit 1
    fi
    echo "== nchan, $transport"
    processes=(--peer-process "$master")
    for process in $worker; do
        processes+=(--peer-process "$process")
    done
    output=(--output "$results/nchan-$transport")
    case " $* " in *" --smoke "* | *" --only "* | *" --output "*) output=() ;; esac
    cargo bench --quiet --bench load -- --peer "nchan=$address" "${processes[@]}" \
        --peer-subscribe "/$transport/{channel}" --peer-publish "/publish/{channel}" \
        --peer-frames "$transport" --minutes 3 "${output[@]}" "$@" || status=$?
    stop
    sort "$directory/error.log" | uniq -c | sort -rn | head -5 >&2
    : >"$directory/error.log"
done
exit "$status"
