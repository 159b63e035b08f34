# unit.sh - what is tested without a server: unit tests under the sanitizers,
# and a short run of each fuzz target.

# Unit tests of what several threads share; run under TSan as well.
threaded='base/(mailbox|loop|log|metrics|health)|domain/zone|plugin/host|store/.*|realtime/hub.*'

# So that a report ends the process, whoever reads its output.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}

# Of a build: the names of unit tests that match.
unit_names() {
    python3 - "$1" "$2" <<'END'
import json, re, sys
for test in json.load(open(sys.argv[1] + "/meson-info/intro-tests.json")):
    name = test["name"]
    if re.fullmatch(sys.argv[2], name):
        print(name)
END
}

tsan_programs() {
    unit_names build/tsan "$threaded" | sed 's/[^a-zA-Z0-9]/_/g; s/$/_test/'
}

# Each case of each program, from the report that meson leaves.
count_cases() {
    python3 - "$1/meson-logs/testlog.junit.xml" <<'END'
import sys, xml.etree.ElementTree as tree
passed = failed = skipped = 0
for suite in tree.parse(sys.argv[1]).getroot().iter("testsuite"):
    bad = 0
    for case in suite.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            bad += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    # A program that dies fails beyond the cases that it still printed.
    failed += max(bad, int(suite.get("failures", 0)) + int(suite.get("errors", 0)))
print(passed, failed, skipped)
END
}

# A test beside the code that no meson.build names would never run.
forgotten_tests() {
    local file
    find src -name '*_test.c' | sort | while read -r file; do
        grep -q "\"file\": \"../../$file\"" build/asan/compile_commands.json ||
            echo "$file is in no meson.build"
    done
}

unit_asan() {
    local forgotten
    build_asan || return
    forgotten=$(forgotten_tests)
    [ -z "$forgotten" ] || echo "$forgotten"
    run_unit build/asan '.*' meson && [ -z "$forgotten" ]
}

unit_tsan() {
    build_tsan || return
    # TSan wants its shadow where address randomisation may put the heap.
    local calm=()
    ! setarch -R true 2>/dev/null || calm=(setarch -R)
    run_unit build/tsan "$threaded" "${calm[@]}" meson
}

run_unit() {
    local dir=$1 pattern=$2 names status=0
    shift 2
    mapfile -t names < <(unit_names "$dir" "$pattern")
    [ "${#names[@]}" -gt 0 ] || {
        echo 0 0 0 >"$stage_counts"
        return
    }
    rm -f "$dir/meson-logs/testlog.junit.xml"
    with_postgres "$@" test -C "$dir" --no-rebuild --print-errorlogs \
        "${names[@]}" || status=$?
    count_cases "$dir" >"$stage_counts"
    return $status
}

fuzz_targets() {
    local source
    for source in tests/fuzz/fuzz_*.c; do
        [ ! -e "$source" ] || basename "$source" .c
    done
}

# fuzz_one SECONDS TARGET: from the seeds in the tree; what it finds anew and
# what breaks it stays in build/fuzz/.
fuzz_one() {
    local seconds=$1 target=$2 found=build/fuzz/corpus/$2 seeds=() dictionary=()
    [ ! -d "tests/fuzz/corpus/${target#fuzz_}" ] ||
        seeds=("tests/fuzz/corpus/${target#fuzz_}")
    [ ! -e "tests/fuzz/${target#fuzz_}.dict" ] ||
        dictionary=("-dict=tests/fuzz/${target#fuzz_}.dict")
    mkdir -p "$found" build/fuzz/crashes
    "build/fuzz/tests/fuzz/$target" -max_total_time="$seconds" -timeout=5 \
        -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/crashes/$target-" \
        "${dictionary[@]}" "$found" "${seeds[@]}"
}

# As many targets at a time as there are processors: each has one thread.
fuzz_all() {
    local seconds=$1 target good=0 bad=0
    build_fuzz || return
    export -f fuzz_one
    rm -f build/fuzz/*.rc
    fuzz_targets | xargs -P "$(nproc)" -I{} bash -c \
        'fuzz_one "$1" "$2" &>"build/fuzz/$2.log"; echo $? >"build/fuzz/$2.rc"' \
        fuzz "$seconds" {}
    for target in $(fuzz_targets); do
        echo "-- $target"
        cat "build/fuzz/$target.log"
        if grep -qx 0 "build/fuzz/$target.rc"; then
            good=$((good + 1))
        else
            bad=$((bad + 1))
            echo "-- $target FAILED"
        fi
    done
    echo $good $bad 0 >"${stage_counts:-/dev/null}"
    [ $bad = 0 ]
}

command_fuzz() {
    need_packages "${build_packages[@]}" "${test_packages[@]}"
    fuzz_all "$1"
}

# What domain/zone_walk says of some zones and one year, of all and ten. With
# TZDIR and ICU_TIMEZONE_FILES_DIR it takes other rules than the installed ones.
command_zones() {
    need_packages tzdata
    build_release domain_zone_walk_test
    BELFRY_ZONES=all build/domain_zone_walk_test
}
