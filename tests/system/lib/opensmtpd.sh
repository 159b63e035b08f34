#!/usr/bin/env bash
# opensmtpd.sh PACKAGE_ROOT DIR PORT PLAIN_PORT CERT KEY USER PASSWORD - Debian's
# OpenSMTPD, unpacked below PACKAGE_ROOT and not installed, with all it writes
# below DIR. At PORT it insists on STARTTLS and a login, at PLAIN_PORT on
# neither; it takes mail for ada@test.example into DIR/mail, refuses others with
# 550. Needs root, for its own users and paths; those exist in a mount namespace
# alone. Ends when its standard input does.
set -euo pipefail

if [ "${BELFRY_OPENSMTPD_INSIDE:-}" != yes ]; then
    # In a chroot the root is no mount, and nothing can be made private there.
    propagation=unchanged
    awk '$5 == "/" { found = 1 } END { exit !found }' /proc/self/mountinfo &&
        propagation=private
    exec unshare --mount --propagation "$propagation" \
        env BELFRY_OPENSMTPD_INSIDE=yes "$0" "$@"
fi

package=$1 dir=$2 port=$3 plain=$4 cert=$5 key=$6 user=$7 password=$8
umask 022
mkdir -p "$dir"/{conf,mail,libexec,var/lib/opensmtpd/empty,var/spool/smtpd} \
    "$dir"/var/run
chmod 755 "$dir" "$dir/var/lib/opensmtpd/empty"
chmod 711 "$dir/var/spool/smtpd"

# Its users, and the paths that are compiled into it.
for table in passwd group; do
    cp "/etc/$table" "$dir/conf/$table"
    sed -i '/^opensmtp[dq]:/d; /^ada:/d' "$dir/conf/$table"
done
cat >>"$dir/conf/passwd" <<END
opensmtpd:x:64911:64911::/var/lib/opensmtpd/empty:/usr/sbin/nologin
opensmtpq:x:64912:64912::/var/lib/opensmtpd/empty:/usr/sbin/nologin
ada:x:64913:64913::$dir/mail:/bin/sh
END
printf 'opensmtpd:x:64911:\nopensmtpq:x:64912:\nada:x:64913:\n' \
    >>"$dir/conf/group"
cp -r "$package/usr/libexec/opensmtpd" "$dir/libexec/opensmtpd"
chown -R 64913:64913 "$dir/mail"
mount --bind "$dir/conf/passwd" /etc/passwd
mount --bind "$dir/conf/group" /etc/group
mount --bind "$dir/libexec" /usr/libexec
mount --bind "$dir/var" /var

install -m 600 "$key" "$dir/conf/key.pem"
install -m 600 "$cert" "$dir/conf/cert.pem"
hash=$("$package/usr/libexec/opensmtpd/encrypt" "$password")
echo "$user $hash" >"$dir/conf/logins"
chgrp 64911 "$dir/conf/logins"
chmod 640 "$dir/conf/logins"
cat >"$dir/conf/smtpd.conf" <<END
pki here cert "$dir/conf/cert.pem"
pki here key "$dir/conf/key.pem"
table logins file:$dir/conf/logins
listen on 127.0.0.1 port $port hostname mx.test.example tls-require pki here auth <logins>
listen on 127.0.0.1 port $plain hostname mx.test.example tag plain
action keep maildir "$dir/mail/%{rcpt.user}"
match auth from any for domain "test.example" rcpt-to { "ada@test.example" } action keep
match tag plain from any for domain "test.example" rcpt-to { "ada@test.example" } action keep
END
chmod 644 "$dir/conf/smtpd.conf"
"$package/usr/sbin/smtpd" -d -f "$dir/conf/smtpd.conf" >"$dir/log" 2>&1 &
smtpd=$!
exec 3<&0
(
    cat <&3 >/dev/null
    kill "$smtpd"
) 2>/dev/null &
wait "$smtpd" || true
cat "$dir/log" >&2
chmod -R a+rwX "$dir"
