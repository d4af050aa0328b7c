module quorate.bench/load

go 1.26
