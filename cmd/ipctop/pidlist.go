package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ipctop/ipctop/query"
)

// pidList is the value of -p: pids with commas between them, given once or more.
type pidList []int

// Set implements [pflag.Value].
func (l *pidList) Set(s string) error {
	for word := range strings.SplitSeq(s, ",") {
		pid, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || pid <= 0 {
			return fmt.Errorf("%s is no pid; ipctop show takes names", query.Quote(word))
		}
		*l = append(*l, pid)
	}
	return nil
}

// String implements [pflag.Value].
func (l *pidList) String() string {
	words := make([]string, len(*l))
	for i, pid := range *l {
		words[i] = strconv.Itoa(pid)
	}
	return strings.Join(words, ",")
}

// Type is what help calls the value; the flag's usage names it.
func (*pidList) Type() string { return "pids" }
