/** The key-value service of the command line: its state machine, its codecs and its limits. */
export { kvAnswerCodec, kvCommandCodec, kvQueryCodec, kvResultCodec } from './codecs.ts'
export { KeyValueMachine } from './key-value-machine.ts'
export type { KvAnswer, KvCommand, KvEntry, KvExpectation, KvQuery, KvResult } from './model.ts'
export { KEY_BYTES_MAX, LIST_BYTES_MAX, LIST_ENTRIES_MAX } from './model.ts'
