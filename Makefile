# make check is everything a commit needs; .ci/run runs the same targets.

GO    ?= go
TOOLS  = $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 10s

.PHONY: kernels kills build test race lint fuzz golden bench docs check arch

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ipctop ./cmd/ipctop

test:
	$(GO) test ./...

# Tests of real programs and of processes that hang take their time from others'
# clocks: the race detector would find nothing more in them.
race:
	$(GO) test -race -timeout 20m -shuffle=on -skip 'Reference|Program|QuietOnHealth|Hung|Hang' ./...

lint:
	@out="$$($(TOOLS) gofumpt -l .)"; if [ -n "$$out" ]; then echo "not formatted (gofumpt):"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(TOOLS) staticcheck ./...
	$(GO) mod tidy -diff

# Struct sizes and system calls differ by architecture; ipctop must also build
# where there is no Linux, to read dumps and recordings.
arch:
	CGO_ENABLED=0 GOARCH=amd64 $(GO) build -o /dev/null ./cmd/ipctop
	CGO_ENABLED=0 GOARCH=arm64 $(GO) build -o /dev/null ./cmd/ipctop
	GOARCH=arm64 $(GO) vet ./...
	GOARCH=386 $(GO) vet ./...
	CGO_ENABLED=0 GOOS=darwin $(GO) build -o /dev/null ./cmd/ipctop
	GOOS=darwin $(GO) vet ./model ./diagnose/... ./query ./record ./render/...

# A recorder that is killed 200 times at any moment.
kills:
	IPCTOP_TEST_KILLS=1 $(GO) test -run Killed ./cmd/ipctop

# Every fixture on Debian's kernels under software emulation: 2 to 3 minutes each.
kernels:
	GO="$(GO)" tools/kernels

fuzz:
	GO="$(GO)" FUZZTIME=$(FUZZTIME) tools/fuzz

# Rewrites golden files, generated docs, man pages and the JSON Schema.
golden docs:
	$(GO) test ./probe -run Layer -update
	$(GO) test ./model -run Schema -update
	$(GO) test ./render ./render/live -update
	$(GO) test ./cmd/ipctop -run '^Test(Docs|RichDump)' -update

# The JSON codec against encoding/json, and ipctop against lsof and lsfd.
# Draws the pictures of the live view in docs/pictures from its frames.
pictures:
	$(GO) test ./render/live -run Pictures -update

bench:
	$(GO) test ./model -run '^$$' -bench .
	GO="$(GO)" tools/bench

check: lint arch race fuzz
