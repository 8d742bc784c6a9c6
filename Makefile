# `make` builds, `make install` copies, `make help` lists all targets.

CARGO ?= cargo
# Where `make install` puts files; DESTDIR is prepended, for packages. Settings are always in
# /etc/rpushd, where the unit expects them.
prefix ?= /usr/local
bindir = $(prefix)/bin
mandir = $(prefix)/share/man/man1
docdir = $(prefix)/share/doc/rpushd
unitdir ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
INSTALL ?= install

# For `make simulate`: SEED replays one seed, SEEDS is the number of seeds to run.
SEED ?=
SEEDS ?= 20000
# For `make fuzz`: a target from "cargo fuzz list --fuzz-dir tests/fuzz".
TARGET ?= server
FUZZ_SECONDS ?= 600
# Length of `make soak`; the end takes two minutes more.
SOAK_SECONDS ?= 600
# Options of the load harness, for example ARGS="--smoke".
ARGS ?=

version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
# Cargo builds for CARGO_BUILD_TARGET, such as x86_64-unknown-linux-musl, or else for this machine.
target_parts = $(subst -, ,$(CARGO_BUILD_TARGET))
architecture = $(or $(word 1,$(target_parts)),$(shell uname -m))
archive = rpushd-linux-$(architecture)-$(or $(word 4,$(target_parts)),gnu)
target_dir = $(or $(CARGO_TARGET_DIR),target)
dist = $(target_dir)/dist
binary = $(target_dir)/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release/rpushd
fuzzing = $(target_dir)/fuzz

# The unit with the absolute path of the binary, as systemd requires.
unit = sed -E 's,^(Exec[A-Za-z]+)=rpushd ,\1=$(1)/rpushd ,' packaging/systemd/rpushd.service

# Unit and nginx snippet for /opt/rpushd, with their names in the archive, which are those of 1.0.
opt_files = rpushd.service nginx-location.conf

.DEFAULT_GOAL := build
.PHONY: help run build test check simulate soak bench bench-peers fuzz fuzz-corpus fmt lint install uninstall dist clean

help: ## Show this list
	@echo "rpushd $(version)"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

run: ## Start in development mode: throw-away secrets, loopback only, three lines to paste
	$(CARGO) run --release -- --dev

build: $(opt_files) ## Build the release binary
	$(CARGO) build --release

test: ## Run all tests
	$(CARGO) test

check: ## Check what every change must pass: format, clippy, all tests
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) test

simulate: ## Run the simulation: SEED=7 replays one seed, SEEDS=20000 runs the first 20,000
	$(if $(SEED),SEED=$(SEED),SEEDS=$(SEEDS)) $(CARGO) test --release --test simulation -- --nocapture

soak: ## Load, reloads and faults for SOAK_SECONDS=600: nothing lost, nothing grown (ARGS=--seed=7)
	$(CARGO) bench --bench load -- --soak $(SOAK_SECONDS) $(ARGS)

bench: ## Measure the core, then real sockets against a bare loop (ARGS= for the latter)
	$(CARGO) bench --bench core
	$(CARGO) bench --bench load -- $(ARGS)

bench-peers: ## Measure nginx with nchan (Debian packages) like rpushd; ARGS= as for bench
	benches/peers/run.sh $(ARGS)

# New inputs are kept in the corpus in the build folder. tests/fuzz/seeds has a few readable ones.
fuzz: ## Fuzz TARGET=server (or another of tests/fuzz) for FUZZ_SECONDS=600 (needs cargo-fuzz, g++)
	mkdir -p $(fuzzing)/corpus/$(TARGET)
	tar --skip-old-files -xzf tests/fuzz/corpus.tar.gz -C $(fuzzing)/corpus ./$(TARGET)
	RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir tests/fuzz --target-dir $(fuzzing) $(TARGET) \
		$(fuzzing)/corpus/$(TARGET) tests/fuzz/seeds/$(TARGET) -- \
		-max_total_time=$(FUZZ_SECONDS) -timeout=20 \
		$(addprefix -dict=,$(wildcard tests/fuzz/dictionaries/$(TARGET).dict))

