package load

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Node is a member of a measured cluster.
type Node interface {
	Propose(command []byte) error
	IsLeader() bool
	Applied() uint64
}

// Snapshotter is a node that can take a snapshot, and tells whether it has installed one.
type Snapshotter interface {
	TakeSnapshot() error
	HasRestored() bool
}

// Usage has the names of Usage in bench/processes/parent.ts.
type Usage struct {
	CPUMicroseconds int64 `json:"cpuMicroseconds"`
	RSSBytes        int64 `json:"rssBytes"`
	HeapBytes       int64 `json:"heapBytes"`
}

// UsageOfProcess returns the user and system time of this process, and its resident memory.
func UsageOfProcess() Usage {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return Usage{CPUMicroseconds: (usage.Utime.Nano() + usage.Stime.Nano()) / 1000, RSSBytes: residentBytes()}
}

func residentBytes() int64 {
	text, _ := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// Serve answers the requests of the benchmark over HTTP.
func Serve(address string, node Node) {
	var commands int64
	respond := func(path string, handle func(body Request) (any, error)) {
		http.HandleFunc(path, func(writer http.ResponseWriter, request *http.Request) {
			var body Request
			_ = json.NewDecoder(request.Body).Decode(&body)
			value, err := handle(body)
			if err != nil {
				http.Error(writer, err.Error(), http.StatusServiceUnavailable)
				return
			}
			_ = json.NewEncoder(writer).Encode(value)
		})
	}
	propose := func(size int) error { return node.Propose(Command(atomic.AddInt64(&commands, 1), size)) }
	respond("/usage", func(Request) (any, error) { return UsageOfProcess(), nil })
	respond("/state", func(Request) (any, error) {
		return map[string]any{"isLeader": node.IsLeader(), "applied": node.Applied()}, nil
	})
	respond("/write", func(body Request) (any, error) {
		if !node.IsLeader() {
			return nil, fmt.Errorf("not the leader")
		}
		return "written", propose(body.Bytes)
	})
	respond("/load", func(body Request) (any, error) {
		return Run(body, func(int, int64) error { return propose(body.Bytes) }), nil
	})
	if snapshotter, ok := node.(Snapshotter); ok {
		respond("/snapshot", func(Request) (any, error) {
			begin := time.Now()
			err := snapshotter.TakeSnapshot()
			return time.Since(begin).Seconds(), err
		})
		respond("/restored", func(Request) (any, error) { return snapshotter.HasRestored(), nil })
	}
	panic(http.ListenAndServe(address, nil))
}
