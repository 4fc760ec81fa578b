#!/bin/sh
# No service is started: who wants the recorder or the exporter enables it.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	# After an upgrade, what ran goes on with the new program.
	systemctl try-restart ipctop-record.service ipctop-exporter.service || true
fi
