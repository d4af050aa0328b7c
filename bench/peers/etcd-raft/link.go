package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

const (
	queued      = 4096
	bufferBytes = 1 << 20
)

// link sends messages to one peer over its own connection: everything that waits is written with one flush.
type link struct {
	address string
	queue   chan *raftpb.Message
}

func openLink(address string) *link {
	opened := &link{address, make(chan *raftpb.Message, queued)}
	go opened.run()
	return opened
}

// send drops the message if the queue is full.
func (l *link) send(message *raftpb.Message) {
	select {
	case l.queue <- message:
	default:
	}
}

func (l *link) run() {
	for {
		connection, err := net.Dial("tcp", l.address)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			for len(l.queue) > 0 {
				<-l.queue
			}
			continue
		}
		l.writeAll(connection)
		connection.Close()
	}
}

func (l *link) writeAll(connection net.Conn) {
	writer := bufio.NewWriterSize(connection, bufferBytes)
	var bytes []byte
	for message := range l.queue {
		bytes, _ = proto.MarshalOptions{}.MarshalAppend(bytes[:0], message)
		var header [4]byte
		binary.LittleEndian.PutUint32(header[:], uint32(len(bytes)))
		writer.Write(header[:])
		if _, err := writer.Write(bytes); err != nil {
			return
		}
		if len(l.queue) == 0 && writer.Flush() != nil {
			return
		}
	}
}

// receive passes the messages of one connection to the node.
func (n *node) receive(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReaderSize(connection, bufferBytes)
	var header [4]byte
	for {
		if _, err := io.ReadFull(reader, header[:]); err != nil {
			return
		}
		bytes := make([]byte, binary.LittleEndian.Uint32(header[:]))
		if _, err := io.ReadFull(reader, bytes); err != nil {
			return
		}
		message := &raftpb.Message{}
		if proto.Unmarshal(bytes, message) != nil {
			return
		}
		_ = n.raft.Step(context.Background(), message)
	}
}
