package model

// Detail contains the fields that only one kind of object has. Each kind's struct is in
// kind_KIND.go with its description; a field without a value is missing.
type Detail interface {
	// DetailKind is the kind to which the struct belongs. If several kinds share a
	// struct, it is the one after which the struct is named.
	DetailKind() Kind
}
