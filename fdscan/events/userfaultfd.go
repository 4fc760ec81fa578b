package events

import (
	"bytes"
	"fmt"

	"github.com/ipctop/ipctop/fdscan/fdinfo"
	"github.com/ipctop/ipctop/model"
	"github.com/ipctop/ipctop/probe"
)

var userfaultfdClass = newAnonClass(model.Userfaultfd, true)

// Userfaultfd reads page fault handlers.
func Userfaultfd() probe.Probe {
	return anonProbe(userfaultfdClass, "anon_inode:[userfaultfd]", parseUserfaultfd)
}

// uffdFeatures are the UFFD_FEATURE_ bits (linux/userfaultfd.h).
var uffdFeatures = fdinfo.FlagNames{
	{1 << 0, "PAGEFAULT_FLAG_WP"},
	{1 << 1, "EVENT_FORK"},
	{1 << 2, "EVENT_REMAP"},
	{1 << 3, "EVENT_REMOVE"},
	{1 << 4, "MISSING_HUGETLBFS"},
	{1 << 5, "MISSING_SHMEM"},
	{1 << 6, "EVENT_UNMAP"},
	{1 << 7, "SIGBUS"},
	{1 << 8, "THREAD_ID"},
	{1 << 9, "MINOR_HUGETLBFS"},
	{1 << 10, "MINOR_SHMEM"},
	{1 << 11, "EXACT_ADDRESS"},
	{1 << 12, "WP_HUGETLBFS_SHMEM"},
	{1 << 13, "WP_UNPOPULATED"},
	{1 << 14, "POISON"},
	{1 << 15, "WP_ASYNC"},
	{1 << 16, "MOVE"},
}

// uffdInitialized is set in the features once UFFDIO_API was called.
const uffdInitialized = 1 << 31

// parseUserfaultfd reads the /proc/PID/fdinfo text of a userfaultfd (4.3). The
// line "API:" has the version, the features in use and the features of the
// kernel.
func parseUserfaultfd(text []byte) (model.Detail, error) {
	d := new(model.UserfaultfdDetail)
	err := fdinfo.EachField(text, func(key string, v []byte) error {
		switch key {
		case "pending", "total":
			n, err := fdinfo.Decimal(v)
			if err != nil {
				return err
			}
			if key == "pending" {
				d.Pending = model.Some(n)
			} else {
				d.Total = model.Some(n)
			}
		case "API":
			parts := bytes.Split(v, []byte(":"))
			if len(parts) != 3 {
				return fmt.Errorf("not version:features:features")
			}
			if _, err := fdinfo.Hexadecimal(parts[0]); err != nil {
				return err
			}
			used, err := fdinfo.Hexadecimal(parts[1])
			if err != nil {
				return err
			}
			d.API = "0x" + string(parts[0])
			d.Features = uffdFeatures.List(used &^ uffdInitialized)
		}
		return nil
	})
	return d, err
}
