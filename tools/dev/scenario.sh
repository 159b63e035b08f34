# scenario.sh - tests/scenario/*.scn on each store. A file runs by itself, and
# several at once, as most of the time they wait for a disk.

# one_scenario_file STORE FILE OUT [ARGS...]: its words go to OUT/NAME, and
# OUT/failed is there if it failed.
one_scenario_file() {
    local store=$1 file=$2 out=$3 words=$3/${2##*/} code=0
    shift 3
    build/asan/belfry test --db "$store" "$@" "$file" >"$words" 2>&1 \
        </dev/null || code=$?
    [ $code -le 1 ] || echo "0 passed, 1 failed: exit code $code" >>"$words"
    [ $code = 0 ] || touch "$out/failed"
}

# scenarios_on STORE [ARGS...]
scenarios_on() {
    local store=$1 status=0 file out
    shift
    out=$(mktemp -d)
    for file in tests/scenario/*.scn; do
        while [ "$(jobs -pr | wc -l)" -ge 4 ]; do wait -n || true; done
        one_scenario_file "$store" "$file" "$out" "$@" &
    done
    wait
    [ ! -e "$out/failed" ] || status=1
    cat "$out"/*.scn
    rm -rf "$out"
    return $status
}

# SQLite where PostgreSQL is, too: both wait for each fsync.
scenarios_on_all() {
    local store status=0
    local -x TMPDIR=$BELFRY_POSTGRES_FOLDER
    for store in memory sqlite "$BELFRY_TEST_POSTGRES"; do
        echo "-- ${store%%:*}"
        scenarios_on "$store" "$@" || status=1
    done
    return $status
}

# The sums that each run ends with.
count_scenarios() {
    awk '/[0-9] passed, [0-9]+ failed/ {
             for (i = 2; i <= NF; i++) {
                 if ($i ~ /^passed/) passed += $(i - 1)
                 if ($i ~ /^failed/) failed += $(i - 1)
             }
         }
         END { print passed + 0, failed + 0, 0 }' "$1"
}

scenario_tests() {
    local all=build/logs/scenario.out status=0
    with_postgres scenarios_on_all --quiet >"$all" 2>&1 || status=$?
    cat "$all"
    count_scenarios "$all" >"$stage_counts"
    return $status
}

command_scenario() {
    need_packages "${build_packages[@]}"
    need_postgres
    mkdir -p build/logs
    build_asan >build/logs/asan.log 2>&1 ||
        die "the build failed (build/logs/asan.log)"
    stage_counts=build/logs/scenario.counts
    with_postgres scenarios_on_all "$@"
}
