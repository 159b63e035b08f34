# lint.sh - what can be said of the source without running it.

quick_checks=(check-layers check-banned check-size check-format check-metrics)

# Each is one test.
lint_quick() {
    local check good=0 bad=0
    for check in "${quick_checks[@]}"; do
        if "tools/$check"; then
            good=$((good + 1))
        else
            bad=$((bad + 1))
            echo "-- tools/$check FAILED"
        fi
    done
    echo $good $bad 0 >"${stage_counts:-/dev/null}"
    [ $bad = 0 ]
}

# lint_deep [FILE...]: the two analysers over those files, or over all.
lint_deep() {
    local good=0 bad=0
    if tools/check-tidy "$@"; then
        good=1
    else
        bad=1
    fi
    if tools/check-cppcheck "$@"; then
        good=$((good + 1))
    else
        bad=$((bad + 1))
    fi
    if tools/check-generated; then # runs a program: a build is there by now
        good=$((good + 1))
    else
        bad=$((bad + 1))
    fi
    echo $good $bad 0 >"${stage_counts:-/dev/null}"
    [ $bad = 0 ]
}

command_lint() {
    local status=0
    need_packages "${build_packages[@]}" "${lint_packages[@]}" \
        "${test_packages[@]}"
    mkdir -p build/logs
    build_fuzz >build/logs/clang.log 2>&1 ||
        die "clang could not build it (build/logs/clang.log)"
    lint_quick || status=1
    lint_deep "$@" || status=1
    return $status
}

command_format() {
    need_packages "${lint_packages[@]}"
    git ls-files -z -co --exclude-standard -- '*.c' '*.h' |
        xargs -0 -r clang-format-14 -i
}
