# make check is everything a commit needs; .ci/run runs the same targets.

GO    ?= go
TOOLS  = $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 10s

.PHONY: bpf kernels kills build test race lint fuzz golden bench docs check arch
# What is built says its version; LDFLAGS='-s -w' leaves the debugging symbols out.
VERSION ?= $(shell tools/version)
BINARY  ?= bin/ipctop

# Where make install puts things. NATIVE is an ipctop that runs here, to print its
# completions: another one than BINARY where that is for another machine.
PREFIX  ?= /usr/local
DESTDIR ?=
NATIVE  ?= $(BINARY)

.PHONY: pages install uninstall dist dist-test image

# -trimpath and no stamp by git: the version names the commit, and the same commit
# gives the same bytes in every directory.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "$(LDFLAGS) -X main.version=$(VERSION)" -o $(BINARY) ./cmd/ipctop

# Installs what make build has made; it builds nothing, so that it can run as root.
install: UNITS = $(DESTDIR)$(PREFIX)/lib/systemd/system
install: SHARE = $(DESTDIR)$(PREFIX)/share
install:
	@test -x $(BINARY) || { echo "there is no $(BINARY): make build first" >&2; exit 1; }
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/ipctop
	install -d $(SHARE)/man/man1 $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d $(UNITS)
	install -m 644 docs/man/*.1 $(SHARE)/man/man1
	$(NATIVE) completion bash >$(SHARE)/bash-completion/completions/ipctop
	$(NATIVE) completion zsh >$(SHARE)/zsh/site-functions/_ipctop
	$(NATIVE) completion fish >$(SHARE)/fish/vendor_completions.d/ipctop.fish
	for unit in contrib/*.service; do sed 's|/usr/local/bin/|$(or $(PREFIX),/usr/local)/bin/|' $$unit >$(UNITS)/$${unit##*/} || exit 1; done
	install -D -m 644 LICENSE $(SHARE)/doc/ipctop/copyright

# Recordings in /var/lib/ipctop stay.
uninstall:
	for unit in contrib/*.service; do rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}; done
	cd $(DESTDIR)$(PREFIX) && rm -f bin/ipctop share/man/man1/ipctop.1 share/man/man1/ipctop-*.1 share/bash-completion/completions/ipctop \
		share/zsh/site-functions/_ipctop share/fish/vendor_completions.d/ipctop.fish share/doc/ipctop/copyright
	-rmdir $(DESTDIR)$(PREFIX)/share/doc/ipctop

# Tarballs, .deb, .rpm and checksums in dist/, the same bytes each time.
dist:
	GO="$(GO)" VERSION="$(VERSION)" tools/dist

# Whether they are the same bytes, and whether the package works once installed.
dist-test:
	GO="$(GO)" tools/dist-test

# A container image of bin/ipctop alone, by podman or docker.
image: build
	$(or $(ENGINE),podman) build --build-arg VERSION=$(VERSION) -f contrib/container/Dockerfile -t ipctop:$(subst +,-,$(VERSION)) -t ipctop:latest $(dir $(BINARY))

test:
	$(GO) test ./...

# Tests of real programs and of processes that hang take their time from others'
# clocks: the race detector would find nothing more in them. Nor would it in the second line:
# these do what other tests do with all fixtures, for each of the fixtures, probes or keys by
# itself, and count what that costs or changes.
RACED ?= ./...
UNRACED = Reference|Program|QuietOnHealth|Hung|Hang|AdviceReleases|Healthy|RealDeadlocks|StandardOutputClosed|AsPrinted
UNRACED := $(UNRACED)|FixtureAdvice|EachProbe|LiveEveryKey|CostInProportion|NothingIsCounted|WaitsOnly
race:
	$(GO) test -race -timeout 20m -shuffle=on -skip '$(UNRACED)' $(RACED)

lint:
	@out="$$($(TOOLS) gofumpt -l .)"; if [ -n "$$out" ]; then echo "not formatted (gofumpt):"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(TOOLS) staticcheck ./...
	$(GO) mod tidy -diff

# Struct sizes and system calls differ by architecture; ipctop must also build
# where there is no Linux, to read dumps and recordings. It compiles as a release does, so
# that what builds one after this need not do so again.
arch: export CGO_ENABLED = 0
arch: export GOFLAGS += -trimpath
arch:
	GOARCH=amd64 $(GO) build -o /dev/null ./cmd/ipctop
	GOARCH=arm64 $(GO) build -o /dev/null ./cmd/ipctop
	GOARCH=arm64 $(GO) vet ./...
	GOARCH=386 $(GO) vet ./...
	GOOS=darwin $(GO) build -o /dev/null ./cmd/ipctop
	GOOS=darwin $(GO) vet ./model ./diagnose/... ./query ./record ./render/...

# Compiles the eBPF programs, whose objects are committed: needs clang and llvm.
bpf:
	tools/bpf

# A recorder that is killed 200 times at any moment.
kills:
	IPCTOP_TEST_KILLS=1 $(GO) test -run Killed ./cmd/ipctop

# Every fixture on Debian's kernels under software emulation, all at a time: four minutes.
kernels:
	GO="$(GO)" tools/kernels

fuzz:
	GO="$(GO)" FUZZTIME=$(FUZZTIME) tools/fuzz

# Rewrites golden files, generated docs, man pages and the JSON Schema.
golden docs:
	$(GO) test ./probe -run Layer -update
	$(GO) test ./model -run Schema -update
	$(GO) test ./metrics -run Docs -update
	$(GO) test ./render ./render/live -update
	$(GO) test ./cmd/ipctop -run '^Test(Docs|RichDump)' -update

# Runs the commands of README, tutorial, cookbook and course, and writes down what they
# print where that has changed: needs root.
pages:
	$(GO) test ./cmd/ipctop -run PagesAsPrinted -update

# The JSON codec against encoding/json, and ipctop against lsof and lsfd.
# Draws the pictures of the live view in docs/pictures from its frames.
pictures:
	$(GO) test ./render/live -run Pictures -update

bench:
	$(GO) test ./model ./diagnose ./record ./render/live -run '^$$' -bench .
	GO="$(GO)" tools/bench

check: lint arch race fuzz
