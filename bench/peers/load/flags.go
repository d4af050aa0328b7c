package load

import (
	"flag"
	"os"
	"strings"
)

// Flags are those of every measured Go program.
type Flags struct {
	// ID is the position of this node in Peers, from 1 on.
	ID         int
	Directory  string
	Peers      []string
	Control    string
	ElectionMs int
	KeepValues bool
	// IsNew: the node forms the cluster; otherwise it has a log, or waits for one.
	IsNew bool
}

// ParseFlags reads the flags and creates the directory.
func ParseFlags() Flags {
	id := flag.Int("id", 1, "position of this node in -peers, from 1 on")
	directory := flag.String("dir", "", "data directory")
	peers := flag.String("peers", "", "addresses of all nodes, separated by commas")
	control := flag.String("control", "", "address for the requests of the benchmark")
	election := flag.Int("election", 0, "election timeout in ms; 0 for the library's default")
	keep := flag.Bool("keep", false, "the state machine keeps values by key")
	isNew := flag.Bool("new", false, "form the cluster")
	flag.Parse()
	if err := os.MkdirAll(*directory, 0o755); err != nil {
		panic(err)
	}
	return Flags{*id, *directory, strings.Split(*peers, ","), *control, *election, *keep, *isNew}
}

// Must panics on an error.
func Must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
