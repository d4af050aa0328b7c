/** The directory of certificates that `quorate cert` writes: an authority, and what it has signed. Nothing is ever replaced. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage } from '../../platform/error-message.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import type { KeyPair } from './certificates.ts'

export const AUTHORITY_NAME = 'ca'

export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

export function filesOf(directory: string, name: string): CertificateFiles {
  return { cert: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) }
}

/** Only the owner can read the files. Rejects with a CommandFailure if one of them exists. */
export async function writePair(directory: string, name: string, pair: KeyPair): Promise<CertificateFiles> {
  const files = filesOf(directory, name)
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await writeFile(files.key, pair.key, { mode: 0o600, flag: 'wx' })
    await writeFile(files.cert, pair.cert, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw new CommandFailure(`${directory} cannot be written: ${errorMessage(error)}`)
    throw new CommandFailure(`${path} exists, and is not replaced`, {
      exitCode: EXIT.refused,
      hint: 'choose another --dir or name, or move the file away: what uses it may need it',
    })
  }
  return files
}

/** The authority of the directory. */
export async function readAuthority(directory: string): Promise<KeyPair> {
  const { cert, key } = filesOf(directory, AUTHORITY_NAME)
  try {
    return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') }
  } catch (error) {
    throw new CommandFailure(`there is no authority in ${directory}: ${errorMessage(error)}`, {
      exitCode: EXIT.usage,
      hint: `make one: quorate cert init --cluster NAME --dir ${directory}`,
    })
  }
}
