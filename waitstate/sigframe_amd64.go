package waitstate

var handlerFrame = &amd64Frame
