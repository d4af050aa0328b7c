// A load on an etcd cluster through its Go client. It reads one request per line from its input, and writes one result per line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"time"

	"quorate.bench/load"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

func main() {
	list := flag.String("endpoints", "", "addresses of the servers, separated by commas")
	connections := flag.Int("connections", 8, "connections, each to one of the servers")
	flag.Parse()
	endpoints := strings.Split(*list, ",")
	var clients []*clientv3.Client
	for at := range *connections {
		clients = append(clients, load.Must(clientv3.New(clientv3.Config{
			Endpoints: []string{endpoints[at%len(endpoints)]}, DialTimeout: 3 * time.Second, Logger: zap.NewNop(),
		})))
	}
	input := bufio.NewScanner(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for input.Scan() {
		var request load.Request
		if err := json.Unmarshal(input.Bytes(), &request); err != nil {
			panic(err)
		}
		value := string(load.Command(0, request.Bytes-16))
		_ = output.Encode(load.Run(request, func(loop int, number int64) error {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			client := clients[loop%len(clients)]
			if request.Operation == "read" {
				_, err := client.Get(ctx, load.Key(number))
				return err
			}
			_, err := client.Put(ctx, load.Key(number), value)
			return err
		}))
	}
}
