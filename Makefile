# What there is to do here; `make` lists it.

CARGO ?= cargo
# Where `make install` puts things; DESTDIR goes in front, for packages.
prefix ?= /usr/local
sysconfdir ?= /etc
bindir = $(prefix)/bin
mandir = $(prefix)/share/man/man1
docdir = $(prefix)/share/doc/rpushd
unitdir ?= $(prefix)/lib/systemd/system
INSTALL ?= install

# For `make simulate`: one seed again, or that many.
SEED ?=
SEEDS ?= 20000
# For `make fuzz`.
TARGET ?= nginx_config
FUZZ_SECONDS ?= 600
# Options of the load harness: ARGS="--smoke".
ARGS ?=

version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
architecture := $(shell uname -m)
archive = rpushd-linux-$(architecture)-gnu
dist = $(or $(CARGO_TARGET_DIR),target)/dist
binary = $(or $(CARGO_TARGET_DIR),target)/release/rpushd

.DEFAULT_GOAL := help
.PHONY: help run build test check simulate bench bench-peers fuzz fmt lint install dist clean

help: ## This list
	@echo "rpushd $(version)"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

run: ## Start in development mode: throw-away secrets, loopback only, three lines to paste
	$(CARGO) run --release -- --dev

build: ## Build the release binary
	$(CARGO) build --release

test: ## Run all tests
	$(CARGO) test

check: ## What a change must pass: format, clippy, all tests (the rules about the sources among them)
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) test

simulate: ## Play the whole server from seeds: SEED=7 one again, SEEDS=20000 so many
	$(if $(SEED),SEED=$(SEED),SEEDS=$(SEEDS)) $(CARGO) test --release --test simulation -- --nocapture

bench: ## Measure the core alone, then real sockets against a bare loop (ARGS= for the latter)
	$(CARGO) bench --bench core
	$(CARGO) bench --bench load -- $(ARGS)

bench-peers: ## Measure nginx with nchan (Debian packages) as rpushd is measured; ARGS= as for bench
	benches/peers/run.sh $(ARGS)

fuzz: ## Fuzz TARGET=nginx_config for FUZZ_SECONDS=600 (needs cargo-fuzz)
	RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir tests/fuzz $(TARGET) -- -max_total_time=$(FUZZ_SECONDS) \
		$(addprefix -dict=,$(wildcard tests/fuzz/dictionaries/$(TARGET).dict))

fmt: ## Format the sources
	$(CARGO) fmt

lint: ## Run clippy, warnings are errors
	$(CARGO) clippy --all-targets -- -D warnings

install: build ## Install binary, man page, systemd units and examples (DESTDIR=, prefix=/usr/local)
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir) $(DESTDIR)$(docdir)/proxies $(DESTDIR)$(unitdir)
	$(INSTALL) -m 755 $(binary) $(DESTDIR)$(bindir)/rpushd
	$(INSTALL) -m 644 packaging/man/rpushd.1 $(DESTDIR)$(mandir)/rpushd.1
	sed 's,^ExecStart=rpushd,ExecStart=$(bindir)/rpushd,' packaging/systemd/rpushd.service \
		>$(DESTDIR)$(unitdir)/rpushd.service
	chmod 644 $(DESTDIR)$(unitdir)/rpushd.service
	$(INSTALL) -m 644 packaging/systemd/rpushd.socket $(DESTDIR)$(unitdir)/rpushd.socket
	$(INSTALL) -m 644 README.md LICENSE packaging/*.md packaging/*.toml packaging/rpushd.env.example \
		$(DESTDIR)$(docdir)
	cp -R packaging/proxies/. $(DESTDIR)$(docdir)/proxies
	@echo "Settings go to $(sysconfdir)/rpushd.env (mode 600); $(docdir)/rpushd.env.example lists them."

dist: build ## Make the release archive target/dist/rpushd-linux-ARCH-gnu.tar.gz and its .sha256
	rm -rf $(dist)/$(archive)
	$(INSTALL) -d $(dist)/$(archive)/proxies
	$(INSTALL) -m 755 $(binary) $(dist)/$(archive)/rpushd
	sed 's,^ExecStart=rpushd,ExecStart=/opt/rpushd/rpushd,' packaging/systemd/rpushd.service \
		>$(dist)/$(archive)/rpushd.service
	$(INSTALL) -m 644 packaging/systemd/rpushd.socket packaging/man/rpushd.1 packaging/*.md \
		packaging/*.toml packaging/rpushd.env.example README.md LICENSE $(dist)/$(archive)
	cp -R packaging/proxies/. $(dist)/$(archive)/proxies
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$$(git log -1 --format=%ct)" \
		-C $(dist) -czf $(dist)/$(archive).tar.gz $(archive)
	cd $(dist) && sha256sum $(archive).tar.gz >$(archive).tar.gz.sha256
	@ls -l $(dist)/$(archive).tar.gz

clean: ## Remove what was built
	$(CARGO) clean
