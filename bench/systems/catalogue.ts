/** All systems that the benchmark can measure. The first that is not missing is the reference of all ratios. */
import { etcd } from './etcd.ts'
import { quorate } from './quorate.ts'
import { raftPeer } from './raft-peer.ts'
import { skeleton } from './skeleton.ts'
import type { System } from './system.ts'

/** `folder` holds the compiled processes. */
export function systemsOf(folder: string): System[] {
  return [
    quorate(folder, { storage: 'segments', transport: 'tcp' }),
    quorate(folder, { storage: 'segments', transport: 'grpc' }),
    quorate(folder, { storage: 'rocksdb', transport: 'tcp' }),
    quorate(folder, { storage: 'rocksdb', transport: 'grpc' }),
    skeleton(folder, { disk: 'file', link: 'tcp' }),
    skeleton(folder, { disk: 'rocksdb', link: 'grpc' }),
    raftPeer(
      'etcd-raft',
      'go.etcd.io/raft v3 as a library, with the write-ahead log of etcd and a TCP link of our own',
    ),
    raftPeer('hashicorp-raft', 'hashicorp/raft with raft-wal and its TCP transport', true),
    raftPeer('dragonboat', 'dragonboat v4 with its own storage and transport'),
    etcd,
  ]
}
