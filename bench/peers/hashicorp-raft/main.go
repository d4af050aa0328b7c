// A node of hashicorp/raft with raft-wal, its TCP transport and its file snapshots.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"quorate.bench/load"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
)

const keyBytes = 16

type machine struct {
	mutex    sync.Mutex
	values   map[string][]byte
	keep     bool
	restored atomic.Bool
}

func (m *machine) Apply(entry *raft.Log) any {
	if m.keep {
		m.mutex.Lock()
		m.values[string(entry.Data[:keyBytes])] = entry.Data[keyBytes:]
		m.mutex.Unlock()
	}
	return nil
}

type snapshot struct {
	keys   []string
	values [][]byte
}

func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	taken := &snapshot{}
	for key, value := range m.values {
		taken.keys = append(taken.keys, key)
		taken.values = append(taken.values, value)
	}
	return taken, nil
}

func (s *snapshot) Persist(sink raft.SnapshotSink) error {
	var header [keyBytes + 4]byte
	for at, key := range s.keys {
		copy(header[:], key)
		binary.LittleEndian.PutUint32(header[keyBytes:], uint32(len(s.values[at])))
		if _, err := sink.Write(header[:]); err != nil {
			return sink.Cancel()
		}
		if _, err := sink.Write(s.values[at]); err != nil {
			return sink.Cancel()
		}
	}
	return sink.Close()
}

func (s *snapshot) Release() {}

func (m *machine) Restore(source io.ReadCloser) error {
	values := map[string][]byte{}
	var header [keyBytes + 4]byte
	for {
		if _, err := io.ReadFull(source, header[:]); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		value := make([]byte, binary.LittleEndian.Uint32(header[keyBytes:]))
		if _, err := io.ReadFull(source, value); err != nil {
			return err
		}
		values[string(header[:keyBytes])] = value
	}
	m.mutex.Lock()
	m.values = values
	m.mutex.Unlock()
	m.restored.Store(true)
	return nil
}

type node struct {
	raft    *raft.Raft
	machine *machine
}

func (n *node) Propose(command []byte) error { return n.raft.Apply(command, 10*time.Second).Error() }
func (n *node) IsLeader() bool               { return n.raft.State() == raft.Leader }
func (n *node) Applied() uint64              { return n.raft.AppliedIndex() }
func (n *node) TakeSnapshot() error          { return n.raft.Snapshot().Error() }
func (n *node) HasRestored() bool            { return n.machine.restored.Load() }

func main() {
	flags := load.ParseFlags()
	settings := raft.DefaultConfig()
	settings.LocalID = raft.ServerID(fmt.Sprint(flags.ID))
	settings.MaxAppendEntries = 1024
	settings.BatchApplyCh = true
	settings.TrailingLogs = 100
	// Snapshots are taken on request only.
	settings.SnapshotThreshold = 1 << 40
	settings.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: io.Discard})
	if flags.ElectionMs > 0 {
		timeout := time.Duration(flags.ElectionMs) * time.Millisecond
		settings.HeartbeatTimeout, settings.ElectionTimeout, settings.LeaderLeaseTimeout = timeout, timeout, timeout/2
		settings.CommitTimeout = min(timeout/4, 50*time.Millisecond)
	}
	directory := filepath.Join(flags.Directory, "wal")
	if err := os.MkdirAll(directory, 0o755); err != nil {
		panic(err)
	}
	store := load.Must(wal.Open(directory))
	logs := load.Must(raft.NewLogCache(4096, store))
	snapshots := load.Must(raft.NewFileSnapshotStore(flags.Directory, 2, io.Discard))
	own := flags.Peers[flags.ID-1]
	address := load.Must(net.ResolveTCPAddr("tcp", own))
	transport := load.Must(raft.NewTCPTransport(own, address, 3, 10*time.Second, io.Discard))
	state := &machine{values: map[string][]byte{}, keep: flags.KeepValues}
	member := load.Must(raft.NewRaft(settings, state, logs, store, snapshots, transport))
	if flags.IsNew {
		var servers []raft.Server
		for at, peer := range flags.Peers {
			servers = append(servers, raft.Server{ID: raft.ServerID(fmt.Sprint(at + 1)), Address: raft.ServerAddress(peer)})
		}
		member.BootstrapCluster(raft.Configuration{Servers: servers})
	}
	load.Serve(flags.Control, &node{member, state})
}
