/** The key-value service, for those who start or call it. */
export { kvAnswerCodec, kvCommandCodec, kvQueryCodec, kvResultCodec } from './codecs.ts'
export { KeyValueMachine } from './key-value-machine.ts'
export type { KvAnswer, KvCommand, KvEntry, KvExpectation, KvQuery, KvResult } from './model.ts'
export { KEY_BYTES_MAX, LIST_BYTES_MAX, LIST_ENTRIES_MAX } from './model.ts'
