/** Bugs in what a node does beside the log: forwarding, the feed of changes, machine versions and the autopilot. */
import type { KnownBug } from '../known-bug.ts'

export const SERVICES: readonly KnownBug[] = [
  {
    name: 'forwarded-twice',
    does: 'appends a forwarded proposal again when its message is repeated, because the answer was lost',
    system: 'Fluree',
    sources: ['fluree/db#1839'],
    edits: [
      {
        file: 'src/core/rules/forward.ts',
        from: '    leader.forwards.record(from, message, result)\n',
        to: '',
      },
    ],
    detectedBy: ['I10', 'I15'],
  },
  {
    name: 'changes-without-the-compacted',
    does: 'lets a reader of changes continue at the first change that it keeps, and does not say that earlier ones are missing',
    system: 'etcd',
    sources: ['etcd-io/etcd#19179', 'etcd-io/etcd#18089'],
    edits: [
      {
        file: 'src/runtime/changes/change-feed.ts',
        from: '    if (index < this.#firstIndex) throw compactedError(index, this.#firstIndex)\n',
        to: '',
      },
    ],
    detectedBy: ['I22'],
  },
  {
    name: 'changes-across-a-restore',
    does: 'takes what a snapshot contains for changes that its readers have received',
    system: 'etcd',
    sources: ['etcd-io/etcd#15271'],
    edits: [
      {
        file: 'src/runtime/changes/change-feed.ts',
        from: `  onRestored(index: LogIndex): void {
    this.#blocks = []
    this.#head = 0
    this.#count = 0
    this.#bytes = 0
    this.#firstIndex = index + 1
`,
        to: '  onRestored(index: LogIndex): void {\n',
      },
    ],
    detectedBy: ['I22'],
  },
]
