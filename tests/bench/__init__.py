"""`make bench`: how fast it is, as a table and as build/bench.json (docs/speed.md tells what each measure means).

Everything runs on this machine, on a database cluster of its own (or on DATABASE_URL's server) that is gone afterwards,
and talks to 127.0.0.1 only. Times are of this machine and this moment; ratios compare within one run, in turns, so that
what slows the machine down slows both sides. Nothing is asserted: a measurement is not a test.
`ARGS="--only pages"` runs one measure.
"""
