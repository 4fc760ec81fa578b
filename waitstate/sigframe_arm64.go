package waitstate

var handlerFrame = &arm64Frame
