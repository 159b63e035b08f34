# packages.sh - Debian packages by purpose, and how to get those missing. apt
# is called only when dpkg knows of one that is not there, so a second run
# needs neither the network nor root.

# Belfry loads libicu72 when it needs it: nothing links against it. The same goes
# for libexttextcat, which it can do without.
build_packages=(
    gcc libc6-dev meson ninja-build pkg-config
    libcmocka-dev libcurl4-openssl-dev libgumbo-dev libicu-dev libinih-dev libpq-dev
    libsodium-dev libsqlite3-dev libssl-dev libuv1-dev libicu72
)
lint_packages=(clang-format-14 clang-tidy-14 cppcheck git)
test_packages=(
    clang-14 g++ libclang-rt-14-dev llvm-14 make
    libhttp-parser-dev libjansson-dev
    ca-certificates curl iproute2 openssl procps spin sqlite3 util-linux
    libdb5.3 libexttextcat-2.0-0 libicu72 libnsl2 libsasl2-2 tzdata
    python3 python3-dkim python3-nacl
)
# What PostgreSQL loads when it is unpacked, and its time zones; then Redis.
postgres_packages=(
    libgssapi-krb5-2 libicu72 libldap-2.5-0 liblz4-1 libpam0g libpq5 libssl3
    libstdc++6 libsystemd0 libxml2 libzstd1 tzdata util-linux zlib1g
)
redis_packages=(libatomic1 libjemalloc2 liblzf1 libssl3 libsystemd0)
chaos_packages=(libfaketime)
bench_packages=(binutils libpcre2-8-0 python3 zlib1g)
browser_packages=(chromium-headless-shell fonts-dejavu-core)
node_packages=(nodejs npm)
node_least=18

is_debian() {
    command -v dpkg-query >/dev/null
}

missing_packages() {
    local p
    for p; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$p"
    done
}

need_packages() {
    local missing
    if ! is_debian; then
        say "not a Debian: taking for granted what $* hold"
        return
    fi
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "installing ${missing[*]}"
    install_packages "${missing[@]}"
}

install_packages() {
    local log=build/logs/apt.log
    mkdir -p build/logs
    if ! { as_root apt-get update -q &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
            --no-install-recommends "$@"; } </dev/null >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "apt could not install: $* (all of it: $log)"
    fi
}

# Any node that is new enough will do; Debian's own where there is none.
has_node() {
    local version
    command -v npm >/dev/null || return 1
    version=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) ||
        return 1
    [ "$version" -ge "$node_least" ]
}

need_node() {
    has_node || need_packages "${node_packages[@]}"
    has_node || die "node $node_least or newer and npm are needed"
}

# Any Chromium that is there will do; the one without a window is smallest.
find_browser() {
    command -v chromium-headless-shell || command -v chromium || true
}

need_browser() {
    [ -n "$(find_browser)" ] || need_packages "${browser_packages[@]}"
    [ -n "$(find_browser)" ] || die "the browser tests need Chromium"
}

# need_unpacked PACKAGE PROGRAM: a server that only tests or measurements want
# is unpacked into build/oracles/, not installed: a machine that builds Belfry
# has no use for one of its own.
postfix_root=build/oracles/postfix
opensmtpd_root=build/oracles/opensmtpd

need_unpacked() {
    local package=$1 program=$2 root=build/oracles/$1 log=$PWD/build/logs/$1.log
    local dir
    [ ! -x "$root/$program" ] || return 0
    say "unpacking $package into $root"
    mkdir -p build/logs
    dir=$(mktemp -d)
    (cd "$dir" && { apt-get download -q "$package" ||
        { as_root apt-get update -q && apt-get download -q "$package"; }; }) \
        >"$log" 2>&1 || die "apt could not download $package ($log)"
    rm -rf "$root"
    mkdir -p "$root"
    dpkg-deb -x "$dir/$package"_*.deb "$root"
    rm -rf "$dir"
}

# Redis lies in the package of its tools, one program that goes by the name it
# is called by.
need_redis() {
    local dir=build/oracles/redis-tools/usr/bin
    need_packages "${redis_packages[@]}"
    need_unpacked redis-tools usr/bin/redis-check-rdb
    ln -sf redis-check-rdb $dir/redis-server
}

# Postfix runs as users of its own, which takes root; asked for before the work.
need_root() {
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null || sudo -v ||
        die "the system tests start Postfix, which needs root or sudo"
}
