#!/usr/bin/env bash
# postfix.sh PACKAGE_ROOT DIR PORT - Debian's Postfix, unpacked below
# PACKAGE_ROOT and not installed, with all it writes below DIR. Takes mail for
# ada@test.example and eve@test.example into DIR/mail, refuses others with
# 550 5.1.1. Needs root, for its own users; those exist in a mount namespace
# alone. Ends when its standard input does.
set -euo pipefail

if [ "${BELFRY_POSTFIX_INSIDE:-}" != yes ]; then
    # In a chroot the root is no mount, and nothing can be made private there.
    propagation=unchanged
    awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo &&
        propagation=private
    exec unshare --mount --propagation "$propagation" \
        env BELFRY_POSTFIX_INSIDE=yes "$0" "$@"
fi

package=$1 dir=$2 port=$3
umask 022
mkdir -p "$dir"/{conf,queue,data,mail}
chmod 755 "$dir"

for table in passwd group; do
    cp "/etc/$table" "$dir/conf/$table"
done
sed -i '/^postfix:/d; /^postdrop:/d' "$dir/conf/passwd" "$dir/conf/group"
echo 'postfix:x:64901:64901::/nonexistent:/usr/sbin/nologin' \
    >>"$dir/conf/passwd"
printf 'postfix:x:64901:\npostdrop:x:64902:\n' >>"$dir/conf/group"
mount --bind "$dir/conf/passwd" /etc/passwd
mount --bind "$dir/conf/group" /etc/group

cat >"$dir/conf/main.cf" <<END
compatibility_level = 3.6
mail_owner = postfix
setgid_group = postdrop
queue_directory = $dir/queue
data_directory = $dir/data
daemon_directory = $package/usr/lib/postfix/sbin
command_directory = $package/usr/sbin
shlib_directory = $package/usr/lib/postfix
import_environment = MAIL_CONFIG LANG=C LD_LIBRARY_PATH=$package/usr/lib/postfix
maillog_file = $dir/log
maillog_file_prefixes = $dir
myhostname = mx.test.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
alias_maps =
alias_database =
virtual_mailbox_domains = test.example, xn--bcher-kva.example
virtual_mailbox_base = $dir/mail
virtual_mailbox_maps = inline:{ {ada@test.example=ada/} {eve@test.example=eve/} {jürgen@test.example=juergen/} {ada@xn--bcher-kva.example=idn/} }
virtual_uid_maps = static:64901
virtual_gid_maps = static:64901
virtual_minimum_uid = 100
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
END
cat >"$dir/conf/master.cf" <<END
127.0.0.1:$port inet n - n - - smtpd
postlog   unix-dgram n - n - 1 postlogd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
local     unix - n n - - local
virtual   unix - n n - - virtual
lmtp      unix - - n - - lmtp
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
END

cd "$dir/queue"
mkdir -p active bounce corrupt defer deferred flush hold incoming private \
    saved trace maildrop public pid
chown postfix active bounce corrupt defer deferred flush hold incoming \
    private saved trace maildrop public "$dir/data" "$dir/mail"
chgrp postdrop maildrop public
chmod 700 active bounce corrupt defer deferred flush hold incoming private \
    saved trace
chmod 730 maildrop
chmod 710 public

export LD_LIBRARY_PATH=$package/usr/lib/postfix
"$package/usr/lib/postfix/sbin/master" -c "$dir/conf" -d &
master=$!
cat >/dev/null
kill "$master"
wait "$master" || true
chmod -R a+rwX "$dir"
