#!/bin/sh
# No service is started: users enable the recorder or the exporter themselves.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	# After an upgrade, services that were running restart with the new program.
	systemctl try-restart ipctop-record.service ipctop-exporter.service || true
fi
