// A node of go.etcd.io/raft/v3 as a library, with etcd's write-ahead log and a TCP transport of its own.
//
// The storage is written asynchronously (AsyncStorageWrites): one goroutine merges the appends that wait into one save, another applies.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"quorate.bench/load"

	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

const (
	electionTicks = 10
	// The tick of the etcd server.
	defaultTickMs = 100
	// Each command is preceded by the id of its node and its number there.
	prefixBytes = 16
	keyBytes    = 16
)

type node struct {
	raft    raft.Node
	storage *raft.MemoryStorage
	log     *wal.WAL
	id      uint64
	links   map[uint64]*link
	leader  atomic.Uint64
	applied atomic.Uint64
	number  atomic.Uint64

	mutex   sync.Mutex
	waiting map[uint64]chan struct{}
	values  map[string][]byte
}

func (n *node) IsLeader() bool  { return n.leader.Load() == n.id }
func (n *node) Applied() uint64 { return n.applied.Load() }

func (n *node) Propose(command []byte) error {
	number := n.number.Add(1)
	data := make([]byte, prefixBytes+len(command))
	binary.LittleEndian.PutUint64(data, n.id)
	binary.LittleEndian.PutUint64(data[8:], number)
	copy(data[prefixBytes:], command)
	done := make(chan struct{})
	n.mutex.Lock()
	n.waiting[number] = done
	n.mutex.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := n.raft.Propose(ctx, data); err != nil {
		n.mutex.Lock()
		delete(n.waiting, number)
		n.mutex.Unlock()
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.New("timeout")
	}
}

func (n *node) apply(entries []*raftpb.Entry) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for _, entry := range entries {
		data := entry.GetData()
		if entry.GetType() == raftpb.EntryConfChange {
			var change raftpb.ConfChange
			_ = proto.Unmarshal(data, &change)
			n.mutex.Unlock()
			n.raft.ApplyConfChange(&change)
			n.mutex.Lock()
		} else if len(data) >= prefixBytes+keyBytes {
			n.applyCommand(data)
		}
		n.applied.Store(entry.GetIndex())
	}
}

func (n *node) applyCommand(data []byte) {
	if n.values != nil {
		n.values[string(data[prefixBytes:prefixBytes+keyBytes])] = data[prefixBytes+keyBytes:]
	}
	if binary.LittleEndian.Uint64(data) != n.id {
		return
	}
	number := binary.LittleEndian.Uint64(data[8:])
	if done := n.waiting[number]; done != nil {
		close(done)
		delete(n.waiting, number)
	}
}

func (n *node) respond(messages []*raftpb.Message) {
	for _, message := range messages {
		if message.GetTo() == n.id {
			_ = n.raft.Step(context.Background(), message)
		} else if link := n.links[message.GetTo()]; link != nil {
			link.send(message)
		}
	}
}

// appendAll saves what waits with one sync, then responds.
func (n *node) appendAll(appends chan *raftpb.Message) {
	for message := range appends {
		batch := []*raftpb.Message{message}
		for len(appends) > 0 {
			batch = append(batch, <-appends)
		}
		var entries []*raftpb.Entry
		var state *raftpb.HardState
		for _, message := range batch {
			if len(message.Entries) > 0 {
				first := message.Entries[0].GetIndex()
				for len(entries) > 0 && entries[len(entries)-1].GetIndex() >= first {
					entries = entries[:len(entries)-1]
				}
				entries = append(entries, message.Entries...)
			}
			if message.Term != nil || message.Vote != nil || message.Commit != nil {
				term, vote, commit := message.GetTerm(), message.GetVote(), message.GetCommit()
				state = &raftpb.HardState{Term: &term, Vote: &vote, Commit: &commit}
			}
		}
		if err := n.log.Save(state, entries); err != nil {
			panic(err)
		}
		_ = n.storage.Append(entries)
		if state != nil {
			_ = n.storage.SetHardState(state)
		}
		for _, message := range batch {
			n.respond(message.Responses)
		}
	}
}

func (n *node) applyAll(applies chan *raftpb.Message) {
	for message := range applies {
		n.apply(message.Entries)
		n.respond(message.Responses)
	}
}

// recover opens the log, creates it if there is none, and returns whether there was one.
func (n *node) recover(directory string) bool {
	exists := wal.Exist(directory)
	if !exists {
		load.Must(wal.Create(zap.NewNop(), directory, nil)).Close()
	}
	var index, term uint64
	n.log = load.Must(wal.Open(zap.NewNop(), directory, &walpb.Snapshot{Index: &index, Term: &term}))
	_, state, entries, err := n.log.ReadAll()
	if err != nil {
		panic(err)
	}
	if state != nil {
		_ = n.storage.SetHardState(state)
	}
	_ = n.storage.Append(entries)
	return exists
}

func main() {
	flags := load.ParseFlags()
	n := &node{
		storage: raft.NewMemoryStorage(), id: uint64(flags.ID),
		links: map[uint64]*link{}, waiting: map[uint64]chan struct{}{},
	}
	n.number.Store(uint64(time.Now().UnixNano()))
	if flags.KeepValues {
		n.values = map[string][]byte{}
	}
	exists := n.recover(filepath.Join(flags.Directory, "wal"))
	settings := &raft.Config{
		ID: n.id, ElectionTick: electionTicks, HeartbeatTick: 1, Storage: n.storage, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 256,
		MaxUncommittedEntriesSize: 1 << 30, PreVote: true, CheckQuorum: true, AsyncStorageWrites: true,
		Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
	}
	var members []raft.Peer
	for at, address := range flags.Peers {
		members = append(members, raft.Peer{ID: uint64(at + 1)})
		if at+1 != flags.ID {
			n.links[uint64(at+1)] = openLink(address)
		}
	}
	if exists {
		n.raft = raft.RestartNode(settings)
	} else {
		n.raft = raft.StartNode(settings, members)
	}
	listener := load.Must(net.Listen("tcp", flags.Peers[flags.ID-1]))
	go func() {
		for {
			go n.receive(load.Must(listener.Accept()))
		}
	}()
	go load.Serve(flags.Control, n)
	n.run(flags.ElectionMs)
}

func (n *node) run(electionMs int) {
	appends, applies := make(chan *raftpb.Message, queued), make(chan *raftpb.Message, queued)
	go n.appendAll(appends)
	go n.applyAll(applies)
	tick := defaultTickMs
	if electionMs > 0 {
		tick = electionMs / electionTicks
	}
	ticker := time.NewTicker(time.Duration(tick) * time.Millisecond)
	for {
		select {
		case <-ticker.C:
			n.raft.Tick()
		case ready := <-n.raft.Ready():
			if ready.SoftState != nil {
				n.leader.Store(ready.SoftState.Lead)
			}
			for _, message := range ready.Messages {
				switch message.GetTo() {
				case raft.LocalAppendThread:
					appends <- message
				case raft.LocalApplyThread:
					applies <- message
				default:
					n.respond([]*raftpb.Message{message})
				}
			}
		}
	}
}
