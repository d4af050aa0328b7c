// A node of dragonboat v4 with its own storage (tan) and transport.
package main

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"quorate.bench/load"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/client"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/logger"
	"github.com/lni/dragonboat/v4/statemachine"
)

const (
	shard       = 1
	electionRTT = 10
	// The round-trip time has no default in the library; with this one the election timeout is one second, as in etcd.
	defaultRTTMs = 100
)

type machine struct {
	mutex   sync.Mutex
	values  map[string][]byte
	applied uint64
}

func (m *machine) Update(entry statemachine.Entry) (statemachine.Result, error) {
	if m.values != nil {
		command := append([]byte(nil), entry.Cmd...)
		m.mutex.Lock()
		m.values[string(command[:16])] = command[16:]
		m.mutex.Unlock()
	}
	atomic.StoreUint64(&m.applied, entry.Index)
	return statemachine.Result{Value: 1}, nil
}

func (m *machine) Lookup(any) (any, error) { return nil, nil }

func (m *machine) SaveSnapshot(io.Writer, statemachine.ISnapshotFileCollection, <-chan struct{}) error {
	return nil
}

func (m *machine) RecoverFromSnapshot(io.Reader, []statemachine.SnapshotFile, <-chan struct{}) error {
	return nil
}

func (m *machine) Close() error { return nil }

type node struct {
	host    *dragonboat.NodeHost
	session *client.Session
	id      uint64
	machine *machine
}

func (n *node) Propose(command []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := n.host.SyncPropose(ctx, n.session, command)
	return err
}

func (n *node) IsLeader() bool {
	leader, _, ok, err := n.host.GetLeaderID(shard)
	return err == nil && ok && leader == n.id
}

func (n *node) Applied() uint64 { return atomic.LoadUint64(&n.machine.applied) }

func main() {
	flags := load.ParseFlags()
	for _, name := range []string{"raft", "rsm", "transport", "grpc", "raftpb", "logdb", "dragonboat", "settings", "order", "config", "raftdb", "pebblekv", "tan"} {
		logger.GetLogger(name).SetLevel(logger.CRITICAL)
	}
	members := map[uint64]dragonboat.Target{}
	for at, peer := range flags.Peers {
		members[uint64(at+1)] = peer
	}
	rtt := defaultRTTMs
	if flags.ElectionMs > 0 {
		rtt = flags.ElectionMs / electionRTT
	}
	host := load.Must(dragonboat.NewNodeHost(config.NodeHostConfig{
		NodeHostDir: flags.Directory, WALDir: flags.Directory, RTTMillisecond: uint64(rtt), RaftAddress: flags.Peers[flags.ID-1],
	}))
	state := &machine{}
	if flags.KeepValues {
		state.values = map[string][]byte{}
	}
	replica := config.Config{ReplicaID: uint64(flags.ID), ShardID: shard, ElectionRTT: electionRTT, HeartbeatRTT: 1, CheckQuorum: true}
	create := func(uint64, uint64) statemachine.IStateMachine { return state }
	if err := host.StartReplica(members, false, create, replica); err != nil {
		panic(err)
	}
	load.Serve(flags.Control, &node{host, host.GetNoOPSession(shard), uint64(flags.ID), state})
}
