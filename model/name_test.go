package model

import "testing"

func TestDisplayName(t *testing.T) {
	for _, c := range []struct {
		comm string
		argv []string
		want string
	}{
		{"nginx", []string{"nginx: worker process"}, "nginx"},
		{"python3", []string{"/usr/bin/python3.11", "-u", "/srv/app/worker.py", "--x"}, "worker.py"},
		{"python3", []string{"python3", "-m", "http.server"}, "http.server"},
		{"python3", []string{"python3", "-c", "import os"}, "python3"},
		{"java", []string{"/usr/bin/java", "-Xmx1g", "-jar", "/opt/app.jar"}, "app.jar"},
		{"java", []string{"java", "-cp", "/a:/b", "com.example.Main"}, "com.example.Main"},
		{"java", []string{"java", "-p", "/mods", "--add-opens", "a/b=c", "-m", "shop/com.example.Shop"}, "com.example.Shop"},
		{"python3", []string{"python3", "-um", "gunicorn", "app:x"}, "gunicorn"},
		{"python3", []string{"python3", "-", "argument"}, "python3"},
		{"python3", []string{"python3", "-W", "ignore", "--", "run.py"}, "run.py"},
		{"celery", []string{"/srv/venv/bin/python", "/srv/venv/bin/celery", "worker"}, "celery"},
		{"perl", []string{"perl", "-I", "/srv/lib", "-w", "report.pl"}, "report.pl"},
		{"perl", []string{"perl", "-lane", "print", "data"}, "perl"},
		{"ruby", []string{"ruby", "-rjson", "-I", "lib", "bin/puma"}, "puma"},
		{"node", []string{"node", "--max-old-space-size=99", "-r", "dotenv/config", "/app/server.js", "8080"}, "server.js"},
		{"node", []string{"node", "--eval", "x()", "y"}, "node"},
		{"deno", []string{"deno", "run", "--allow-net", "chat.ts"}, "chat.ts"},
		{"php", []string{"php", "-d", "a=b", "-f", "job.php"}, "job.php"},
		{"dotnet", []string{"dotnet", "exec", "--depsfile", "x.json", "/app/Shop.dll"}, "Shop.dll"},
		{"bash", []string{"bash", "-lc", "cd /srv; ./run"}, "bash"},
		{"bash", []string{"bash", "-ec", "./run"}, "bash"},
		{"bash", []string{"bash", "-o", "pipefail", "+x", "job.sh"}, "job.sh"},
		{"sh", []string{"sh", "-s", "argument"}, "sh"},
		{"sh", []string{"-sh"}, "sh"},
		{"bash", []string{"bash", "/dev/fd/3"}, "bash"},
		{"bash", []string{"/bin/bash", "/opt/run.sh", "a"}, "run.sh"},
		{"kworker/0:1", nil, "kworker/0:1"},
		{"verylongprogram", []string{"/usr/bin/verylongprogramname"}, "verylongprogramname"},
		{"x", []string{""}, "x"},
		{"tmux: server", []string{"tmux", "new-session"}, "tmux"},
		{"a:b", []string{"prog"}, "a:b"},
		{"postgres", []string{"postgres: shop UPDATE waiting"}, "postgres"},
		{"sshd-session", []string{"sshd: ann@pts/1"}, "sshd"},
		{"gunicorn: maste", []string{"gunicorn: master [app]"}, "gunicorn"},
		{"chrome", []string{"/opt/chrome/chrome --type=renderer --x=/a:b"}, "chrome"},
		{"renamed", []string{"/usr/bin/program", "-x"}, "renamed"},
		{"systemd", []string{"/sbin/init"}, "systemd"},
		{"MainThread", []string{"node"}, "node"},
	} {
		if got := DisplayName(c.comm, c.argv); got != c.want {
			t.Errorf("%q: got %q, want %q", c.argv, got, c.want)
		}
	}
}

func TestTitle(t *testing.T) {
	for _, c := range []struct {
		argv []string
		want string
	}{
		{[]string{"postgres: shop ann 10.0.0.7 UPDATE waiting"}, "postgres: shop ann 10.0.0.7 UPDATE waiting"},
		{[]string{"nginx:", "worker"}, ""},
		{[]string{"/usr/sbin/nginx", "-g", "daemon off;"}, ""},
		{nil, ""},
	} {
		if got := (&Process{Cmdline: c.argv}).Title(); got != c.want {
			t.Errorf("%q: got %q, want %q", c.argv, got, c.want)
		}
	}
}
