#!/bin/sh
# The argument of dpkg is remove or upgrade; that of rpm is how many versions will be left.
set -e
case "$1" in
upgrade | 1) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl --no-reload disable --now ipctop-record.service ipctop-exporter.service || true
fi