# An input stays if it reaches code that no smaller one reaches.
fuzz-corpus: ## Reduce the fuzz targets' inputs and pack them into tests/fuzz/corpus.tar.gz
	rm -rf $(fuzzing)/reduced
	set -e; for target in $$(ls tests/fuzz/seeds); do mkdir -p $(fuzzing)/reduced/$$target; \
		RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir tests/fuzz --target-dir $(fuzzing) $$target \
			$(fuzzing)/reduced/$$target tests/fuzz/seeds/$$target $(fuzzing)/corpus/$$target -- \
			-set_cover_merge=1 -use_counters=0; done
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C $(fuzzing)/reduced \
		-c . | gzip -9n >tests/fuzz/corpus.tar.gz
	@ls -l tests/fuzz/corpus.tar.gz

# With DynamicUser= the unit works without the user rpushd, too: systemd allocates one.
rpushd.service: packaging/systemd/rpushd.service Makefile
	$(call unit,/opt/rpushd) | sed 's,^User=,DynamicUser=yes\n&,' >$@

nginx-location.conf: packaging/proxies/nginx-rpushd.conf
	cp $< $@

fmt: ## Format the sources
	$(CARGO) fmt

lint: ## Run clippy, warnings are errors
	$(CARGO) clippy --all-targets -- -D warnings

install: ## Copy what `make` built: binary, man page, units, examples (DESTDIR=, prefix=/usr/local)
	@test -x $(binary) || { echo "$(binary) is missing: run make first, without sudo" >&2; exit 1; }
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
	$(INSTALL) -m 644 README.md LICENSE packaging/*.md packaging/doc/*.md packaging/*.toml \
		packaging/rpushd.env.example $(DESTDIR)$(docdir)
	cp -R packaging/proxies/. $(DESTDIR)$(docdir)/proxies
	@echo "Settings: /etc/rpushd.env or /etc/rpushd/rpushd.toml; examples of both are in $(docdir)."

uninstall: ## Remove what install has installed, except settings (same DESTDIR=, prefix=)
	rm -f $(DESTDIR)$(bindir)/rpushd $(DESTDIR)$(mandir)/rpushd.1
	rm -f $(DESTDIR)$(unitdir)/rpushd.service $(DESTDIR)$(unitdir)/rpushd.socket
	rm -f $(DESTDIR)$(sysusersdir)/rpushd.conf $(DESTDIR)$(tmpfilesdir)/rpushd.conf
	rm -rf $(DESTDIR)$(docdir)

dist: build ## Make the release archive target/dist/rpushd-linux-ARCH-LIBC.tar.gz and its .sha256
	rm -rf $(dist)/$(archive)
	$(INSTALL) -d $(dist)/$(archive)/proxies
	$(INSTALL) -m 755 $(binary) $(dist)/$(archive)/rpushd
	$(INSTALL) -m 644 $(opt_files) packaging/systemd/rpushd.socket packaging/systemd/rpushd.sysusers \
		packaging/systemd/rpushd.tmpfiles packaging/man/rpushd.1 packaging/*.md packaging/doc/*.md \
		packaging/*.toml packaging/rpushd.env.example README.md LICENSE $(dist)/$(archive)
	cp -R packaging/proxies/. $(dist)/$(archive)/proxies
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$$(git log -1 --format=%ct 2>/dev/null || date +%s)" \
		-C $(dist) -czf $(dist)/$(archive).tar.gz $(archive)
	cd $(dist) && sha256sum $(archive).tar.gz >$(archive).tar.gz.sha256
	@ls -l $(dist)/$(archive).tar.gz

clean: ## Remove all build output
	$(CARGO) clean
	rm -f $(opt_files)
