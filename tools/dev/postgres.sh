# postgres.sh - PostgreSQL for tests: its programs, and a server that lives as
# long as one stage.

# Memory where there is room: a server still waits for each fsync, but not for a
# disk that others keep busy.
postgres_folder() {
    local free_kb=0
    [ ! -w /dev/shm ] ||
        free_kb=$(df -k --output=avail /dev/shm | tail -n 1)
    if [ "$free_kb" -ge $((512 * 1024)) ]; then
        echo /dev/shm
    else
        echo "${TMPDIR:-/tmp}"
    fi
}

# tools/postgres starts it, here or in a test. Programs of another making may
# take its place.
need_postgres() {
    local below=usr/lib/postgresql/15/bin
    BELFRY_POSTGRES_TOOL=$PWD/tools/postgres
    BELFRY_POSTGRES_FOLDER=$(postgres_folder)
    export BELFRY_POSTGRES_TOOL BELFRY_POSTGRES_FOLDER
    [ -z "${BELFRY_POSTGRES_BIN:-}" ] || return 0
    need_packages "${postgres_packages[@]}"
    need_unpacked postgresql-15 $below/postgres
    export BELFRY_POSTGRES_BIN=$PWD/build/oracles/postgresql-15/$below
}

# with_postgres COMMAND...: with BELFRY_TEST_POSTGRES, the URL of a server that
# is gone after it, whatever ends it. Its log stays beside the stage's.
with_postgres() (
    dir=$(mktemp -d "$BELFRY_POSTGRES_FOLDER/belfry-postgres-XXXXXX") || exit
    trap 'leave_postgres "$dir"' EXIT
    BELFRY_TEST_POSTGRES=$(tools/postgres start "$dir" max_wal_size=192MB) ||
        exit
    export BELFRY_TEST_POSTGRES
    "$@"
)

leave_postgres() {
    cp "$1/log" "${stage_counts%.counts}.postgres.log" || true
    tools/postgres remove "$1"
}
