package probe

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ipctop/ipctop/model"
)

// interpreter is how a program that runs others' text takes its arguments.
type interpreter struct {
	name *regexp.Regexp

	code   string   // letters of the options whose value is the text itself: there is no script
	text   []string // the same, spelt out
	module string   // letters of the options whose value is what is run
	runs   []string // the same, spelt out
	values []string // other options that take the next argument
	verbs  []string // commands before the script
}

// interpreters run a script that people know better than the interpreter.
var interpreters = []interpreter{
	{name: regexp.MustCompile(`^(?:python|pypy)[0-9.]*$`), code: "c", module: "m", values: []string{"-W", "-X", "--check-hash-based-pycs"}},
	{name: regexp.MustCompile(`^perl[0-9.]*$`), code: "eE", values: []string{"-I"}},
	{name: regexp.MustCompile(`^ruby[0-9.]*$`), code: "e", values: []string{"-I", "-r", "-C", "-E"}},
	{
		name: regexp.MustCompile(`^node(?:js)?$`), code: "ep", text: []string{"--eval", "--print"},
		values: []string{"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions"},
	},
	{name: regexp.MustCompile(`^(?:deno|bun)$`), code: "e", text: []string{"--eval", "eval"}, verbs: []string{"run", "x"}, values: []string{"-c", "--config"}},
	{name: regexp.MustCompile(`^php[0-9.]*$`), code: "r", module: "f", values: []string{"-c", "-d", "-z", "-t"}},
	{name: regexp.MustCompile(`^lua(?:jit)?[0-9.]*$`), code: "e", values: []string{"-l"}},
	{name: regexp.MustCompile(`^(?:ba|da|z|k|mk|fi|a)?sh$`), code: "cs", values: []string{"-o", "+o", "-O", "+O", "--rcfile", "--init-file"}},
	{
		name: regexp.MustCompile(`^java$`), runs: []string{"-jar", "-m", "--module"},
		values: []string{
			"-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules", "--add-opens",
			"--add-exports", "--add-reads", "--enable-native-access", "--limit-modules", "--source",
		},
	},
	{name: regexp.MustCompile(`^(?:dotnet|mono)$`), verbs: []string{"exec"}, values: []string{"--runtimeconfig", "--depsfile", "--config"}},
	{name: regexp.MustCompile(`^(?:tclsh|wish)[0-9.]*$`)},
	{name: regexp.MustCompile(`^(?:busybox|guile|Rscript)$`), code: "ec", values: []string{"-L"}},
}

// label is the name people know a process by.
func label(p *model.Process) string {
	if len(p.Cmdline) == 0 {
		return p.Comm
	}
	program := path.Base(strings.TrimPrefix(p.Cmdline[0], "-"))
	if program == "." || program == "/" || strings.ContainsAny(program, " :") {
		return p.Comm // it has rewritten its arguments to a title
	}
	for i := range interpreters {
		if interpreters[i].name.MatchString(program) {
			if script := interpreters[i].script(p.Cmdline[1:]); script != "" {
				return script
			}
			break
		}
	}
	return program
}

// script is the name of what the interpreter runs; "" if it has none.
func (in *interpreter) script(args []string) string {
	for i := 0; i < len(args); i++ {
		a := args[i]
		next := func() string {
			if i+1 < len(args) {
				return scriptName(args[i+1])
			}
			return ""
		}
		switch {
		case a == "" || a == "-" || slices.Contains(in.text, a):
			return ""
		case a == "--", slices.Contains(in.runs, a):
			return next()
		case slices.Contains(in.values, a):
			i++
		case slices.Contains(in.verbs, a):
			// the script comes next, whatever it is called
			return (&interpreter{code: in.code, text: in.text, values: in.values}).script(args[i+1:])
		case !strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "+"):
			return scriptName(a)
		case strings.HasPrefix(a, "--"):
		default:
			// Letters may stand together: bash -lc TEXT, python3 -um MODULE.
			letters := a[1:]
			if !onlyLetters(letters) {
				continue
			}
			if strings.ContainsAny(letters, in.code) {
				return ""
			}
			if strings.ContainsAny(letters, in.module) {
				return next()
			}
		}
	}
	return ""
}

func onlyLetters(s string) bool {
	return len(s) <= 4 && !strings.ContainsFunc(s, func(r rune) bool { return r < 'A' || r > 'z' })
}

// scriptName is the name of a script; "" of one that has none of its own.
func scriptName(arg string) string {
	if strings.HasPrefix(arg, "/dev/fd/") || strings.HasPrefix(arg, "/proc/") || arg == "" {
		return ""
	}
	return path.Base(arg)
}
