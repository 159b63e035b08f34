# common.sh - speaking, root's hand, stages with their time, and the sum of
# what was tried.

say() {
    printf '== %s\n' "$*" >&2
}

die() {
    printf 'dev: %s\n' "$*" >&2
    exit 2
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "needs root, and there is no sudo: run as root: $*"
    fi
}

passed=0 failed=0 skipped=0

count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
}

# stage NAME COMMAND...: runs it with its output in build/logs/NAME.log. The
# command leaves "PASSED FAILED SKIPPED" in $stage_counts, or nothing; then it
# counts as one test that its exit status decides.
stage() {
    local name=$1 began=$SECONDS status=0
    shift
    open_stage "$name"
    printf '== %-9s ' "$name" >&2
    "$@" >"build/logs/$name.log" 2>&1 || status=$?
    close_stage "$name" $status $((SECONDS - began))
}

# The same for a stage that computes while those after it mostly wait: it takes
# what they leave. `await_stage` says how it ended. One at a time.
begin_stage() {
    local name=$1
    shift
    open_stage "$name"
    (
        renice -n 19 -p $BASHPID >/dev/null
        "$@" >"build/logs/$name.log" 2>&1
    ) &
    begun_stage=$name begun_pid=$! begun_at=$SECONDS
    trap 'pkill -P $begun_pid; kill $begun_pid' EXIT
}

await_stage() {
    local status=0
    wait "$begun_pid" || status=$?
    trap - EXIT
    printf '== %-9s ' "$begun_stage" >&2
    stage_counts=build/logs/$begun_stage.counts
    close_stage "$begun_stage" $status $((SECONDS - begun_at))
}

open_stage() {
    mkdir -p build/logs
    stage_counts=build/logs/$1.counts
    rm -f "$stage_counts"
}

# close_stage NAME STATUS SECONDS
close_stage() {
    local p=$(($2 == 0)) f=$(($2 != 0)) s=0
    [ ! -s "$stage_counts" ] || read -r p f s <"$stage_counts"
    # A stage may fail beside its tests: a build, a tool that is not there.
    [ "$2" = 0 ] || [ "$f" -gt 0 ] || f=1
    count "$p" "$f" "$s"
    printf '%4d s  %d passed, %d failed, %d skipped\n' "$3" "$p" "$f" "$s" >&2
    [ "$f" = 0 ] || show_failure "$1" "build/logs/$1.log"
}

show_failure() {
    printf -- '---- %s failed; the end of %s:\n' "$1" "$2" >&2
    tail -n "${BELFRY_DEV_TAIL:-120}" "$2" >&2
    printf -- '----\n' >&2
}

# The sum alone on the last line, for people and for machines.
summary() {
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" = 0 ]
}
