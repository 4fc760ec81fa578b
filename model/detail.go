package model

// Detail is what only one kind of object has. Each kind's struct stands in
// kind_KIND.go beside its description; a field without a value is missing.
type Detail interface {
	// DetailKind is the kind the struct belongs to. Several kinds may share a
	// struct; then it is the one that names it.
	DetailKind() Kind
}
