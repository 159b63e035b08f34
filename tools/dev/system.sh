# system.sh - the real binary with real clients, and `./dev test` as a whole.

# Installed again only when the lock has changed.
need_modules() {
    local dir=$1 sum
    sum=$(sha256sum <"$dir/package-lock.json")
    [ "$(cat "$dir/node_modules/.lock-sum" 2>/dev/null)" != "$sum" ] || return 0
    say "installing the npm libraries of $dir"
    mkdir -p build/logs
    (cd "$dir" && npm ci --no-audit --no-fund) >build/logs/npm.log 2>&1 || {
        tail -n 30 build/logs/npm.log >&2
        die "npm ci failed in $dir (all of it: build/logs/npm.log)"
    }
    printf '%s\n' "$sum" >"$dir/node_modules/.lock-sum"
}

need_system_modules() {
    need_modules tests/system
}

# Sums of the TAP that node leaves beside what people read.
count_tap() {
    awk '$1 == "#" && NF == 3 { n[$2] = $3 }
         END { print n["pass"] + 0, n["fail"] + n["cancelled"],
                     n["skipped"] + n["todo"] }' "$1"
}

# Most of what the tests do is wait, so two files run side by side even where
# node would take one at a time, on two processors. (Not in each Node 18.)
side_by_side() {
    local n
    n=$(($(nproc) - 1))
    ! node --help | grep -q -- --test-concurrency ||
        printf -- '--test-concurrency=%d\n' $((n > 2 ? n : 2))
}

# node_tests STAGE FILE...: against the binary with sanitizers.
node_tests() {
    local tap=$PWD/build/logs/$1.tap status=0
    shift
    BELFRY_BIN=$PWD/build/asan/belfry BELFRY_POSTFIX=$PWD/$postfix_root \
        BELFRY_OPENSMTPD=$PWD/$opensmtpd_root \
        BELFRY_CHROMIUM=$(find_browser) \
        with_postgres node --test $(side_by_side) \
        --test-reporter=spec --test-reporter-destination=stdout \
        --test-reporter=tap --test-reporter-destination="$tap" \
        "$@" || status=$?
    count_tap "$tap" >"$stage_counts"
    return $status
}

# Those that would say the same again, whatever the database is.
not_on_postgres=(bad_input cluster drivers front_door harness idle nodes outbox
    partition postfix postgres_rig scenarios schedules_cron schedules_rrule)

postgres_tests() {
    local file files=()
    for file in tests/system/*.test.mjs; do
        [[ " ${not_on_postgres[*]} " == *" $(basename "$file" .test.mjs) "* ]] ||
            files+=("$file")
    done
    BELFRY_TEST_DATABASE=postgres node_tests system-pg "${files[@]}"
}

has_system_tests() {
    compgen -G 'tests/system/*.test.mjs' >/dev/null
}

verify_model() {
    stage_counts=$stage_counts tests/model/run
}

# Each row of the benchmark, a thousandth of it: does it run? Not `peers`, which
# needs Redis and is other people's work for the most part.
bench_rows() {
    local row good=0 bad=0
    need_modules bench/peers
    command -v nginx >/dev/null || need_unpacked nginx usr/sbin/nginx
    need_unpacked postfix usr/sbin/postfix
    for row in $(bench/run --list | grep -vx peers); do
        if BELFRY_BUILD=$PWD/build/asan bench/run --smoke "$row"; then
            good=$((good + 1))
        else
            bad=$((bad + 1))
            echo "-- $row FAILED"
        fi
    done
    echo $good $bad 0 >"$stage_counts"
    [ $bad = 0 ]
}

command_test() {
    need_packages "${build_packages[@]}" "${lint_packages[@]}" \
        "${test_packages[@]}" "${bench_packages[@]}"
    need_postgres
    if has_system_tests; then
        need_packages "${chaos_packages[@]}"
        need_node
        need_system_modules
        need_modules tests/browser
        need_browser
        need_unpacked postfix usr/sbin/postfix
        need_unpacked opensmtpd usr/sbin/smtpd
        need_root
    fi
    stage lint lint_quick
    stage unit unit_asan
    stage threads unit_tsan
    stage fuzz fuzz_all 5
    stage scenario scenario_tests
    stage model verify_model
    # `./dev lint` goes three times as deep.
    BELFRY_TIDY_NODES=75000 begin_stage deep lint_deep
    if has_system_tests; then
        stage system node_tests system tests/system/*.test.mjs
        stage system-pg postgres_tests
        await_stage
        stage property node_tests property tests/property/*.test.mjs
        stage chaos node_tests chaos tests/chaos/*.test.mjs
        stage browser node_tests browser tests/browser/*.test.mjs
        stage bench bench_rows
    else
        await_stage
    fi
    say "all of it took $SECONDS s; the logs are in build/logs/"
    summary
}
