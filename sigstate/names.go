package sigstate

import "github.com/ipctop/ipctop/model"

// Max is the highest signal number.
const Max = model.MaxSignal

// Name is [model.SignalName]: SIGTERM, SIGRTMIN+1.
func Name(n int) string { return model.SignalName(n) }

// Number is [model.SignalNumber]: it reads TERM, SIGTERM or 15.
func Number(name string) (int, error) { return model.SignalNumber(name) }
