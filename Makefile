# make check is everything a commit needs; .ci/run runs the same targets.

GO    ?= go
TOOLS  = $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 10s

.PHONY: bpf kernels kills build test race lint fuzz golden bench docs check arch
# VERSION is built into the binary; LDFLAGS='-s -w' omits the debugging symbols.
VERSION ?= $(shell tools/version)
BINARY  ?= bin/ipctop

# Where make install puts things. NATIVE is an ipctop that runs on this machine and prints
# the completions. It differs from BINARY if BINARY is for another machine.
PREFIX  ?= /usr/local
DESTDIR ?=
NATIVE  ?= $(BINARY)

.PHONY: pages install uninstall dist dist-test image

# -trimpath, and -buildvcs=false: the version names the commit already, and the same commit
# gives the same bytes in every directory.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "$(LDFLAGS) -X main.version=$(VERSION)" -o $(BINARY) ./cmd/ipctop

# Installs the result of make build. It builds nothing, so that it can run as root.
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

# Keeps the recordings in /var/lib/ipctop.
uninstall:
	for unit in contrib/*.service; do rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/$${unit##*/}; done
	cd $(DESTDIR)$(PREFIX) && rm -f bin/ipctop share/man/man1/ipctop.1 share/man/man1/ipctop-*.1 share/bash-completion/completions/ipctop \
		share/zsh/site-functions/_ipctop share/fish/vendor_completions.d/ipctop.fish share/doc/ipctop/copyright
	-rmdir $(DESTDIR)$(PREFIX)/share/doc/ipctop

# Makes tarballs, .deb, .rpm and checksums in dist/, with the same bytes each time.
dist:
	GO="$(GO)" VERSION="$(VERSION)" tools/dist

# Tests that two builds give the same bytes, and that the installed package works.
dist-test:
	GO="$(GO)" tools/dist-test

# Makes a container image that holds only bin/ipctop, with podman or docker.
image: build
	$(or $(ENGINE),podman) build --build-arg VERSION=$(VERSION) -f contrib/container/Dockerfile -t ipctop:$(subst +,-,$(VERSION)) -t ipctop:latest $(dir $(BINARY))

test:
	$(GO) test ./...

# The race detector would find nothing more in these tests. Those in the first line spend
# their time waiting for real programs and hanging processes. Those in the second line repeat
# what other tests do with all fixtures, once for each fixture, probe or key, and count what
# that costs or changes.
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

# Struct sizes and system calls differ by architecture. ipctop must also build on other
# systems than Linux, to read dumps and recordings there. The flags are those of a release
# build, so that a later one finds its packages in the build cache.
arch: export CGO_ENABLED = 0
arch: export GOFLAGS += -trimpath
arch:
	GOARCH=amd64 $(GO) build -o /dev/null ./cmd/ipctop
	GOARCH=arm64 $(GO) build -o /dev/null ./cmd/ipctop
	GOARCH=arm64 $(GO) vet ./...
	GOARCH=386 $(GO) vet ./...
	GOOS=darwin $(GO) build -o /dev/null ./cmd/ipctop
	GOOS=darwin $(GO) vet ./model ./diagnose/... ./query ./record ./render/...

# Compiles the eBPF programs. Their object files are committed. Needs clang and llvm.
bpf:
	tools/bpf

# Kills a recorder 200 times at random moments.
kills:
	IPCTOP_TEST_KILLS=1 $(GO) test -run Killed ./cmd/ipctop

# Tests every fixture on Debian's kernels under software emulation. All kernels boot at the
# same time: four minutes.
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

# Runs the commands of README, tutorial, cookbook and course, and updates the printed output
# where it has changed. Needs root.
pages:
	$(GO) test ./cmd/ipctop -run PagesAsPrinted -update

# Draws the pictures of the live view in docs/pictures from its frames.
pictures:
	$(GO) test ./render/live -run Pictures -update

# Compares the speed of the JSON codec with encoding/json, and of ipctop with lsof and lsfd.
bench:
	$(GO) test ./model ./diagnose ./record ./render/live -run '^$$' -bench .
	GO="$(GO)" tools/bench

check: lint arch race fuzz
