# The two commands: `make serve` and `make check`. Everything else is Meson's.
.PHONY: all setup serve check bench clean

all: build/build.ninja
	@ninja -C build

setup:
	@dev/setup

build/build.ninja: | setup
	@meson setup build --buildtype=release -Db_lto=true >/dev/null

serve: all
	@dev/serve

check: setup
	@dev/check

bench: all
	@bench/run

clean:
	rm -rf build build-*
