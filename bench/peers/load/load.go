// Package load is the Go twin of bench/processes/load.ts: loops of operations, each of which starts its next one when the last has ended.
package load

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Request says what to run. The names in JSON are those of LoadRequest in bench/processes/load.ts.
type Request struct {
	Operation     string  `json:"operation"`
	Outstanding   int     `json:"outstanding"`
	Seconds       float64 `json:"seconds"`
	Bytes         int     `json:"bytes"`
	OperationsMax int64   `json:"operationsMax"`
}

// Result has the names of LoadResult in bench/processes/load.ts.
type Result struct {
	Operations int     `json:"operations"`
	Failures   int64   `json:"failures"`
	Seconds    float64 `json:"seconds"`
	P50Ms      float64 `json:"p50Ms"`
	P99Ms      float64 `json:"p99Ms"`
}

const keys = 10000

// Key returns the key of an operation: 16 bytes.
func Key(number int64) string { return fmt.Sprintf("k%015d", number%keys) }

// Command returns a key and a value of together `size` bytes, 16 at least.
func Command(number int64, size int) []byte {
	command := make([]byte, max(size, 16))
	for at := range command {
		command[at] = 7
	}
	copy(command, Key(number))
	return command
}

// Run calls operation with increasing numbers until the time or the number of operations is over.
func Run(request Request, operation func(loop int, number int64) error) Result {
	var started, failures int64
	var wait sync.WaitGroup
	latencies := make([][]float64, request.Outstanding)
	start := time.Now()
	end := start.Add(time.Duration(request.Seconds * 1e9))
	for loop := range request.Outstanding {
		wait.Go(func() {
			for time.Now().Before(end) {
				number := atomic.AddInt64(&started, 1)
				if request.OperationsMax > 0 && number > request.OperationsMax {
					return
				}
				begin := time.Now()
				if operation(loop, number) != nil {
					atomic.AddInt64(&failures, 1)
					time.Sleep(time.Millisecond)
					continue
				}
				latencies[loop] = append(latencies[loop], float64(time.Since(begin).Microseconds())/1000)
			}
		})
	}
	wait.Wait()
	seconds := time.Since(start).Seconds()
	all := slices.Concat(latencies...)
	slices.Sort(all)
	at := func(share float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return all[min(len(all)-1, int(share*float64(len(all))))]
	}
	return Result{len(all), failures, seconds, at(0.5), at(0.99)}
}
