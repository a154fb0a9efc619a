# The two commands: `make serve` shows the sample site, `make check` runs every test. Both do all set-up.
# Meson describes the build; this file only names the entry points.
.PHONY: all serve check style bench clean

all:
	@dev/setup build
	@dev/build

serve: all
	@dev/serve

check:
	@dev/setup build test
	@dev/check

# Where to tidy first: longest functions and files, deepest nesting, repeated blocks.
style:
	@dev/style

# CASES="1k 10k" SERVERS="pinion nginx" select; results go to bench/results/.
bench: all
	@dev/setup bench
	@bench/run

clean:
	rm -rf build build-*
