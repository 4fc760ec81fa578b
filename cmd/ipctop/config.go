package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/ipctop/ipctop/privilege"
	"github.com/ipctop/ipctop/render/live"
	"github.com/ipctop/ipctop/render/tui"
)

// config is a user's permanent settings of the live view. Flags take precedence. ipctop
// writes the file only if the user saves the setup.
type config struct {
	Theme    string              `toml:"theme,omitempty"`
	Delay    any                 `toml:"delay,omitempty"` // 0.5, "500ms"
	ASCII    bool                `toml:"ascii,omitempty"`
	ReadOnly bool                `toml:"readonly,omitempty"`
	Columns  map[string][]string `toml:"columns,omitempty"` // key: the screen
}

// keepSetup writes the user's setup to the file, and keeps the other settings in it.
func keepSetup(file string, s live.Setup) (string, error) {
	if file == "" {
		return "", errors.New("neither HOME nor XDG_CONFIG_HOME is set")
	}
	c, err := readConfig(file)
	if err != nil {
		return "", err
	}
	c.Delay, c.Theme, c.Columns = s.Delay.String(), s.Theme, s.Columns.ByName()
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(c); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", err
	}
	fresh, err := os.CreateTemp(filepath.Dir(file), ".config.toml-*")
	if err != nil {
		return "", err
	}
	_, err = fresh.Write(b.Bytes())
	if err = errors.Join(err, fresh.Close()); err == nil {
		err = os.Rename(fresh.Name(), file)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(fresh.Name()))
	}
	return file, nil
}

// configFile is where the file is, "" if the user has no home.
func configFile(getenv func(string) string) string {
	if dir := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "ipctop", "config.toml")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".config", "ipctop", "config.toml")
	}
	return ""
}

// readConfig reads the file if there is one.
func readConfig(file string) (config, error) {
	var c config
	if file == "" {
		return c, nil
	}
	var meta toml.MetaData
	elsewhere := false
	err := privilege.AsUser(func() (err error) {
		if _, err := os.Lstat(file); errors.Is(err, fs.ErrPermission) {
			elsewhere = true
			return nil
		}
		meta, err = toml.DecodeFile(file, &c)
		return err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist), elsewhere: // HOME still belongs to another user, as after setpriv and su
		return c, nil
	case err != nil:
		return c, fmt.Errorf("%s: %w", file, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return c, fmt.Errorf("%s: there is no setting %q; there are theme, delay, ascii, readonly and [columns]", file, unknown[0].String())
	}
	return c, nil
}

// configure sets what no flag has set. changed reports whether a flag was given.
func (l *liveOptions) configure(file string, changed func(flag string) bool) error {
	c, err := readConfig(file)
	if err != nil {
		return err
	}
	wrong := func(err error) error { return fmt.Errorf("%s: %w", file, err) }
	if c.Theme != "" && !changed("theme") && os.Getenv("NO_COLOR") == "" {
		if !slices.Contains(tui.Themes, c.Theme) {
			return wrong(fmt.Errorf("there is no theme %q: there are %s", c.Theme, strings.Join(tui.Themes, ", ")))
		}
		l.theme = c.Theme
	}
	if c.Delay != nil && !changed("delay") {
		if err := l.delay.Set(fmt.Sprint(c.Delay)); err != nil {
			return wrong(fmt.Errorf("delay: %w", err))
		}
	}
	if !changed("ascii") {
		l.ascii = c.ASCII
	}
	if !changed("readonly") {
		l.readOnly = c.ReadOnly
	}
	l.chosen = live.Columns{}
	for screen, list := range c.Columns {
		if err := l.chosen.Set(screen + "=" + strings.Join(list, ",")); err != nil {
			return wrong(err)
		}
	}
	for _, spec := range l.columns {
		if err := l.chosen.Set(spec); err != nil {
			return usageError("--%w", err)
		}
	}
	return nil
}

// settings are the settings that the live view and replay have in common.
func (l *liveOptions) settings() live.Settings {
	return live.Settings{
		ASCII: l.ascii || !utf8Locale(os.Getenv), Zone: time.Local, Interval: time.Duration(l.delay), ReadOnly: l.readOnly, Columns: l.chosen,
	}
}
