# property.sh - random sequences of commands against the model of tests/property/.

# Without a store's name in ARGS they run in memory; `--store postgres` starts a
# server for them.
property_args() {
    local args=() arg
    for arg in "$@"; do
        [ "$arg" != postgres ] || arg=$BELFRY_TEST_POSTGRES
        args+=("$arg")
    done
    TMPDIR=$BELFRY_POSTGRES_FOLDER BELFRY_BIN=$PWD/build/asan/belfry \
        node tests/property/main.mjs "${args[@]}"
}

command_property() {
    need_packages "${build_packages[@]}"
    need_postgres
    need_node
    mkdir -p build/logs
    build_asan >build/logs/asan.log 2>&1 ||
        die "the build failed (build/logs/asan.log)"
    stage_counts=build/logs/property.counts
    if [[ " $* " == *" postgres "* ]]; then
        with_postgres property_args "$@"
    else
        property_args "$@"
    fi
}
