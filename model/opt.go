package model

// Opt is a value that may be unknown. Its zero value is "unknown", which is
// different from a known zero: an eventfd whose counter is 0 has Some(0), one whose
// fdinfo could not be read has the zero Opt.
//
// It is used instead of a pointer because it needs no allocation: a scan has several
// of these for each of hundreds of thousands of descriptors.
type Opt[T any] struct {
	value T
	known bool
}

// Some returns a known value.
func Some[T any](v T) Opt[T] { return Opt[T]{value: v, known: true} }

// Get returns the value and whether it is known.
func (o Opt[T]) Get() (T, bool) { return o.value, o.known }

// Known reports whether there is a value.
func (o Opt[T]) Known() bool { return o.known }

// Or returns the value, or def if it is unknown. It is for places where an
// unknown value has a stated meaning (sorting it last, say), never for output.
func (o Opt[T]) Or(def T) T {
	if o.known {
		return o.value
	}
	return def
}
