package main

// sysSemtimedop is semtimedop_time64; x/sys does not have the other one on this
// architecture, and a null timeout is the same to both.
const sysSemtimedop = 420
