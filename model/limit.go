package model

// NearLimit is the used share of a limit from which there is a warning.
const NearLimit = 0.8

// Share returns how much of the limit is used: 1 is all. It is unknown if either
// number is unknown, or if there is no limit.
func (l *Limit) Share() Opt[Ratio] {
	if l.Unlimited {
		return Opt[Ratio]{}
	}
	return NewRatio(l.Used, l.Max)
}

// Near reports whether the limit is known to be used up or nearly so.
func (l *Limit) Near() bool { return l.Share().Or(0) >= NearLimit }

// Full reports whether the limit is known to be used up.
func (l *Limit) Full() bool { return l.Share().Or(0) >= 1 }
