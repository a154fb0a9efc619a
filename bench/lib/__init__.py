"""The benchmark harness: what bench/run and bench/syscalls are made of."""
