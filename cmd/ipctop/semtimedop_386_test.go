package main

// sysSemtimedop is semtimedop_time64: x/sys does not have the older call on this
// architecture. A null timeout is the same for both.
const sysSemtimedop = 420
