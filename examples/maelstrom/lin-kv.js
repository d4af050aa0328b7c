#!/usr/bin/env node
// The program to give to Maelstrom's --bin: runs main.ts as it is, wherever it is started from.
import { fileURLToPath } from 'node:url'
import { register } from 'tsx/esm/api'

register({ tsconfig: fileURLToPath(new URL('../../tsconfig.json', import.meta.url)) })
await import('./main.ts')
