# `make` builds, `make install` copies, `make help` lists what else there is to do.

CARGO ?= cargo
# Where `make install` puts things; DESTDIR goes in front, for packages. Settings are always in /etc/rpushd,
# where the unit looks for them.
prefix ?= /usr/local
bindir = $(prefix)/bin
mandir = $(prefix)/share/man/man1
docdir = $(prefix)/share/doc/rpushd
unitdir ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
INSTALL ?= install

# For `make simulate`: one seed again, or that many.
SEED ?=
SEEDS ?= 20000
# For `make fuzz`: one of "cargo fuzz list --fuzz-dir tests/fuzz".
TARGET ?= server
FUZZ_SECONDS ?= 600
# Options of the load harness: ARGS="--smoke".
ARGS ?=

version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
# Cargo builds for CARGO_BUILD_TARGET where it is set (x86_64-unknown-linux-musl), else for this machine.
target_parts = $(subst -, ,$(CARGO_BUILD_TARGET))
architecture = $(or $(word 1,$(target_parts)),$(shell uname -m))
archive = rpushd-linux-$(architecture)-$(or $(word 4,$(target_parts)),gnu)
target_dir = $(or $(CARGO_TARGET_DIR),target)
dist = $(target_dir)/dist
binary = $(target_dir)/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release/rpushd
fuzzing = $(target_dir)/fuzz

# The unit, with the folder of the binary. systemd wants whole paths.
unit = sed -E 's,^(Exec[A-Za-z]+)=rpushd ,\1=$(1)/rpushd ,' packaging/systemd/rpushd.service

# Unit and nginx snippet for /opt/rpushd, under the names that they have in the archive and had in 1.0.
opt_files = rpushd.service nginx-location.conf

.DEFAULT_GOAL := build
.PHONY: help run build test check simulate bench bench-peers fuzz fmt lint install uninstall dist clean

help: ## This list
	@echo "rpushd $(version)"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

run: ## Start in development mode: throw-away secrets, loopback only, three lines to paste
	$(CARGO) run --release -- --dev

build: $(opt_files) ## Build the release binary
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

# What was found to be worth keeping stays in the corpus below the build folder; seeds are the small part of it
# that people can read.
fuzz: ## Fuzz TARGET=server (or another of tests/fuzz) for FUZZ_SECONDS=600 (needs cargo-fuzz, g++)
	mkdir -p $(fuzzing)/corpus/$(TARGET)
	RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir tests/fuzz --target-dir $(fuzzing) $(TARGET) \
		$(fuzzing)/corpus/$(TARGET) tests/fuzz/seeds/$(TARGET) -- \
		-max_total_time=$(FUZZ_SECONDS) -timeout=20 \
		$(addprefix -dict=,$(wildcard tests/fuzz/dictionaries/$(TARGET).dict))

# The unit works where the user rpushd was not made, too: systemd makes one up then (DynamicUser=).
rpushd.service: packaging/systemd/rpushd.service Makefile
	$(call unit,/opt/rpushd) | sed 's,^User=,DynamicUser=yes\n&,' >$@

nginx-location.conf: packaging/proxies/nginx-rpushd.conf
	cp $< $@

fmt: ## Format the sources
	$(CARGO) fmt

lint: ## Run clippy, warnings are errors
	$(CARGO) clippy --all-targets -- -D warnings

install: ## Copy what `make` has built: binary, man page, units, examples (DESTDIR=, prefix=/usr/local)
	@test -x $(binary) || { echo "$(binary) is not there: run make first, without sudo" >&2; exit 1; }
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir) $(DESTDIR)$(docdir)/proxies $(DESTDIR)$(unitdir) \
		$(DESTDIR)$(sysusersdir) $(DESTDIR)$(tmpfilesdir) $(DESTDIR)/etc/rpushd
	$(INSTALL) -m 755 $(binary) $(DESTDIR)$(bindir)/rpushd
	$(INSTALL) -m 644 packaging/man/rpushd.1 $(DESTDIR)$(mandir)/rpushd.1
	$(call unit,$(bindir)) >$(DESTDIR)$(unitdir)/rpushd.service
	chmod 644 $(DESTDIR)$(unitdir)/rpushd.service
	$(INSTALL) -m 644 packaging/systemd/rpushd.sysusers $(DESTDIR)$(sysusersdir)/rpushd.conf
	$(INSTALL) -m 644 packaging/systemd/rpushd.tmpfiles $(DESTDIR)$(tmpfilesdir)/rpushd.conf
	test -e $(DESTDIR)/etc/rpushd/rpushd.toml || \
		$(INSTALL) -m 640 packaging/rpushd.toml $(DESTDIR)/etc/rpushd/rpushd.toml
	$(INSTALL) -m 644 packaging/systemd/rpushd.socket $(DESTDIR)$(unitdir)/rpushd.socket
	$(INSTALL) -m 644 README.md LICENSE packaging/*.md packaging/*.toml packaging/rpushd.env.example \
		$(DESTDIR)$(docdir)
	cp -R packaging/proxies/. $(DESTDIR)$(docdir)/proxies
	@echo "Settings go to /etc/rpushd.env or /etc/rpushd/rpushd.toml; examples of both are in $(docdir)."

uninstall: ## Remove what install has put in place, but for settings (same DESTDIR=, prefix=)
	rm -f $(DESTDIR)$(bindir)/rpushd $(DESTDIR)$(mandir)/rpushd.1
	rm -f $(DESTDIR)$(unitdir)/rpushd.service $(DESTDIR)$(unitdir)/rpushd.socket
	rm -f $(DESTDIR)$(sysusersdir)/rpushd.conf $(DESTDIR)$(tmpfilesdir)/rpushd.conf
	rm -rf $(DESTDIR)$(docdir)

dist: build ## Make the release archive target/dist/rpushd-linux-ARCH-LIBC.tar.gz and its .sha256
	rm -rf $(dist)/$(archive)
	$(INSTALL) -d $(dist)/$(archive)/proxies
	$(INSTALL) -m 755 $(binary) $(dist)/$(archive)/rpushd
	$(INSTALL) -m 644 $(opt_files) packaging/systemd/rpushd.socket packaging/systemd/rpushd.sysusers \
		packaging/systemd/rpushd.tmpfiles packaging/man/rpushd.1 packaging/*.md \
		packaging/*.toml packaging/rpushd.env.example README.md LICENSE $(dist)/$(archive)
	cp -R packaging/proxies/. $(dist)/$(archive)/proxies
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$$(git log -1 --format=%ct 2>/dev/null || date +%s)" \
		-C $(dist) -czf $(dist)/$(archive).tar.gz $(archive)
	cd $(dist) && sha256sum $(archive).tar.gz >$(archive).tar.gz.sha256
	@ls -l $(dist)/$(archive).tar.gz

clean: ## Remove what was built
	$(CARGO) clean
	rm -f $(opt_files)
