/** Every format that outlives a release, or that two releases exchange. */
import type { FrozenFormat } from '../fixture-file.ts'
import { clientMessages } from './client-formats.ts'
import { blocks, grpcPeerMessages, tcpFrames } from './peer-formats.ts'
import { recordings, runFiles } from './run-formats.ts'
import { dataDirectories, snapshotFiles } from './stored-formats.ts'

export const FORMATS: readonly FrozenFormat[] = [
  ...[tcpFrames, grpcPeerMessages, clientMessages, blocks],
  ...[...dataDirectories, snapshotFiles, runFiles, recordings],
]
