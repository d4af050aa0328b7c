/**
 * Loads the services and messages of .proto files. Parsing them, and loading what parses them, takes a fifth of the CPU time of a start, so it
 * waits for the first message.
 */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Options, PackageDefinition } from '@grpc/proto-loader'

/** `files` are names below proto/. */
export function loadProtos(files: readonly string[], options: Options = {}): PackageDefinition {
  const { loadSync } = createRequire(import.meta.url)('@grpc/proto-loader') as typeof import('@grpc/proto-loader')
  const includeDirs = [fileURLToPath(new URL('../../../proto', import.meta.url))]
  return loadSync([...files], { includeDirs, longs: Number, enums: String, defaults: true, ...options })
}
