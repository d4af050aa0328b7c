/**
 * The layout of the TCP peer protocol, little-endian. Each end of a connection first sends 8 bytes that state what the connection is for,
 * then frames: u32 bytes after this header | u8 type | u8 flags | u16 count of numbers | f64 number[count] | the rest of the frame.
 * docs/reference/peer-protocol.md describes the types. A reader ignores numbers beyond those that it knows.
 */

/** What a connection begins with: a link between two nodes, or the transfer of one snapshot. The digit is the version of the layout. */
export const LINK_PREFACE = 'QRTLINK1'
export const SNAPSHOT_PREFACE = 'QRTSNAP1'
export const PREFACE_BYTES = 8

export const HEADER_BYTES = 8
export const NUMBER_BYTES = 8
/** In front of each block of an AppendEntriesRequest. */
export const BLOCK_LENGTH_BYTES = 4

export const FRAME = {
  hello: 1,
  refusal: 2,
  ping: 3,
  pong: 4,
  end: 5,
  fetch: 6,
  chunk: 7,
  failure: 8,
  requestVoteRequest: 17,
  requestVoteResponse: 18,
  preVoteRequest: 19,
  preVoteResponse: 20,
  appendEntriesRequest: 21,
  appendEntriesResponse: 22,
  installSnapshotRequest: 23,
  installSnapshotResponse: 24,
  timeoutNow: 25,
  readIndexRequest: 26,
  readIndexResponse: 27,
  proposeRequest: 28,
  proposeResponse: 29,
} as const

/** The lowest type of a message between nodes. */
export const MESSAGE_TYPE_MIN: number = FRAME.requestVoteRequest

/** What a frame may have in addition to the largest message, as `messageBytes` counts it. */
export const FRAME_OVERHEAD_BYTES: number = 64 * 1024
