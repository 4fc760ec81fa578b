package fleet

import (
	"strings"

	"github.com/ipctop/ipctop/model"
)

// Context ids of vsock(7).
const (
	anyContext      = "*" // a guest's socket that connected without being bound
	loopbackContext = "1" // VMADDR_CID_LOCAL
	hostContext     = "2" // VMADDR_CID_HOST: the hypervisor, as its guests call it
)

// contextOf and portOf are the parts of a vsock address, CONTEXT:PORT.
func contextOf(address string) string {
	context, _, _ := strings.Cut(address, ":")
	return context
}

func portOf(address string) string {
	_, port, _ := strings.Cut(address, ":")
	return port
}

// virtual finds the other end of a connection between a virtual machine and its hypervisor. Each
// hypervisor assigns its own context ids, so guests of two hypervisors may have the same one.
func (m *matcher) virtual(e *end, others []*end) {
	var fit []*end
	for _, o := range others {
		if hostAndGuest(e, o) || hostAndGuest(o, e) {
			fit = append(fit, o)
		}
	}
	switch {
	case len(fit) == 1:
		add(e.object, fit[0].object.ID, model.Likely)
	case len(fit) > 1:
		m.doubt("the other end could be in several virtual machines or on several hypervisors, which have the same context ids and ports: no peer was chosen", e)
	}
}

// hostAndGuest reports whether two ends with matching ports can be a hypervisor's and a guest's.
func hostAndGuest(host, guest *end) bool {
	h, ok1 := host.object.Detail.(*model.VsockDetail)
	g, ok2 := guest.object.Detail.(*model.VsockDetail)
	if !ok1 || !ok2 || contextOf(g.Remote) != hostContext || contextOf(h.Remote) == hostContext {
		return false
	}
	own := contextOf(g.Local)
	return own == anyContext || own == contextOf(h.Remote)
}
