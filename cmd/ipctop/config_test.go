package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ipctop/ipctop/render/live"
)

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestConfigure(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	file := writeConfig(t, `
theme = "light"
delay = 0.5
ascii = true
[columns]
procs = ["pid", "COMMAND"]
sock = ["+RECVQ"]
`)
	none := func(string) bool { return false }
	l := liveOptions{columns: []string{"mem=ID,NAME"}}
	if err := l.configure(file, none); err != nil {
		t.Fatal(err)
	}
	if l.theme != "light" || time.Duration(l.delay) != 500*time.Millisecond || !l.ascii || l.readOnly || len(l.chosen) != 3 {
		t.Errorf("got %+v", l)
	}
	l = liveOptions{theme: "mono", delay: delay(time.Minute)}
	if err := l.configure(file, func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if l.theme != "mono" || time.Duration(l.delay) != time.Minute || l.ascii {
		t.Errorf("a flag does not count before the file: %+v", l)
	}
	t.Setenv("NO_COLOR", "1")
	l = liveOptions{}
	if err := l.configure(file, none); err != nil || l.themeName(os.Getenv, nil) != "mono" {
		t.Errorf("NO_COLOR does not count before the file: %v, %+v", err, l)
	}
	if err := l.configure(filepath.Join(t.TempDir(), "none.toml"), none); err != nil {
		t.Errorf("there is no file: %v", err)
	}
}

// HOME may still be the directory of another user that cannot be read: then there is no
// configuration file.
func TestConfigureOutsideOfHome(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may go everywhere")
	}
	file := writeConfig(t, `theme = "light"`)
	dir := filepath.Dir(file)
	if err := os.Chmod(dir, 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if c, err := readConfig(file); err != nil || c.Theme != "" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestConfigureRefuses(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	for text, want := range map[string]string{
		`colour = "red"`: `no setting "colour"`, `theme = "pink"`: `no theme "pink"`, `delay = "soon"`: "number of seconds", `delay = [`: "config.toml",
		"[columns]\nprogs = [\"PID\"]": `no screen "progs"`, "[columns]\nprocs = [\"PIDD\"]": "did you mean PID", "ascii = 3": "config.toml",
	} {
		file := writeConfig(t, text)
		l := liveOptions{}
		if err := l.configure(file, func(string) bool { return false }); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", text, err)
		}
	}
	l := liveOptions{columns: []string{"NOSUCH"}}
	var exit *exitError
	if err := l.configure("", func(string) bool { return false }); !errors.As(err, &exit) || exit.status != exitUsage {
		t.Errorf("--columns NOSUCH: %v", err)
	}
}

func TestConfigFile(t *testing.T) {
	for env, want := range map[[2]string]string{
		{"/x", "/home/u"}: "/x/ipctop/config.toml", {"", "/home/u"}: "/home/u/.config/ipctop/config.toml", {"rel", "/h"}: "/h/.config/ipctop/config.toml", {"", ""}: "",
	} {
		got := configFile(func(name string) string {
			if name == "HOME" {
				return env[1]
			}
			return env[0]
		})
		if got != want {
			t.Errorf("%q: %q, want %q", env, got, want)
		}
	}
}

// The user's setup is there the next time, together with what else was in the file.
func TestKeepSetup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "config.toml")
	if _, err := keepSetup(file, live.Setup{Delay: time.Second, Theme: "mono", Columns: live.Columns{1: {"PID", "COMMAND"}}}); err != nil {
		t.Fatal(err)
	}
	var l liveOptions
	if err := l.configure(file, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if l.theme != "mono" || time.Duration(l.delay) != time.Second || len(l.chosen[1]) != 2 {
		t.Errorf("%+v", l)
	}
	if names, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".config*")); len(names) > 0 || err != nil {
		t.Errorf("left over: %v (%v)", names, err)
	}
}

// What the user says has precedence over what the terminal says, and that over COLORFGBG.
func TestThemeFitsTheBackground(t *testing.T) {
	env := map[string]string{}
	getenv := func(name string) string { return env[name] }
	answer := func(light, known bool) func() (bool, bool) { return func() (bool, bool) { return light, known } }
	none := answer(false, false)
	for i, c := range []struct {
		flag, noColor, colors string
		ask                   func() (bool, bool)
		want                  string
	}{
		{ask: none, want: "default"},
		{ask: answer(true, true), want: "light"},
		{ask: answer(false, true), colors: "0;15", want: "default"},
		{ask: none, colors: "0;15", want: "light"},
		{ask: none, colors: "15;0", want: "default"},
		{ask: answer(true, true), noColor: "1", want: "mono"},
		{ask: answer(true, true), flag: "default", want: "default"},
	} {
		env["NO_COLOR"], env["COLORFGBG"] = c.noColor, c.colors
		if got := (&liveOptions{theme: c.flag}).themeName(getenv, c.ask); got != c.want {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
}
