/** The messages of a stream of changes (proto/quorate/v1/client.proto), and the conversion of their fields. */
import type { Change, ChangeBatch } from '../../contracts/node-service.ts'
import { safeInteger } from './stream-frames.ts'

export interface WireChangesRequest {
  readonly from: number
  readonly clusterId: string
}

interface WireChange {
  readonly index: number
  readonly term: number
  readonly command: Uint8Array
  readonly result: Uint8Array
  readonly resultMissing: boolean
}

export interface WireChangesFrame {
  readonly changes: readonly WireChange[]
  readonly nextIndex: number
  readonly clusterId: string
}

const NOTHING = new Uint8Array(0)

export function frameOfBatch({ changes, nextIndex, clusterId }: ChangeBatch): WireChangesFrame {
  const wireChanges = changes.map(({ index, term, command, result }) => ({
    ...{ index, term, command },
    ...{ result: result ?? NOTHING, resultMissing: result === undefined },
  }))
  return { changes: wireChanges, nextIndex, clusterId }
}

/** Throws ERR_RAFT_BAD_MESSAGE if a number is out of range. */
export function batchOfFrame({ changes, nextIndex, clusterId }: WireChangesFrame): ChangeBatch {
  return { changes: changes.map(changeOf), nextIndex: safeInteger(nextIndex, 'next index'), clusterId }
}

function changeOf({ index, term, command, result, resultMissing }: WireChange): Change {
  return {
    index: safeInteger(index, 'index'),
    term: safeInteger(term, 'term'),
    command,
    result: resultMissing ? undefined : result,
  }
}
