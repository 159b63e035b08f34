# build.sh - the builds: release in build/, and one folder below it for each
# sanitizer. A folder is set up again when its options have changed.

# setup_build DIR [VAR=VALUE...] -- [MESON OPTION...]
setup_build() {
    local dir=$1 environment=() stamp log=build/logs/setup.log
    shift
    while [ "$1" != -- ]; do
        environment+=("$1")
        shift
    done
    shift
    stamp="${environment[*]} -- $*"
    [ "$(cat "$dir/.options" 2>/dev/null)" != "$stamp" ] ||
        [ ! -e "$dir/build.ninja" ] || return 0
    mkdir -p build/logs
    rm -rf "$dir/meson-private" "$dir/meson-info" "$dir/build.ninja"
    env "${environment[@]}" meson setup "$dir" "$@" >"$log" 2>&1 || {
        tail -n 30 "$log" >&2
        return 1
    }
    printf '%s\n' "$stamp" >"$dir/.options"
}

# build_release [TARGET]
build_release() {
    need_packages "${build_packages[@]}"
    setup_build build -- -Dbuildtype=release -Db_lto=true ||
        die "meson could not set up build/ (build/logs/setup.log)"
    [ -e "build/${1:-belfry}" ] ||
        say "building ${1:-belfry}, which takes minutes the first time"
    ninja -C build "${1:-belfry}" >build/logs/release.log 2>&1 || {
        tail -n 60 build/logs/release.log >&2
        die "the release build failed (all of it: build/logs/release.log)"
    }
}

# With frames kept and one line of optimisation, a report is quick and names
# its caller.
build_asan() {
    setup_build build/asan -- -Dbuildtype=debugoptimized \
        -Db_sanitize=address,undefined -Db_lundef=false || return
    ninja -C build/asan
}

build_tsan() {
    setup_build build/tsan -- -Dbuildtype=debugoptimized \
        -Db_sanitize=thread -Db_lundef=false || return
    ninja -C build/tsan build.ninja || return # new tests are known then
    # shellcheck disable=SC2046
    ninja -C build/tsan $(tsan_programs)
}

# The other compiler, too: what gcc lets pass, clang may not. Of the unit tests
# clang-tidy tells that.
build_fuzz() {
    setup_build build/fuzz CC=clang-14 -- -Dbuildtype=debugoptimized \
        -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false || return
    # shellcheck disable=SC2046
    ninja -C build/fuzz belfry $(fuzz_targets | sed 's|^|tests/fuzz/|')
}
